//! Goal: orders do not wait for long where they cannot be sent to the store: those that come then are
//! refused at once, and what was taken in is decided and answered. Method: a real server whose store is
//! held at a gate.

use std::{sync::Arc, time::Duration};

use doorbuster::{clock::ManualClock, store::embedded::EmbeddedStore};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    e2e::reason,
    nodes::store::NodeStore,
    support::{Node, OPENS_AT, PATIENCE, item, order, pay, place},
};

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_refused_while_one_before_them_waits_too_long_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, false);
    let node = Node::start_on(store.clone(), clock, |config| config.order_wait_ms = 1).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1_000)])]).await;
    let first = order(&node.place(&items[0], "ann", 1).await.unwrap()).clone();

    let came = store.came();
    store.hold();
    let mut calls = JoinSet::new();
    let place_one = |calls: &mut JoinSet<_>, buyer: &str| {
        let (mut purchases, request) = (node.purchases(), place(&items[0], buyer, 1));
        calls.spawn(async move { purchases.place_order(request).await });
    };
    place_one(&mut calls, "bob");
    store.more_came_than(came).await;
    // Bob's order is on its way to the store, and those behind it are taken in as long as none of them has
    // waited for a millisecond.
    let refused = async {
        loop {
            let buyer = format!("buyer-{}", calls.len());
            place_one(&mut calls, &buyer);
            tokio::select! {
                answer = calls.join_next() => break answer.unwrap().unwrap().unwrap_err(),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("one is refused");
    assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "OVERLOADED".into()));
    assert!(refused.get_details_retry_info().is_some());
    let taken_in = calls.len();
    assert!(taken_in >= 2, "only {taken_in}");
    let (mut purchases, payment) = (node.purchases(), pay(&first));
    let mut paid = tokio::spawn(async move { purchases.record_payment(payment).await });
    tokio::select! {
        answer = &mut paid => panic!("nothing reaches the store: {answer:?}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }

    store.release();
    while let Some(answer) = calls.join_next().await {
        order(&answer.unwrap().expect("it was taken in").into_inner());
    }
    paid.await.unwrap().expect("payments are not refused");
    order(&node.place(&items[0], "cat", 1).await.expect("nothing waits any more"));
    let item = node.item(&items[0]).await;
    assert_eq!((item.sold_units, item.held_units), (1, i64::try_from(taken_in).unwrap() + 1));
}
