//! A node is gone, or its store is: what was promised holds all the same.

use std::{sync::Arc, time::Duration};

use doorbuster::{
    clock::ManualClock,
    grpc::proto,
    store::{EventStore, embedded::EmbeddedStore},
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt;

use super::{buy, pair::Pair, store::NodeStore};
use crate::support::{Node, OPENS_AT, item, order};

/// What the health service says of a node as a whole.
pub async fn health(node: &Node) -> ServingStatus {
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(node.channel()).check(request).await.unwrap();
    answer.into_inner().status()
}

/// Waits until the node says so.
pub async fn health_becomes(node: &Node, wanted: ServingStatus) {
    let asked = async {
        while health(node).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.expect("its health changes");
}

async fn levels(node: &Node, sale: &str) -> proto::GetStockLevelsResponse {
    let request = proto::GetStockLevelsRequest { sale_id: sale.to_owned(), ..Default::default() };
    node.reports().get_stock_levels(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_units_of_a_node_that_is_gone_come_back_through_another() {
    let mut pair = Pair::start().await;
    let (sale, items) = pair.nodes[0].sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let placed = buy(&pair.nodes[0], &items[0], "ann").await;
    order(&placed);
    pair.nodes[0].stop();

    // Nobody asks the item; the other node has never heard of it but in the log.
    let released = async {
        let known = proto::GetStockLevelsRequest {
            sale_id: sale.clone(),
            min_position: placed.position,
            ..Default::default()
        };
        pair.nodes[1].reports().get_stock_levels(known).await.unwrap();
        while levels(&pair.nodes[1], &sale).await.levels[0].available_units < 3 {
            pair.nodes[1].advance(5);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), released).await.expect("the units come back");
    let expired = pair.events("OrderExpired").await;
    assert_eq!(expired.len(), 1);
    pair.nodes[0].restart().await;
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_stops_nothing_for_good() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (sale, items) = a.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    order(&buy(a, &items[0], "ann").await);

    pair.stores[0].set_away(true);
    let status = a.place(&items[0], "bob", 1).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_error_info().unwrap().reason, "STORE_UNAVAILABLE");
    // The other node goes on, and the read models of the first cannot follow.
    let bought = buy(b, &items[0], "cat").await;
    health_becomes(a, ServingStatus::NotServing).await;
    let freshness = levels(a, &sale).await.freshness.unwrap();
    assert!(freshness.lag_ms > 0, "nobody knows what was missed: {freshness:?}");

    pair.stores[0].set_away(false);
    health_becomes(a, ServingStatus::Serving).await;
    let request = proto::GetStockLevelsRequest {
        sale_id: sale.clone(),
        min_position: bought.position,
        ..Default::default()
    };
    let caught_up = a.reports().get_stock_levels(request).await.unwrap().into_inner();
    assert_eq!(caught_up.levels[0].held_units, 2);
    assert_eq!(caught_up.freshness.unwrap().lag_ms, 0);
    order(&buy(a, &items[0], "bob").await);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_read_model_knows_is_not_called_fresh_while_the_store_is_away() {
    let pair = Pair::start().await;
    let a = &pair.nodes[0];
    let (sale, items) = a.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    order(&buy(a, &items[0], "ann").await);
    pair.read_models_reach_the_end().await;
    assert_eq!(levels(a, &sale).await.freshness.unwrap().lag_ms, 0);

    // Nothing waits to be read, so only the question whether the store is there can tell.
    pair.stores[0].set_away(true);
    health_becomes(a, ServingStatus::NotServing).await;
    a.advance(4);
    let freshness = levels(a, &sale).await.freshness.unwrap();
    assert!(freshness.lag_ms >= 4_000, "{freshness:?}");
    assert_eq!(freshness.position, pair.log.head().0);
    pair.stores[0].set_away(false);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_whose_end_the_store_did_not_take_ends_once_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, false);
    let node = Node::start_on(store.clone(), clock, |_| {}).await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    order(&node.place(&items[0], "ann", 1).await.unwrap());

    let came = store.came();
    store.set_away(true);
    node.advance(61);
    store.more_came_than(came).await;
    health_becomes(&node, ServingStatus::NotServing).await;
    store.set_away(false);
    health_becomes(&node, ServingStatus::Serving).await;
    // Nobody asks the item, and its actor has given up.
    let released = async {
        while levels(&node, &sale).await.levels[0].available_units < 3 {
            node.advance(5);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), released).await.expect("the units come back");
}
