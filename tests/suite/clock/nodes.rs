//! Whole nodes on a clock that a test sets: live deadlines move with it, the log stays sound, and a node
//! on a shared store is judged by the stamps on its own appends.

use std::{path::Path, sync::Arc};

use doorbuster::{
    clock::{Clock, ManualClock},
    grpc::proto::{self, record_payment_response},
    store::{EventStore, embedded::EmbeddedStore},
};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    nodes::store::NodeStore,
    support::{Node, OPENS_AT, PATIENCE, assert_read_models_equal_a_rebuild, item, order},
};

const HALF_AN_HOUR_MS: i64 = 1_800_000;

fn assert_sound(data: &Path) {
    let proof = audit::verify(data, &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
}

fn is_paid(answer: &proto::RecordPaymentResponse) -> bool {
    matches!(answer.outcome, Some(record_payment_response::Outcome::Order(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn live_holds_keep_their_time_when_the_clock_is_set_forwards() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    node.advance(10);
    let ann = order(&node.place(&items[0], "ann", 1).await.unwrap());
    order(&node.place(&items[0], "bob", 1).await.unwrap());
    node.clock.step(HALF_AN_HOUR_MS);
    // Placed by the clock as it is now, and decided after both were moved.
    order(&node.place(&items[0], "eve", 1).await.unwrap());
    assert_eq!(node.item(&items[0]).await.held_units, 3);
    node.advance(59);
    assert!(is_paid(&node.pay(&ann).await), "a second is left");
    assert_eq!(node.item(&items[0]).await.held_units, 2);
    node.advance(1);
    node.item_until(&items[0], |item| item.held_units == 0 && item.sold_units == 1).await;
    node.stop();
    assert_sound(node.data());
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn live_holds_end_in_time_when_the_clock_is_set_back() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    node.advance(2_400);
    let ann = order(&node.place(&items[0], "ann", 1).await.unwrap());
    order(&node.place(&items[0], "bob", 1).await.unwrap());
    node.clock.step(-HALF_AN_HOUR_MS);
    let eve = order(&node.place(&items[0], "eve", 1).await.unwrap());
    let to_pay = eve.pay_by_time.unwrap().seconds - node.clock.now().second();
    assert_eq!(to_pay, 60, "a new order has its time by the clock as it is now");
    assert!(is_paid(&node.pay(&ann).await));
    node.advance(60);
    node.item_until(&items[0], |item| item.held_units == 0 && item.sold_units == 1).await;
    node.stop();
    assert_sound(node.data());
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_rebuilt_from_the_log_moves_the_holds_from_before_the_clock_was_set() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, false);
    let mut node = Node::start_on(store.clone(), clock, |_| {}).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    order(&node.place(&items[0], "ann", 1).await.unwrap());
    node.clock.step(HALF_AN_HOUR_MS);
    order(&node.place(&items[0], "bob", 1).await.unwrap());
    // The item loses its state to an append that fails, and is rebuilt.
    store.set_away(true);
    node.place(&items[0], "eve", 1).await.expect_err("the store is away");
    store.set_away(false);
    node.health_becomes(ServingStatus::Serving).await;
    let rebuilt = async {
        loop {
            let request = proto::GetItemRequest { item_id: items[0].clone() };
            if let Ok(answer) = node.items().get_item(request).await {
                return answer.into_inner().item.unwrap();
            }
        }
    };
    let shown = tokio::time::timeout(PATIENCE, rebuilt).await.expect("it comes back");
    assert_eq!(shown.held_units, 2, "both have their minute still");
    node.advance(60);
    node.item_until(&items[0], |item| item.held_units == 0).await;
    node.stop();
    log.close();
    assert_sound(dir.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_by_the_deadlines_that_are_stored() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    order(&node.place(&items[0], "ann", 1).await.unwrap());
    node.clock.step(HALF_AN_HOUR_MS);
    assert_eq!(node.item(&items[0]).await.held_units, 1);
    node.restart().await;
    node.item_until(&items[0], |item| item.held_units == 0).await;
    node.stop();
    assert_sound(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn demand_from_before_the_clock_was_set_back_is_written_at_once() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    node.advance(2_400);
    order(&node.place(&items[0], "ann", 1).await.unwrap());
    node.clock.step(-HALF_AN_HOUR_MS);
    let log = doorbuster::store::embedded::LogReader::open(node.data()).unwrap();
    let written = async {
        loop {
            // A second of the new clock ends.
            node.advance(1);
            let events = log.read_all(doorbuster::events::Position::START, 1_000).unwrap();
            if events.iter().any(|event| event.kind == "DemandTick") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.expect("its tick is written");
    assert!(
        node.clock.now() < OPENS_AT.plus(2_400_000),
        "and not only when the clock is back there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_judged_by_the_stores_stamps_on_its_own_appends_only() {
    let dir = tempfile::tempdir().unwrap();
    let right = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(right.clone())).unwrap();
    let stores = [NodeStore::new(&log, true), NodeStore::new(&log, true)];
    let ahead = ManualClock::at(OPENS_AT.plus(5_000));
    let node = Node::start_on(stores[0].clone(), right, |_| {}).await;
    let wrong = Node::start_on(stores[1].clone(), ahead, |_| {}).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 900)])]).await;

    let places = async {
        for number in 0.. {
            // Also what the other node wrote is answered in the end.
            let _ = wrong.place(&items[0], &format!("buyer-{number}"), 1).await;
            let _ = node.place(&items[0], &format!("other-{number}"), 1).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = places => {}
        () = wrong.health_becomes(ServingStatus::NotServing) => {}
    }
    // It wrote as much, and read as much of the other.
    node.health_becomes(ServingStatus::Serving).await;
    wrong.clock.step(-5_000);
    wrong.health_becomes(ServingStatus::Serving).await;
}
