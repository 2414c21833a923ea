//! The real binary on a data directory: the same figures without a server, and beside one.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use super::{SmallSale, small_sale};

fn report(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.env_clear().stdin(Stdio::null()).arg("report").args(arguments);
    // A server that is set for everything else does not stand in the way of a directory.
    command.env("DOORBUSTER_SERVER", "http://127.0.0.1:1");
    command.arg("--data").arg(data).output().unwrap()
}

fn json(data: &Path, arguments: &[&str]) -> Value {
    let output = report(data, &[arguments, &["--json"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_answers_without_a_server_what_it_answers_beside_one() {
    let SmallSale { mut node, sale, .. } = small_sale().await;
    let sale = sale.as_str();
    let questions: [&[&str]; 14] = [
        &["stock", "--sale", sale],
        &["orders", "--sale", sale],
        &["sales", sale],
        &["timeline", "--sale", sale],
        &["curve", "--sale", sale],
        &["demand", "--sale", sale],
        &["refusals", "--sale", sale],
        &["holds", "--sale", sale],
        &["prices", "--sale", sale],
        &["offers", "--sale", sale],
        &["acts", "--sale", sale, "--planned"],
        &["goals", sale],
        &["compare", sale, "--baseline-until", "2026-11-11T00:01:00Z"],
        &["stock", "--sale", sale, "--as-of", "9"],
    ];
    let beside: Vec<Value> = questions.iter().map(|asked| json(node.data(), asked)).collect();
    node.stop();
    // Built from nothing, by the first query.
    std::fs::remove_dir_all(node.data().join("views")).unwrap();
    for (asked, beside) in questions.iter().zip(beside) {
        assert_eq!(json(node.data(), asked), beside, "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_has_a_header_and_no_formulas() {
    let SmallSale { node, sale, .. } = small_sale().await;
    let output = report(node.data(), &["orders", "--sale", &sale, "--csv"]);
    let mut csv = csv::Reader::from_reader(output.stdout.as_slice());
    assert_eq!(&csv.headers().unwrap()[1], "buyer");
    let buyers: Vec<String> = csv.records().map(|record| record.unwrap()[1].to_owned()).collect();
    assert_eq!(buyers, ["ann", "'=bob()", "cid", "eve"]);
}

#[test]
fn a_directory_without_a_log_is_a_failure_that_names_it() {
    let empty = tempfile::tempdir().unwrap();
    for directory in [empty.path().to_owned(), empty.path().join("missing")] {
        let output = report(&directory, &["stock"]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(&directory.display().to_string()), "{stderr}");
        assert!(output.stdout.is_empty());
    }
    assert!(!empty.path().join("missing").exists(), "nothing is made");
    let output = report(empty.path(), &["stock", "--server", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(2), "a server or a directory, not both");
    let output = report(empty.path(), &["stock", "--as-of", "-1"]);
    assert_eq!(output.status.code(), Some(2), "no position is negative");
}
