//! What a benchmark measures on: a small one runs, and its log is sound.

use serde_json::Value;

use super::{binary, doorbuster, text};

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

#[test]
fn many_hot_items_are_ordered_in_turns() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("log");
    let data = data.to_str().unwrap();
    let measured = doorbuster(&[
        "bench", "--items", "3", "--cases", "unary_1", "--rounds", "1", "--data", data, "--quiet",
    ]);
    assert!(measured.status.success(), "{}", text(&measured.stderr));

    let verified = doorbuster(&["verify", "--data", data, "--json"]);
    assert!(verified.status.success(), "{}", text(&verified.stdout));
    let count = "SELECT count(*) AS items, max(n) - min(n) <= 1 AS even
                 FROM (SELECT count(*) AS n FROM orders.orders GROUP BY key >> 36)";
    let orders = doorbuster(&["report", "sql", "--json", "--data", data, count]);
    let orders: Value = serde_json::from_slice(&orders.stdout).unwrap();
    assert_eq!((&orders["items"], &orders["even"]), (&Value::from(3), &Value::from(1)), "{orders}");
}

#[test]
fn overload_is_refused_and_every_order_of_it_is_held() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("logs");
    let data = data.to_str().unwrap();
    let arguments = ["bench", "--overload", "--rounds", "1", "--data", data, "--json", "--quiet"];
    // Limited by the processor, nothing is to be refused while the peak is measured, on any machine.
    let measured = binary(&arguments).env("DOORBUSTER_ORDER_WAIT_MS", "600000").output().unwrap();
    // That the item holds what was acknowledged is checked after each load, or this is no success.
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let figures: Value = serde_json::from_slice(&measured.stdout).unwrap();
    let all = figures["overload"].as_array().unwrap();
    let loads: Vec<_> = all.iter().map(|load| (&load["situation"], &load["times"])).collect();
    let [processor, disk] = [Value::from("processor"), Value::from("disk")];
    let [one, two, five] = [1, 2, 5].map(Value::from);
    let expected = [&processor, &disk]
        .into_iter()
        .flat_map(|situation| [&one, &two, &five].map(|times| (situation, times)));
    assert_eq!(loads, expected.collect::<Vec<_>>());
    assert!(all.iter().all(|load| load["orders_per_second"].as_f64() > Some(0.0)), "{figures}");
    assert!(all[5]["refused_per_second"].as_f64() > Some(0.0), "{figures}");
    for situation in ["processor", "disk"] {
        let verified = doorbuster(&["verify", "--data", &format!("{data}/{situation}"), "--json"]);
        assert!(verified.status.success(), "{}", text(&verified.stdout));
    }
}
