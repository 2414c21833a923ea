//! The command line on a cluster: what reads, proves, rebuilds, copies and demonstrates there.

use std::process::{Command, Output};

use doorbuster::grpc::{AT_HEAD, proto};
use serde_json::Value;
use tempfile::tempdir;

use super::Cluster;
use crate::support::{Node, item, order};

fn doorbuster(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .env_clear()
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap()
}

fn answer(arguments: &[&str]) -> Value {
    let output = doorbuster(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_works_on_a_cluster_as_on_a_directory() {
    let cluster = Cluster::start();
    let mut node = Node::start_with(|config| config.store = cluster.address(0)).await;
    let (_, items) = node.sale(vec![item("A", &[("east", 30)])]).await;
    for buyer in 0..8 {
        order(&node.place(&items[0], &format!("buyer-{buyer}"), 1).await.unwrap());
    }
    node.stop();
    let (address, home) = (cluster.address(0).to_string(), tempdir().unwrap());
    let (from, home) = (address.as_str(), home.path().to_str().unwrap());
    let events = cluster.log().head().unwrap().0;

    let verified = answer(&["verify", "--store", from]);
    let proof = &verified["proof"];
    assert_eq!(
        (&verified["ok"], &proof["chained"], &proof["chains"]),
        (&true.into(), &false.into(), &0.into())
    );
    assert_eq!((&proof["events"], &proof["orders"]), (&events.into(), &8.into()));

    let stream = format!("item-{}", items[0]);
    let streams = answer(&["log", "streams", "--store", from]);
    assert!(streams.as_array().unwrap().iter().any(|found| found["stream"] == stream.as_str()));
    let third = answer(&["log", "read", "--store", from, "--from", "3", "--limit", "1"]);
    assert_eq!(third["position"], 3);
    let first = answer(&["log", "read", &stream, "--store", from, "--limit", "1"]);
    assert_eq!(first["kind"], "ItemAdded");

    let views = node.data().to_str().unwrap();
    let rebuilt = answer(&["rebuild", "--data", views, "--store", from]);
    assert_eq!(rebuilt["events"], events);
    let compared = answer(&["rebuild", "--compare", "--data", views, "--store", from]);
    let compared = compared.as_array().unwrap();
    assert!(
        compared.len() >= 5 && compared.iter().all(|view| view["equal"] == true),
        "{compared:?}"
    );

    let copied = answer(&["copy", "--from", from, "--to", home, "--read-models"]);
    let figures = ["events", "copied", "already_there"].map(|name| copied[name].as_u64().unwrap());
    assert_eq!(figures, [events, events, 0]);
    assert_eq!((&copied["equal"], &copied["read_models_equal"]), (&true.into(), &true.into()));
    let again = answer(&["copy", "--from", home, "--to", from]);
    assert_eq!((&again["already_there"], &again["copied"]), (&events.into(), &0.into()));
}

/// Runs a small demonstration on a cluster, in a directory of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_at_the_head_shows_what_another_node_wrote() {
    let cluster = Cluster::start();
    let start = || Node::start_with(|config| config.store = cluster.address(0));
    let (a, b) = (start().await, start().await);
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 100)])]).await;
    for orders in 1..=20 {
        a.place(&items[0], &format!("buyer-{orders}"), 1).await.unwrap();
        let request = proto::ListOrdersRequest {
            item_id: items[0].clone(),
            min_position: AT_HEAD,
            ..Default::default()
        };
        let found = b.reports().list_orders(request).await.unwrap().into_inner().orders;
        assert_eq!(found.len(), orders);
    }
}

fn demonstrate(cluster: &Cluster) -> Value {
    let (address, data) = (cluster.address(0).to_string(), tempdir().unwrap());
    let shown = answer(&[
        "demo",
        "--store",
        &address,
        "--data",
        data.path().to_str().unwrap(),
        "--units=20",
        "--items=2",
        "--shoppers=60",
        "--time-to-pay-seconds=1",
        "--listen=127.0.0.1:0",
        "--board=127.0.0.1:0",
    ]);
    // Two more buyers get units that came back.
    for (name, value) in [("oversold_units", 0), ("duplicate_orders", 0), ("orders_paid", 22)] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert_eq!((&shown["verify"]["ok"], &shown["rebuild_equal"]), (&true.into(), &true.into()));
    shown
}

#[test]
fn a_demonstration_on_a_cluster_judges_its_own_sale_and_proves_the_whole_log() {
    let cluster = Cluster::start();
    let first = demonstrate(&cluster);
    // The same crowd once more, beside the sale that is over.
    let second = demonstrate(&cluster);
    assert_eq!(second["verify"]["events"], cluster.log().head().unwrap().0);
    assert!(second["log_events"].as_u64() > first["log_events"].as_u64());
    assert_eq!(second["units"], 20);
}
