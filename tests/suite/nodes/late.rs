//! A command whose caller may have turned to another node is not decided any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use actix_rt::System;
use bytes::Bytes;
use doorbuster::{
    actors::{
        Directory, Fault, FreezeWatch, IncomingCall, Lifeline, OtherNodes, Parcel, Passed,
        PassedFuture, Shared, TakesParcels,
    },
    clock::{ManualClock, new_request_id},
    config::Config,
    domain::item::{Item, ItemCommand, PlaceOrder},
    events::{Category, StreamName},
    grpc::proto::RefusalReason,
    ownership::Route,
    store::SharedStore,
    values::{Fingerprint, ItemId, NodeId},
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    buy, cancel,
    pair::{Pair, assert_aborted},
    store::NodeStore,
};
use crate::{
    processes::bench::shared,
    support::{OPENS_AT, item, order, place, refused},
};

const WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_another_node_refused_meanwhile_is_not_decided_anew() {
    let started = AtomicUsize::new(0);
    let pair = Pair::start_with(move |config: &mut Config| {
        if started.fetch_add(1, SeqCst) == 0 {
            config.decide_within_ms = u64::try_from(WITHIN.as_millis()).unwrap();
        }
    })
    .await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    a.item(&items[0]).await;

    // The first node has decided and is frozen; its caller repeats the request elsewhere.
    let (before, sent) = (pair.stores[0].came(), Instant::now());
    pair.stores[0].hold();
    let (request, mut purchases) = (place(&items[0], "ann", 1), a.purchases());
    let frozen = tokio::spawn({
        let request = request.clone();
        async move { purchases.place_order(request).await }
    });
    pair.stores[0].more_came_than(before).await;
    let bobs = order(&buy(b, &items[0], "bob").await);
    let repeated = b.purchases().place_order(request.clone()).await.unwrap().into_inner();
    assert_eq!(refused(&repeated), RefusalReason::SoldOut);
    b.purchases().cancel_order(cancel(&bobs)).await.unwrap();
    tokio::time::sleep_until((sent + WITHIN).into()).await;
    pair.stores[0].release();

    let late = frozen.await.unwrap().unwrap_err();
    assert_aborted(&late);
    assert_eq!(pair.events("OrderPlaced").await.len(), 1, "bob's only");
    order(&b.purchases().place_order(request).await.unwrap().into_inner());
    pair.judge().await;
}

/// A node that owns everything and is asked by others.
struct Owner;

impl OtherNodes for Owner {
    fn node_id(&self) -> NodeId {
        NodeId(Uuid::from_u128(1))
    }

    fn route(&self, _: StreamName) -> Route {
        Route::Here
    }

    fn changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    fn pass(&self, _: NodeId, _: Parcel) -> PassedFuture {
        unreachable!("it owns everything")
    }
}

/// A pair that sells nine phones, and what a third node on their log is made of.
struct Beside {
    pair: Pair,
    phone: ItemId,
    store: Arc<NodeStore>,
    shared: Arc<Shared>,
    _system: System,
}

impl Beside {
    async fn start() -> Self {
        let pair = Pair::start().await;
        let (_, items) = pair.nodes[0].sale(vec![item("phone", &[("shanghai", 9)])]).await;
        let phone = ItemId::parse("item_id", &items[0]).unwrap();
        let store = NodeStore::new(&pair.log, true);
        let clock = ManualClock::at(OPENS_AT);
        let (_system, shared) = shared(&(Arc::clone(&store) as SharedStore), &clock).await;
        Self { pair, phone, store, shared, _system }
    }
}

/// An order as another node sends it.
fn parcel(item: ItemId, buyer: &str) -> Parcel {
    let request_id = new_request_id();
    let commands = [ItemCommand::PlaceOrder(PlaceOrder {
        request_id,
        order_id: item.order_id(request_id),
        fingerprint: Fingerprint(1),
        buyer: buyer.to_owned(),
        units: 1,
        channel: String::new(),
        more: None,
    })];
    Parcel {
        stream: StreamName { category: Category::Item, id: item.0 },
        commands: Bytes::from(serde_json::to_vec(&commands).unwrap()),
        remaining: None,
        turn: 1,
        must_decide: false,
    }
}

fn failed(fault: Fault) -> Passed {
    Passed::Answers(Bytes::from(serde_json::to_vec(&Err::<(), _>(fault)).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_on_a_call_that_ended_is_decided_neither_first_nor_anew() {
    let Beside { pair, phone, store, shared, _system } = Beside::start().await;
    let directory = Directory::<Item>::passing_on(shared, Arc::new(Owner));

    let mut call = IncomingCall::new(Duration::from_secs(600));
    assert_ne!(
        directory.take(parcel(phone, "ann"), &mut call).await,
        failed(Fault::DeadlineExceeded)
    );
    assert_eq!(pair.events("OrderPlaced").await.len(), 1);

    // Decided and on its way to the store when another node writes and the call ends.
    let before = store.came();
    store.hold();
    let decided = directory.take(parcel(phone, "bob"), &mut call);
    store.more_came_than(before).await;
    buy(&pair.nodes[0], &phone.to_string(), "cat").await;
    call.lifeline.end();
    store.release();
    assert_eq!(decided.await, failed(Fault::LostOwnership));
    assert_eq!(store.conflicts(), 1);

    assert_eq!(
        directory.take(parcel(phone, "dan"), &mut call).await,
        failed(Fault::DeadlineExceeded)
    );
    let placed = pair.events("OrderPlaced").await;
    assert_eq!(placed.len(), 2, "ann's and cat's");
    drop(directory);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_waits_for_is_not_decided() {
    let Beside { pair, phone, store, shared, _system } = Beside::start().await;
    let directory = Directory::<Item>::passing_on(shared, Arc::new(Owner));
    let mut call = IncomingCall::new(Duration::from_secs(600));

    // While an append is in flight, a single command waits in the inbox.
    let before = store.came();
    store.hold();
    let first = directory.take(parcel(phone, "ann"), &mut call);
    store.more_came_than(before).await;
    drop(directory.take(parcel(phone, "bob"), &mut call));
    store.release();
    first.await;
    assert_ne!(
        directory.take(parcel(phone, "cat"), &mut call).await,
        failed(Fault::DeadlineExceeded)
    );
    assert_eq!(pair.events("OrderPlaced").await.len(), 2, "ann's and cat's");
    drop(directory);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_did_not_run_decides_nothing_that_waited_meanwhile() {
    let Beside { pair, phone, shared, _system, .. } = Beside::start().await;
    // Nothing ticks but this test: to the node it does not run.
    let freezes = Arc::new(FreezeWatch::new(Duration::from_millis(300)));
    let mut shared = Arc::into_inner(shared).expect("nobody else has it yet");
    shared.freezes = Arc::clone(&freezes);
    let directory = Directory::<Item>::passing_on(Arc::new(shared), Arc::new(Owner));
    let mut call = IncomingCall::new(Duration::from_secs(600));
    let refused = failed(Fault::DeadlineExceeded);

    let before = Instant::now();
    while !freezes.was_frozen_since(before) {
        tokio::task::yield_now().await;
    }
    assert_eq!(directory.take(parcel(phone, "ann"), &mut call).await, refused);
    // It goes on; what came before, and what is read just now, waited.
    freezes.tick();
    assert!(freezes.was_frozen_since(before));
    assert_eq!(directory.take(parcel(phone, "bob"), &mut call).await, refused);
    assert_eq!(pair.events("OrderPlaced").await.len(), 0);
    while directory.take(parcel(phone, "cat"), &mut call).await == refused {
        freezes.tick();
    }
    assert_eq!(pair.events("OrderPlaced").await.len(), 1);
    drop(directory);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_freeze_is_not_sent_after_it() {
    let Beside { pair, phone, store, shared, _system } = Beside::start().await;
    let freezes = Arc::new(FreezeWatch::new(Duration::from_millis(300)));
    let mut shared = Arc::into_inner(shared).expect("nobody else has it yet");
    shared.freezes = Arc::clone(&freezes);
    let directory = Directory::<Item>::passing_on(Arc::new(shared), Arc::new(Owner));
    let mut call = IncomingCall::new(Duration::from_secs(600));
    let before = store.came();
    store.hold();
    freezes.tick();
    let ann = directory.take(parcel(phone, "ann"), &mut call);
    store.more_came_than(before).await;
    // So many are decided while an append is in flight.
    let mut take = |_| directory.take(parcel(phone, "bob"), &mut call);
    let crowd: Vec<_> = (0..8).map(&mut take).collect();

    let asked_at = Instant::now();
    while !freezes.was_frozen_since(asked_at) {
        tokio::task::yield_now().await;
    }
    store.release();
    assert_ne!(ann.await, failed(Fault::DeadlineExceeded), "it was sent before");
    for late in crowd {
        let answer = late.await;
        let (anew, first) = (failed(Fault::LostOwnership), failed(Fault::DeadlineExceeded));
        assert!(answer == anew || answer == first, "{answer:?}");
    }
    assert_eq!(pair.events("OrderPlaced").await.len(), 1, "ann's");
    drop(directory);
    pair.judge().await;
}

#[test]
fn a_call_that_was_silent_for_too_long_stays_over() {
    let call = Lifeline::new(Duration::from_secs(600));
    assert!(call.hears() && call.is_heard());
    call.end();
    assert!(!call.hears() && !call.is_heard());

    let call = Lifeline::new(Duration::from_millis(1));
    while call.is_heard() {
        std::thread::yield_now();
    }
    assert!(!call.hears(), "what comes after the silence does not bring it back");
    assert!(!call.is_heard());
}
