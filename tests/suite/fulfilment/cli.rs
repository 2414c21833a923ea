//! The verbs, by the real binary against a real server.

use std::{fs, process::Output, sync::Arc};

use doorbuster::{app::App, clock::WallClock, config::Config};
use serde_json::Value;
use tempfile::tempdir;

use crate::cli::{doorbuster, text};

fn run(url: &str, arguments: &[&str]) -> Output {
    doorbuster(&[arguments, &["--quiet", "--server", url]].concat())
}

fn answer(url: &str, arguments: &[&str]) -> Value {
    let output = run(url, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn bought(url: &str, item: &str, buyer: &str) -> Value {
    let place = ["order", "place", "--item", item, "--buyer", buyer, "--units", "1"];
    let order = answer(url, &place)["order"].clone();
    let amount = order["total"]["amount_minor"].to_string();
    let (id, code) =
        (order["order_id"].as_str().unwrap(), order["total"]["currency_code"].as_str());
    let pay = ["order", "pay", "--item", item, "--order", id, "--reference", buyer];
    let paid = ["--amount-minor", &amount, "--currency", code.unwrap()];
    answer(url, &[&pay[..], &paid].concat());
    order
}

#[test]
fn an_export_is_written_listed_and_read_again() {
    let directory = tempdir().unwrap();
    let config = Config {
        data: directory.path().join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        web: None,
        http: None,
        board: None,
        ..Config::default()
    };
    let app = App::start(config, Arc::new(WallClock)).unwrap();
    let url = format!("http://{}", app.address());
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sale.toml");
    let sale = answer(&url, &["sale", "create", "-f", example])["sale"].clone();
    let (id, item) =
        (sale["sale_id"].as_str().unwrap(), sale["items"][1]["item_id"].as_str().unwrap());
    let why = ["--reason", "noon"];
    let refused = run(&url, &[&["order", "export", id][..], &why].concat());
    assert_eq!(refused.status.code(), Some(3));
    let said = text(&refused.stderr);
    assert!(said.starts_with("error: refused, NOTHING_TO_EXPORT: "), "{said}");

    let order = bought(&url, item, "ann");
    let file = directory.path().join("noon.csv");
    let into = ["--file", file.to_str().unwrap()];
    let export = answer(&url, &[&["order", "export", "--sale", id][..], &why, &into].concat());
    assert_eq!((&export["export"]["number"], &export["export"]["orders"]), (&1.into(), &1.into()));
    let csv = fs::read_to_string(&file).unwrap();
    assert!(
        csv.starts_with("line,number,order_id,")
            && csv.contains(order["order_id"].as_str().unwrap())
    );
    let again = run(&url, &["order", "export", id, "--again", "1"]);
    assert_eq!((again.status.code(), text(&again.stdout)), (Some(0), csv.as_str()));
    let lines = answer(&url, &["order", "export", id, "--again", "1"]);
    assert_eq!(lines["lines"][0]["kind"], "ORDER");
    assert_eq!(lines["lines"][0]["units_to_ship"], 1);
    let listed = answer(&url, &["order", "exports", id]);
    assert_eq!(listed["exports"][0], export["export"]);
    for wrong in [&["order", "export", id][..], &["order", "export", id, "--again", "0"]] {
        assert_eq!(run(&url, wrong).status.code(), Some(2), "{wrong:?}");
    }
    let missing = run(&url, &["order", "export", id, "--again", "7"]);
    assert_eq!(missing.status.code(), Some(1));
    let said = text(&missing.stderr);
    assert!(said.contains("export 7 cannot be read") && said.contains("NOT_FOUND"), "{said}");
    app.stop().unwrap();
}
