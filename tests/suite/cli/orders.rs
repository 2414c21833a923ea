//! Goal: the verbs for what becomes of an order do what the calls do, say what came of it, and refuse what
//! cannot be before anything is sent. Method: the real binary against a real server whose clock stands
//! still.

use serde_json::Value;

use super::{doorbuster, text};
use crate::support::{Node, OPENS_AT, item, order};

struct Shop {
    node: Node,
    sale: String,
    item: String,
    url: String,
}

impl Shop {
    async fn open() -> Self {
        let node = Node::start().await;
        let (sale, mut items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
        let url = format!("http://{}", node.address());
        Self { node, sale, item: items.remove(0), url }
    }

    fn run(&self, words: &[&str], form: &[&str]) -> std::process::Output {
        doorbuster(&[words, form, &["--quiet", "--server", &self.url]].concat())
    }

    fn json(&self, words: &[&str]) -> Value {
        let output = self.run(words, &["--json"]);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn told(&self, words: &[&str]) -> String {
        let output = self.run(words, &[]);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout).to_owned()
    }

    fn on(&self, verb: &str, order: &str, more: &[&str]) -> Vec<String> {
        let words = ["order", verb, "--item", &self.item, "--order", order];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// Runs a verb on an order.
    fn act(&self, verb: &str, order: &str, more: &[&str]) -> Value {
        let words = self.on(verb, order, more);
        self.json(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_refunded_listed_and_settled_on_the_command_line() {
    let shop = Shop::open().await;
    let placed = order(&shop.node.place(&shop.item, "ann", 3).await.unwrap());
    shop.node.pay(&placed).await;
    let back = ["--units", "1", "--restock", "--reason", "sent back", "--operator", "olga"];
    let refunded = shop.act("refund", &placed.order_id, &back);
    let shown = &refunded["order"];
    assert_eq!(
        (shown["refunded_units"].as_i64(), shown["state"].as_str()),
        (Some(1), Some("PAID"))
    );
    let due = shown["dues"][0]["due_id"].as_str().unwrap().to_owned();

    shop.node.advance(5_400);
    let table = shop.told(&["order", "refunds-due"]);
    let row = table.lines().nth(1).unwrap();
    for part in [&*due, "ann", "REFUNDED", "1999.00 CNY", "1 h 30 min"] {
        assert!(row.contains(part), "{part}: {table}");
    }
    let listed = shop.json(&["order", "refunds-due", &shop.sale]);
    assert_eq!(listed["refunds"][0]["age_ms"].as_i64(), Some(5_400_000));
    let csv = shop.run(&["order", "refunds-due"], &["--csv"]);
    let csv = text(&csv.stdout);
    assert!(csv.starts_with("due,item,order,buyer,cause,amount_minor,payment,since,age,"), "{csv}");
    assert!(csv.contains(",199900,") && csv.contains(",5400000,"), "{csv}");

    let sums = shop.told(&["report", "refunds"]);
    let all = sums.lines().last().unwrap();
    assert!(all.trim_start().starts_with("(all)"), "{sums}");
    let settle =
        ["order", "settle", "--item", &shop.item, "--due", &due, "--reference", "transfer-1"];
    let told = shop.told(&[&settle[..], &["--reason", "daily run"]].concat());
    assert!(told.contains(&format!("{due} 1999.00 CNY, settled by transfer-1")), "{told}");
    assert!(told.contains("1 of 3 units, 1999.00 CNY"), "{told}");
    assert_eq!(shop.json(&["order", "refunds-due"])["refunds"], serde_json::json!([]));
    let settled = shop.json(&["order", "refunds-due", "--state", "settled", "--buyer", "ann"]);
    assert_eq!(settled["refunds"][0]["settle_reference"], "transfer-1");
    let report = shop.json(&["report", "refunds", "--item", &shop.item]);
    let total = &report["totals"][0];
    assert_eq!(total["settled"]["amount"]["amount_minor"].as_i64(), Some(199_900), "{report}");
    assert_eq!(total["open"]["dues"].as_i64(), Some(0));
    // Net, with the gross beside it.
    let sales = shop.told(&["report", "sales", &shop.sale]);
    assert!(sales.contains("GROSS") && sales.contains("3998.00 CNY"), "{sales}");
    assert!(sales.contains("5997.00 CNY"), "{sales}");
    let orders = shop.told(&["order", "list"]);
    assert!(orders.contains("REFUNDED UNITS"), "{orders}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_extended_a_failed_payment_noted_and_an_operator_cancels_any_buyers_order() {
    let shop = Shop::open().await;
    let placed = order(&shop.node.place(&shop.item, "bob", 1).await.unwrap());
    let id = placed.order_id.as_str();
    let failed = shop.act("fail", id, &["--reference", "pay-1", "--code", "insufficient_funds"]);
    assert_eq!(failed["order"]["failed_payments"].as_i64(), Some(1));
    let until = OPENS_AT.plus(3_600_000).to_string();
    let extended = shop.act("extend", id, &["--until", &until, "--reason", "the bank is slow"]);
    assert_eq!(extended["order"]["pay_by_time"].as_str(), Some(until.as_str()));
    let cancelled = shop.act("cancel", id, &["--operator", "olga", "--reason", "a reseller"]);
    assert_eq!(cancelled["order"]["state"], "CANCELLED");
    let acts = shop.json(&["report", "acts", &shop.sale]);
    let last = acts["acts"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["operator"]), (&"OrderCancelled".into(), &"olga".into()));
    // A buyer needs no reason.
    let placed = order(&shop.node.place(&shop.item, "cid", 1).await.unwrap());
    let gone = shop.act("cancel", &placed.order_id, &["--buyer", "cid"]);
    assert_eq!(gone["order"]["state"], "CANCELLED");
}

#[test]
fn what_is_missing_or_contradicts_itself_is_refused_before_anything_is_sent() {
    let id = "5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10";
    let order = ["--item", id, "--order", id, "--server=http://127.0.0.1:1"];
    for (verb, more, named) in [
        ("cancel", &[][..], "--reason"),
        ("cancel", &["--buyer", "ann", "--reason", "why"], "--reason"),
        ("refund", &["--units", "0", "--restock", "--reason", "why"], "--units"),
        ("refund", &["--units", "1", "--reason", "why"], "--restock"),
        ("refund", &["--units", "1", "--restock", "--write-off", "--reason", "why"], "--write-off"),
        ("extend", &["--until", "tomorrow", "--reason", "why"], "--until"),
        ("fail", &["--reference", "pay-1"], "--code"),
    ] {
        let output = doorbuster(&[&["order", verb], &order[..], more].concat());
        assert_eq!(output.status.code(), Some(2), "{verb} {more:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(named), "{verb}: {}", text(&output.stderr));
    }
    let settle =
        ["order", "settle", "--item", id, "--due", "7", "--reference", "t", "--reason", "w"];
    let output = doorbuster(&[&settle[..], &["--server=http://127.0.0.1:1"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--due"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_by_sku_found_by_its_references_and_acted_on_by_its_id() {
    let shop = Shop::open().await;
    let named = format!("{}/phone", shop.sale);
    let place = ["order", "place", "--item", &named, "--buyer", "ann", "--units", "2"];
    let called = ["--shop-order-id", "S-17", "--label", "store=a=b", "--label", "campaign=1111"];
    let placed = shop.json(&[&place[..], &called].concat());
    let order = placed["order"]["order_id"].as_str().unwrap();
    assert_eq!(placed["order"]["item_id"], shop.item.as_str());
    assert_eq!(placed["order"]["shop_order_id"], "S-17");
    let label = |name: &str, value: &str| serde_json::json!({ "name": name, "value": value });
    let labels = serde_json::json!([label("campaign", "1111"), label("store", "a=b")]);
    assert_eq!(placed["order"]["labels"], labels);

    for known in [["--order", order], ["--shop-order-id", "S-17"], ["--label", "store=a=b"]] {
        let found = shop.json(&[&["order", "find"][..], &known].concat());
        assert_eq!(found["orders"][0]["order_id"], order, "{known:?}");
    }
    let told = shop.told(&["order", "find", &shop.sale, "--label", "campaign=1111"]);
    let row = told.lines().nth(1).unwrap();
    assert!(row.contains("S-17") && row.contains("campaign=1111; store=a=b"), "{told}");

    let shown = shop.told(&["order", "get", "--order", order, "--buyer", "ann"]);
    assert!(shown.contains("S-17") && shown.contains("campaign=1111; store=a=b"), "{shown}");
    let extend =
        ["order", "extend", "--order", order, "--until", &OPENS_AT.plus(600_000).to_string()]
            .map(str::to_owned);
    let extend: Vec<&str> = extend.iter().map(String::as_str).collect();
    shop.json(&[&extend[..], &["--reason", "slow"]].concat());
    let cancelled = shop.json(&["order", "cancel", "--order", order, "--buyer", "ann"]);
    assert_eq!(cancelled["order"]["state"], "CANCELLED");

    let missing = "5f0c1a2e-0000-4000-8000-00000000beef";
    for (words, said) in [
        (vec!["order", "get", "--order", missing, "--buyer", "ann"], "there is no order"),
        (vec!["order", "cancel", "--order", missing, "--reason", "a"], "order_id does not exist"),
        (vec!["order", "find"], "required"),
        (vec!["order", "find", "--label", "store"], "must be NAME=VALUE"),
        (
            [&place[..], &["--label", "a=1", "--label", "a=2"]].concat(),
            "--label[1].name looks like",
        ),
        ([&place[..], &["--shop-order-id", &"x".repeat(65)]].concat(), "--shop-order-id must have"),
    ] {
        let output = shop.run(&words, &[]);
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(said), "{words:?}: {told}");
    }
}
