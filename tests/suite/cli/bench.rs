//! What a benchmark measures on: a small one runs, and its log is sound.

use serde_json::Value;

use super::{doorbuster, text};

#[test]
fn an_item_with_a_history_is_measured_beside_an_empty_one() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("log");
    let data = data.to_str().unwrap();
    let measured = doorbuster(&[
        "bench",
        "--history",
        "1234",
        "--cases",
        "unary_1",
        "--rounds",
        "1",
        "--data",
        data,
        "--json",
        "--quiet",
    ]);
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let figures: Value = serde_json::from_slice(&measured.stdout).unwrap();
    assert_eq!(figures["history_orders"], 1_234, "{figures}");
    assert!(figures["first_order_ms"].as_f64().unwrap() > 0.0, "{figures}");
    let case = &figures["cases"][0];
    assert_eq!(case["case"], "unary_1", "{figures}");
    assert!(case["ratio"].as_f64().unwrap() > 0.0, "{figures}");
    assert!(case["empty_per_second"].as_f64().unwrap() > 0.0, "{figures}");

    let verified = doorbuster(&["verify", "--data", data, "--json"]);
    assert!(verified.status.success(), "{}", text(&verified.stdout));
    let count = "SELECT count(*) AS orders FROM orders.orders WHERE buyer LIKE 'shopper-%'";
    let orders = doorbuster(&["report", "sql", "--json", "--data", data, count]);
    assert!(text(&orders.stdout).contains("1234"), "{}", text(&orders.stdout));
}
