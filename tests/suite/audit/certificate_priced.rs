//! Goal: a certificate of version 2 says what each order cost and why it adds up; a log of plain items
//! has one of version 1.
//!
//! Method: the certificate of the hand-made log of `goods` is compared with the one kept in
//! tests/golden/certificates and with figures worked out on paper. The kept one is also what
//! tests/python/certificate.py gives to the shipped checker.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{
    certificate::{certificate, leads, parsed, prove},
    goods::{self, steer},
    story::{self, OPENS, Story, order},
};

/// A moment after all of the hand-made log, and after all of that of plain items.
const LATER: i64 = OPENS + 20_001;

fn golden() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/certificates/priced.certificate"
    ))
}

/// The hand-made log, and a plain item with an order of its own in the same sale.
fn with_a_plain_item() -> Story {
    let mut story = goods::sound();
    story.put_up("B", None, &[("east", 3)]);
    story.place(70, "jon", &[("east", 2)], LATER);
    story.move_last_to("B", 70);
    story
}

#[test]
fn a_certificate_of_version_2_has_the_bytes_that_were_kept() {
    let document = certificate(&with_a_plain_item());
    if env::var_os("UPDATE_GOLDEN").is_some() && !golden().exists() {
        fs::create_dir_all(golden().parent().unwrap()).unwrap();
        fs::write(golden(), &document).unwrap();
    }
    let kept = fs::read(golden()).unwrap();
    assert!(document == kept, "{}", String::from_utf8(document).unwrap());
}

#[test]
fn orders_of_version_2_say_what_they_cost_and_items_what_they_earned() {
    let all = parsed(&certificate(&with_a_plain_item()));
    assert_eq!(all[0]["version"], json!(2));
    assert_eq!(all[0]["claims"].as_array().unwrap().len(), 6);
    let expected = [
        (10, json!([[1, 990]]), 0, 990, "paid"),
        (11, json!([[3, 990], [2, 1290]]), 500, 5050, "cancelled"),
        (14, json!([[2, 990]]), 0, 1980, "expired"),
        (15, json!([[1, 990], [3, 1100]]), 429, 3861, "paid"),
        (16, json!([[2, 1290]]), 200, 2380, "expired"),
        (17, json!([[1, 1000]]), 0, 1000, "cancelled"),
        (18, json!([[1, 1000], [1, 1500]]), 200, 2300, "held"),
        (19, json!([[6, 1500]]), 500, 8500, "held"),
    ];
    for (request, parts, discount, total, state) in expected {
        let line = all.iter().find(|line| line["order_id"] == json!(order(request))).unwrap();
        let money =
            ["parts", "discount_minor", "total_minor", "refunded", "refunded_minor", "state"];
        let told = money.map(|name| line[name].clone());
        let due = [parts, json!(discount), json!(total), json!([]), json!(0), json!(state)];
        assert_eq!(told, due, "{request}");
    }
    let item = |sku: &str| all.iter().find(|line| line["sku"] == sku).unwrap();
    let earned = |line: &Value| [line["paid_minor"].clone(), line["refunded_minor"].clone()];
    assert_eq!(earned(item("A")), [json!(990 + 3861), json!(0)]);
    assert_eq!(earned(item("B")), [json!(0), json!(0)]);
    let counts = json!({"held": 2, "paid": 2, "cancelled": 2, "expired": 2, "refunded": 0});
    assert_eq!(item("A")["orders"], counts);
    let plain = all.iter().find(|line| line["units"] == 2 && line["total_minor"] == 1000).unwrap();
    assert_eq!(plain["parts"], json!([[2, 500]]));
}

#[test]
fn an_order_of_a_certificate_of_version_2_is_proved() {
    let document = certificate(&with_a_plain_item());
    let root = parsed(&document).pop().unwrap()["root"].as_str().unwrap().to_owned();
    for request in [10, 11, 15, 19] {
        let mut proof = prove(order(request), &document).unwrap();
        assert!(leads(&proof, &root));
        proof.order = proof.order.replace("\"discount_minor\":", "\"discount_minor\":1");
        assert!(!leads(&proof, &root));
    }
}

#[test]
fn only_a_log_of_plain_items_has_a_certificate_of_version_1() {
    type Change = fn(&mut Story);
    let version = |change: Change| {
        let mut story = story::sound();
        let closed = story.index("SaleClosed");
        story.events.truncate(closed);
        change(&mut story);
        parsed(&certificate(&story))[0]["version"].as_u64().unwrap()
    };
    assert_eq!(version(|_| {}), 1);
    let not_plain: [(&str, Change); 8] = [
        ("a move of units", |s| {
            let moved = json!({"from": "west", "to": "north", "units": 1, "moved_at_ms": LATER});
            steer(s, "StockMoved", 80, moved);
        }),
        ("a withdrawal", |s| {
            let withdrawn = json!({"warehouse": "west", "units": 1, "withdrawn_at_ms": LATER});
            steer(s, "StockWithdrawn", 80, withdrawn);
        }),
        ("a supplier", |s| {
            s.allocate("A", 80, 0, "west", 1, LATER);
            s.events.last_mut().unwrap().data["supplier"] = json!("acme");
        }),
        ("prices", |s| {
            let prices = json!({"unit_price_minor": 500});
            let set = json!({"ladder": 1, "prices": prices, "set_at_ms": LATER});
            steer(s, "PricesSet", 80, set);
        }),
        ("an audience", |s| {
            steer(s, "AudienceSet", 80, json!({"audience": {}, "set_at_ms": LATER}));
        }),
        ("a reserve plan", |s| {
            steer(s, "ReservePlanSet", 80, json!({"steps": [], "set_at_ms": LATER}));
        }),
        ("the region of an order", |s| {
            s.place(80, "dan", &[("east", 1)], LATER);
            s.events.last_mut().unwrap().data["region"] = json!("east");
        }),
        ("an item that is planned with offers and not put up yet", |s| {
            let mut created = s.first("SaleCreated").data.clone();
            created["items"][0]["item_id"] = json!(story::item("C"));
            created["items"][0]["sku"] = json!("C");
            created["items"][0]["offers"] = goods::offers();
            let third = created["items"][0].clone();
            s.first("SaleCreated").data["items"].as_array_mut().unwrap().push(third);
        }),
    ];
    for (what, change) in not_plain {
        assert_eq!(version(change), 2, "{what}");
    }
}
