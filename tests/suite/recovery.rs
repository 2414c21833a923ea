//! Goal: what failed for a reason outside of the log goes on by itself when the reason is gone, and
//! meanwhile the node sells on and says how things are (P10).
//!
//! Method: a real server on loopback; failures are real ones: another program's lock on a file, a
//! file that was damaged, removed or put in the way, a disk without space. Nothing is restarted.

mod files;
mod freshness;
mod full_disk;
mod holds;
mod impossible;

use std::path::PathBuf;

use doorbuster::grpc::proto;
use rusqlite::Connection;
use serde_json::Value;
use tonic::Status;
use tonic_types::StatusExt;

use crate::{
    support::{Node, PATIENCE, asked_again, order, place},
    web::ask,
};

/// A node that answers machines, too, and does not wait long for its read models.
async fn watched() -> Node {
    Node::start_with(|config| {
        config.web = Some(([127, 0, 0, 1], 0).into());
        config.min_position_wait_ms = 50;
    })
    .await
}

fn view(node: &Node, name: &str) -> PathBuf {
    doorbuster::projections::view_path(node.data(), name)
}

/// Another program that holds the write lock of a file until it is dropped.
fn lock(path: &std::path::Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

async fn sold(node: &Node, item: &str, buyers: std::ops::Range<usize>) -> u64 {
    let mut position = 0;
    for buyer in buyers {
        let placed = node.purchases().place_order(place(item, &format!("b{buyer}"), 1)).await;
        let placed = placed.unwrap().into_inner();
        order(&placed);
        position = placed.position;
    }
    position
}

/// One question for the orders of an item.
async fn orders(
    node: &Node,
    item: &str,
    min_position: u64,
) -> Result<proto::ListOrdersResponse, Status> {
    let request =
        proto::ListOrdersRequest { item_id: item.to_owned(), min_position, ..Default::default() };
    Ok(node.reports().list_orders(request).await?.into_inner())
}

/// The same, asked again for as long as the server says when to.
async fn orders_in_the_end(node: &Node, item: &str, min_position: u64) -> usize {
    let ask = || orders(node, item, min_position);
    let answer = asked_again(ask, |status| status.get_details_retry_info()?.retry_delay).await;
    answer.unwrap().orders.len()
}

/// What `/readyz` says: its status and its body.
async fn readyz(node: &Node) -> (u16, Value) {
    let said = ask(node.web(), "GET", "/readyz").await;
    (said.status, serde_json::from_str(&said.body).unwrap())
}

/// Asks `/readyz` until it is as wanted.
async fn until_readyz(node: &Node, wanted: impl Fn(u16, &Value) -> bool) {
    let asked = async {
        loop {
            let (status, said) = readyz(node).await;
            if wanted(status, &said) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("/readyz says so");
}

/// Whether a read model is named as behind, in that state.
fn names(said: &Value, name: &str, state: &str) -> bool {
    let behind = said["behind"].as_array();
    let is_it = |entry: &Value| entry["projection"] == name && entry["state"] == state;
    behind.is_some_and(|behind| behind.iter().any(is_it))
}
