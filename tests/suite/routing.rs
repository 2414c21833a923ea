//! What stands between clients and several nodes.
//!
//! Goal: calls about one item can be sent to one node, a crowd that comes at once gets in, and what it
//! says of itself afterwards is exact. Method: what clients send and where a server listens is looked
//! at without a server; the crowd is the real binary's. The storm through a real nginx to three nodes
//! is `deploy/rehearse`.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::{
    process::{Command, Output},
    sync::Arc,
};

use doorbuster::{
    app::App,
    clock::WallClock,
    config::Config,
    grpc::{self, ITEM_ID, proto::PlaceOrderRequest, routed},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::support::PATIENCE;

/// More than the usual length of a listener's queue, fewer than a process may have files open.
const CALLERS: usize = 300;

#[test]
fn a_call_about_an_item_names_it_in_its_metadata() {
    let message = PlaceOrderRequest { item_id: "an-item".to_owned(), ..Default::default() };
    let call = routed(message.clone());
    assert_eq!(call.metadata().get(ITEM_ID).unwrap(), "an-item");
    assert_eq!(call.into_inner(), message);
}

#[test]
fn an_item_that_no_header_can_hold_is_sent_all_the_same() {
    let message = PlaceOrderRequest { item_id: "two\nlines".to_owned(), ..Default::default() };
    let call = routed(message);
    assert!(call.metadata().get(ITEM_ID).is_none());
    assert_eq!(call.into_inner().item_id, "two\nlines");
}

#[test]
fn an_act_that_names_no_item_goes_to_any_node() {
    assert!(routed(PlaceOrderRequest::default()).metadata().get(ITEM_ID).is_none());
}

#[test]
fn nginx_routes_by_the_metadata_that_clients_send() {
    let root = env!("CARGO_MANIFEST_DIR");
    let config = std::fs::read_to_string(format!("{root}/deploy/nginx/nginx.conf")).unwrap();
    let variable = format!("$http_{}", ITEM_ID.replace('-', "_"));
    assert!(config.contains(&format!("map {variable} $routed_by {{")), "{config}");
    assert!(config.contains("hash $routed_by consistent;"), "{config}");
}

#[tokio::test]
async fn a_crowd_that_knocks_at_once_is_heard() {
    let listener = grpc::bind(([127, 0, 0, 1], 0).into()).unwrap().listen().unwrap();
    let address = listener.local_addr().unwrap();
    // None is admitted: all of them wait.
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(TcpStream::connect(address));
    }
    let connected = timeout(PATIENCE, callers.join_all()).await.unwrap();
    assert!(connected.iter().all(Result::is_ok));
}

fn crowd(server: &str) -> Output {
    let size = ["--units", "40", "--items", "2", "--shoppers", "200", "--time-to-pay-seconds", "1"];
    Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .env_clear()
        .args(["crowd", "--json", "--quiet", "--server", server])
        .args(size)
        .output()
        .unwrap()
}

#[test]
fn a_crowd_buys_everything_there_is_at_a_server_that_runs_already() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        data: directory.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        web: None,
        http: None,
        board: None,
        ..Config::default()
    };
    let app = App::start(config, Arc::new(WallClock)).unwrap();
    let server = format!("http://{}", app.address());
    // The second comes with the same seed and buys a sale of its own.
    for _ in 0..2 {
        let output = crowd(&server);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
        for (figure, expected) in
            [("units", 40), ("units_sold", 40), ("orders_paid", 40), ("shoppers", 200)]
        {
            assert_eq!(outcome[figure], json!(expected), "{figure} in {outcome}");
        }
        for figure in ["unanswered", "oversold_units", "duplicate_orders"] {
            assert_eq!(outcome[figure], json!(0), "{figure} in {outcome}");
        }
        assert_eq!(outcome["orders_placed"], outcome["orders_known"], "{outcome}");
    }
    app.stop().unwrap();
    let output = crowd(&server);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
}
