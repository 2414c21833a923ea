//! A node is gone, or its store is: what was promised holds all the same.

use std::{sync::Arc, time::Duration};

use doorbuster::{
    clock::ManualClock,
    grpc::{AT_HEAD, proto},
    store::{EventStore, embedded::EmbeddedStore},
};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt;

use super::{buy, pair::Pair, store::NodeStore};
use crate::support::{Node, OPENS_AT, PATIENCE, item, order, place};

/// Moves the clock of a node on, step by step, until the log holds the end of a hold. Nothing tells
/// when a node has begun to wait for its next look, so the clock must not stand still.
async fn a_hold_ends(node: &Node, log: &EmbeddedStore) {
    let head = log.head();
    let ended = async {
        let mut steps = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                _ = log.wait_after(head) => break,
                _ = steps.tick() => node.advance(5),
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("a hold ends");
    let last = log.read_all(head, 1).await.unwrap();
    assert_eq!(last[0].kind, "OrderExpired");
}

/// The stock as a node knows it at the end of the log.
async fn available_units(node: &Node, sale: &str, log: &EmbeddedStore) -> i64 {
    let request = proto::GetStockLevelsRequest {
        sale_id: sale.to_owned(),
        min_position: log.head().0,
        ..Default::default()
    };
    let levels = node.reports().get_stock_levels(request).await.unwrap().into_inner().levels;
    levels[0].available_units
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

    assert_eq!(available_units(&pair.nodes[1], &sale, &pair.log).await, 2);

    // No call for the item; the other node knows it only from the log.
    a_hold_ends(&pair.nodes[1], &pair.log).await;
    assert_eq!(available_units(&pair.nodes[1], &sale, &pair.log).await, 3);
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
    a.health_becomes(ServingStatus::NotServing).await;
    let freshness = levels(a, &sale).await.freshness.unwrap();
    assert!(freshness.lag_ms > 0, "missed events are unknown: {freshness:?}");

    pair.stores[0].set_away(false);
    a.health_becomes(ServingStatus::Serving).await;
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
    a.health_becomes(ServingStatus::NotServing).await;
    a.advance(4);
    let freshness = levels(a, &sale).await.freshness.unwrap();
    assert!(freshness.lag_ms >= 4_000, "{freshness:?}");
    assert_eq!(freshness.position, pair.log.head().0);

    // A query for all writes fails, because the end of the log is unknown.
    let request = proto::ListSalesRequest { min_position: AT_HEAD, ..Default::default() };
    let status = a.sales().list_sales(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_error_info().unwrap().reason, "HEAD_UNKNOWN");
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
    node.health_becomes(ServingStatus::NotServing).await;
    store.set_away(false);
    node.health_becomes(ServingStatus::Serving).await;
    // No call for the item, and its actor has given up.
    a_hold_ends(&node, &log).await;
    assert_eq!(available_units(&node, &sale, &log).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_written_is_asked_about_until_it_is_known() {
    let pair = Pair::start().await;
    let (node, store) = (&pair.nodes[0], &pair.stores[0]);
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    order(&buy(node, &items[0], "ann").await);
    let loads = store.loads();

    store.lose_next_answer();
    let request = place(&items[0], "bob", 1);
    let unknown = node.purchases().place_order(request.clone()).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unavailable);
    // Asked again, the store says that it did not write: this time. That settles nothing.
    store.set_away(true);
    store.more_came_than(store.came() + 1).await;
    store.set_away(false);

    let answered = async {
        loop {
            match node.purchases().place_order(request.clone()).await {
                Ok(answer) => return answer.into_inner(),
                // Until it is known.
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
        }
    };
    order(&tokio::time::timeout(PATIENCE, answered).await.expect("it is known in the end"));
    assert_eq!(store.loads(), loads, "the state was dropped although no other node wrote");
    assert_eq!(pair.events("OrderPlaced").await.len(), 2);
    pair.judge().await;
}
