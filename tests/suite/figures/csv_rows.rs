//! CSV of every report as a program reads it: numbers are numbers, text is guarded once and on demand
//! not at all, and nothing is cut without a word.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{SmallSale, small_sale};
use crate::support::{Node, item};

/// Columns that hold no numbers.
const TEXTS: [&str; 26] = [
    "item",
    "sku",
    "warehouse",
    "order",
    "buyer",
    "currency",
    "state",
    "placed",
    "settled",
    "sold_out",
    "second",
    "reasons",
    "reason",
    "time",
    "act",
    "operator",
    "change",
    "goal",
    "figure",
    "group",
    "channel",
    "attribute",
    "value",
    "path",
    "sale",
    "verdict",
];

fn run(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.env_clear().stdin(Stdio::null()).args(arguments);
    command.arg("--data").arg(data).output().unwrap()
}

fn text(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn rows(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let header = csv.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = csv.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
    (header, rows.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_in_every_report_is_a_number_in_csv() {
    let SmallSale { mut node, sale, .. } = small_sale().await;
    node.stop();
    let sale = sale.as_str();
    let reports: [&[&str]; 17] = [
        &["stock", "--sale", sale],
        &["orders", "--sale", sale],
        &["sales", sale],
        &["timeline", "--sale", sale],
        &["curve", "--sale", sale],
        &["demand", "--sale", sale],
        &["refusals", "--sale", sale],
        &["holds", "--sale", sale],
        &["acts", "--sale", sale, "--planned"],
        &["goals", sale],
        &["compare", sale, "--baseline-until", "2026-11-11T00:00:01Z"],
        &["funnel", "--sale", sale],
        &["traffic", "--sale", sale],
        &["attribution", "--sale", sale],
        &["portrait", "--sale", sale],
        &["paths", "--sale", sale],
        &["retention", sale],
    ];
    let mut numbers = BTreeSet::new();
    for of in reports {
        let (header, rows) = rows(&text(node.data(), &[&["report"], of, &["--csv"]].concat()));
        for row in rows {
            for (name, cell) in header.iter().zip(row) {
                // Two of them are a text in one report and a number in others.
                let is_text = TEXTS.contains(&name.as_str())
                    || (name == "name" && of[0] == "retention")
                    || (name == "of" && of[0] == "traffic");
                let is_text = is_text
                    && !(of[0] == "compare" && ["value", "change"].contains(&name.as_str()))
                    && !(of[0] != "orders" && name == "placed");
                if !is_text && !cell.is_empty() {
                    assert!(cell.parse::<f64>().is_ok(), "{of:?}: {name} is {cell:?}");
                    numbers.insert(name.clone());
                }
            }
        }
    }
    for name in
        ["revenue_minor", "refunds_due_minor", "paid_share", "change", "refused", "difference"]
    {
        assert!(numbers.contains(name), "{name}: {numbers:?}");
    }
    let (header, sales) = rows(&text(node.data(), &["report", "sales", sale, "--csv"]));
    let of = |name: &str| &sales[0][header.iter().position(|known| known == name).unwrap()];
    assert_eq!((of("revenue_minor").as_str(), of("currency").as_str()), ("599700", "CNY"));
    assert_eq!(of("paid_share"), "0.75");
    let compared = text(
        node.data(),
        &[
            "report",
            "compare",
            sale,
            "--until",
            "2026-11-11T00:00:00Z",
            "--baseline",
            sale,
            "--csv",
        ],
    );
    assert!(compared.contains("orders_placed,0,4,-4,-1\n"), "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_guarded_or_left_alone_and_a_mark_comes_first_where_it_is_wanted() {
    let SmallSale { mut node, sale, .. } = small_sale().await;
    node.stop();
    let orders = |more: &[&str]| text(node.data(), &[&["report", "orders"], more].concat());
    let buyers = |text: &str| -> Vec<String> {
        rows(text).1.into_iter().map(|row| row[1].clone()).collect()
    };
    let (header, all) = rows(&orders(&["--csv"]));
    assert_eq!(
        header,
        [
            "order",
            "buyer",
            "units",
            "total_minor",
            "state",
            "placed",
            "settled",
            "discount_minor",
            "offer",
            "gift",
            "gift_units",
            "refunded_units",
            "refunded_minor",
            "failed_payments",
            "reinstated",
            "shop_order",
            "labels",
            "currency"
        ]
    );
    assert_eq!((all[0][3].as_str(), all[0][17].as_str()), ("199900", "CNY"));
    assert_eq!(buyers(&orders(&["--csv"])), ["ann", "'=bob()", "cid", "eve"]);
    assert_eq!(buyers(&orders(&["--csv-raw"])), ["ann", "=bob()", "cid", "eve"]);
    let marked = orders(&["--csv", "--bom"]);
    assert_eq!(marked.strip_prefix('\u{feff}'), Some(orders(&["--csv"]).as_str()));
    // The list of orders is the same under both names.
    assert_eq!(text(node.data(), &["order", "list", "--csv-raw"]), orders(&["--csv-raw"]));
    let sql = ["report", "sql", "SELECT '=x' AS a, -5 AS b", "--bom", "--csv"];
    assert_eq!(text(node.data(), &sql), "\u{feff}a,b\n'=x,-5\n");
    let sql = ["report", "sql", "SELECT '=x' AS a, -5 AS b", "--csv-raw"];
    assert_eq!(text(node.data(), &sql), "a,b\n=x,-5\n");
    for (wrong, said) in [
        (vec!["report", "stock", "--bom"], "--bom is for --csv"),
        (vec!["report", "stock", "--csv-raw", "--json"], "cannot both be given"),
        (vec!["report", "export", "--parquet", "--bom", "--out", "x"], "--parquet"),
    ] {
        let refused = run(node.data(), &wrong);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(said), "{wrong:?}");
    }
    let out = tempfile::tempdir().unwrap();
    let to = out.path().to_str().unwrap();
    text(node.data(), &["report", "export", "--csv-raw", "--bom", "--out", to]);
    let exported = std::fs::read_to_string(out.path().join("orders.orders.csv")).unwrap();
    assert!(exported.starts_with('\u{feff}') && exported.contains(",=bob(),"), "{exported}");
    let page = out.path().join("page");
    let page = page.to_str().unwrap();
    text(node.data(), &["report", "post-mortem", &sale, "--out", page, "--bom"]);
    let chart = std::fs::read_to_string(out.path().join("page/charts/stock.csv")).unwrap();
    assert!(chart.starts_with("\u{feff}time,"), "{chart}");
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_of_orders_is_all_of_them_and_a_shorter_list_says_so_also_quietly() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("east", 1_000)])]).await;
    for n in 0..130 {
        node.place(&items[0], &format!("+861380000{n:04}"), 1).await.unwrap();
    }
    node.stop();
    let csv = run(node.data(), &["report", "orders", "--csv", "-q"]);
    assert_eq!(rows(&String::from_utf8(csv.stdout).unwrap()).1.len(), 130);
    assert!(csv.stderr.is_empty(), "{}", String::from_utf8_lossy(&csv.stderr));
    for cut in [["--csv", "--limit", "120"].as_slice(), &[]] {
        let shown = run(node.data(), &[&["order", "list", "-q"], cut].concat());
        let said = String::from_utf8(shown.stderr).unwrap();
        assert!(said.starts_with("warning: there are more than 1"), "{cut:?}: {said}");
        let lines = String::from_utf8(shown.stdout).unwrap().lines().count();
        assert_eq!(lines, if cut.is_empty() { 101 } else { 121 });
    }
    let asked = run(node.data(), &["order", "list", "-q", "--limit", "130"]);
    assert!(asked.stderr.is_empty());
    let json = text(node.data(), &["report", "orders", "--json", "-q"]);
    assert!(json.contains("\"more\":true"), "{json:.200}");
}
