//! Nodes that write snapshots while they sell, when they stop, and start with them.

use std::{path::Path, sync::Arc, time::Duration};

use doorbuster::{
    clock::ManualClock,
    domain::item::Item,
    events::{Category, StreamName},
    grpc::proto,
    snapshots::{Finding, SnapshotFiles, check, load},
    store::{LogSource, embedded::LogReader},
    values::ItemId,
};

use crate::{
    cluster::Cluster,
    support::{Node, OPENS_AT, PATIENCE, item, order, pay, place},
};

/// So few that a test need not sell much.
const EVENTS_MIN: u64 = 20;

fn of_item(id: &str) -> StreamName {
    StreamName { category: Category::Item, id: ItemId::parse("item_id", id).unwrap().0 }
}

/// Orders of which every second one is paid, with what each request was answered.
async fn sell(
    node: &Node,
    id: &str,
    buyers: std::ops::Range<usize>,
) -> Vec<(proto::PlaceOrderRequest, proto::PlaceOrderResponse)> {
    let mut answered = Vec::new();
    for buyer in buyers {
        let request = place(id, &format!("buyer {buyer}"), 1);
        let placed = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
        if buyer % 2 == 0 {
            node.purchases().record_payment(pay(&order(&placed))).await.unwrap();
        }
        answered.push((request, placed));
    }
    answered
}

async fn assert_answered_again(
    node: &Node,
    answered: &[(proto::PlaceOrderRequest, proto::PlaceOrderResponse)],
) {
    for (request, first) in answered {
        let again = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
        let (mut again, mut first) = (order(&again), order(first));
        // What happened since shows in the order.
        (again.state, first.state) = (0, 0);
        assert_eq!(again, first);
    }
}

/// How many events the snapshot of a directory covers that is used with that log.
async fn covered(data: &Path, log: &LogSource, stream: StreamName) -> u64 {
    let files = SnapshotFiles::of(data);
    load::<Item>(Some(&files), log, stream, Vec::new()).await.unwrap().covered
}

fn file_log(data: &Path) -> LogSource {
    LogSource::File(Arc::new(LogReader::open(data).unwrap()))
}

async fn assert_all_right(data: &Path, log: &LogSource) {
    let found = check(&SnapshotFiles::of(data), log).await.unwrap();
    assert!(!found.is_empty());
    for checked in found {
        assert!(matches!(checked.finding, Finding::Right { .. }), "{checked:?}");
    }
}

async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let becomes = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, becomes).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_leaves_a_snapshot_and_starts_with_it() {
    let mut node = Node::start_with(|config| config.snapshot_events = EVENTS_MIN).await;
    let (_, items) = node.sale(vec![item("A", &[("north", 100_000)])]).await;
    let mut answered = sell(&node, &items[0], 0..10).await;
    node.stop();
    let stream = of_item(&items[0]);
    let log = file_log(node.data());
    let events = log.last_revision(stream).await.unwrap().unwrap() + 1;
    assert_eq!(covered(node.data(), &log, stream).await, events, "it stopped at rest");
    assert_all_right(node.data(), &log).await;
    drop(log);

    node.restart().await;
    assert_answered_again(&node, &answered).await;
    answered.extend(sell(&node, &items[0], 10..50).await);
    node.restart().await;
    assert_answered_again(&node, &answered).await;
    node.stop();
    assert_all_right(node.data(), &file_log(node.data())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_a_snapshot_is_bounded_while_a_sale_runs() {
    let mut node = Node::start_with(|config| config.snapshot_events = EVENTS_MIN).await;
    let (_, items) = node.sale(vec![item("A", &[("north", 100_000)])]).await;
    let stream = of_item(&items[0]);
    let data = node.data().to_owned();
    let mut before = 0;
    let mut buyers = 0;
    for _ in 0..3 {
        let log = file_log(&data);
        until("a newer snapshot", async || {
            sell(&node, &items[0], buyers..buyers + 10).await;
            buyers += 10;
            covered(&data, &log, stream).await > before
        })
        .await;
        before = covered(&data, &log, stream).await;
    }
    node.stop();
    assert_all_right(&data, &file_log(&data)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_a_cluster_have_snapshots_of_their_own() {
    let cluster = Cluster::start();
    let clock = ManualClock::at(OPENS_AT);
    let start = async || {
        let few = |config: &mut doorbuster::config::Config| config.snapshot_events = EVENTS_MIN;
        Node::start_on(cluster.store(), clock.clone(), few).await
    };
    let (mut one, other) = (start().await, start().await);
    let (_, items) = one.sale(vec![item("A", &[("north", 100_000)])]).await;
    let mut answered = sell(&one, &items[0], 0..20).await;
    one.stop();
    let stream = of_item(&items[0]);
    let log = LogSource::Store(cluster.store());
    assert!(covered(one.data(), &log, stream).await > 0);
    // Another node goes on: the events behind the snapshot are not the node's own.
    answered.extend(sell(&other, &items[0], 20..30).await);
    one.restart().await;
    assert_answered_again(&one, &answered).await;
    one.stop();
    assert_all_right(one.data(), &log).await;
    let LogSource::Store(store) = log else { unreachable!() };
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_snapshots_reads_and_writes_none() {
    let mut node = Node::start_with(|config| config.snapshot_events = 0).await;
    let (_, items) = node.sale(vec![item("A", &[("north", 100_000)])]).await;
    let answered = sell(&node, &items[0], 0..40).await;
    node.restart().await;
    assert_answered_again(&node, &answered).await;
    node.stop();
    assert!(!node.data().join("snapshots").exists());
}
