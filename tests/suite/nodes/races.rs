//! Two nodes decide on one item at the same time. One is held up at its gate while the other
//! writes, so each race has the outcome that hurts most.

use doorbuster::{
    clock::ManualClock,
    events::{Event, Recorded, StreamName, decode, unpack},
    grpc::proto::{self, RefusalReason},
    store::{EventStore, embedded::EmbeddedStore},
    values::ItemId,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tonic::Code;
use tonic_types::StatusExt;

use super::{
    buy, cancel,
    pair::{Pair, assert_aborted, until_answered},
    store::NodeStore,
};
use crate::support::{Node, OPENS_AT, item, order, place, refused};

#[tokio::test(flavor = "multi_thread")]
async fn one_request_on_two_nodes_at_once_is_one_order_with_one_answer() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 5)])]).await;
    buy(a, &items[0], "warm").await;
    buy(b, &items[0], "warm").await;
    buy(a, &items[0], "warm").await;

    // The first node has decided and is held up before its append; the second is asked the same.
    let request = place(&items[0], "ann", 1);
    let (before, conflicts) = (pair.stores[0].came(), pair.stores[0].conflicts());
    pair.stores[0].hold();
    let mut purchases = a.purchases();
    let slow = tokio::spawn({
        let request = request.clone();
        async move { purchases.place_order(request).await }
    });
    pair.stores[0].more_came_than(before).await;
    let answered = until_answered!(b.purchases(), place_order, request);
    pair.stores[0].release();

    // It must not take its own decision, which has another deadline, for what the other wrote.
    let slow = slow.await.unwrap().unwrap().into_inner();
    assert_eq!(slow, answered);
    assert_eq!(pair.stores[0].conflicts(), conflicts + 1);
    assert_eq!(pair.events("OrderPlaced").await.len(), 4);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_frozen_does_not_sell_what_another_sold_meanwhile() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    a.item(&items[0]).await;

    let before = pair.stores[0].came();
    pair.stores[0].hold();
    let mut purchases = a.purchases();
    let request = place(&items[0], "ann", 1);
    let frozen = tokio::spawn({
        let request = request.clone();
        async move { purchases.place_order(request).await }
    });
    pair.stores[0].more_came_than(before).await;
    order(&buy(b, &items[0], "bob").await);
    pair.stores[0].release();

    let decided_anew = frozen.await.unwrap().unwrap().into_inner();
    assert_eq!(refused(&decided_anew), RefusalReason::SoldOut);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_always_comes_second_is_answered_with_aborted_in_the_end() {
    let started = AtomicUsize::new(0);
    let pair = Pair::start_with(move |config| {
        if started.fetch_add(1, SeqCst) == 0 {
            config.decide_within_ms = 1_000;
        }
    })
    .await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let request = place(&items[0], "ann", 1);
    a.item(&items[0]).await;

    pair.stores[0].lose_races(usize::MAX);
    assert_aborted(&a.purchases().place_order(request.clone()).await.unwrap_err());
    pair.stores[1].lose_races(100);
    order(&b.purchases().place_order(request).await.unwrap().into_inner());
    assert_eq!(pair.events("OrderPlaced").await.len(), 1);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ends_while_two_nodes_watch_it_ends_once() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 8)])]).await;
    for buyer in 0..8 {
        order(&buy(a, &items[0], &format!("buyer-{buyer}")).await);
    }
    // Both are awake and know all eight deadlines.
    buy(b, &items[0], "late").await;
    for _ in 0..2 {
        for node in [a, b] {
            let request = proto::GetItemRequest { item_id: items[0].clone() };
            until_answered!(node.items(), get_item, request);
        }
    }

    pair.advance(61);
    pair.events_come("OrderExpired", 8).await;
    for node in [a, b] {
        let request = proto::GetItemRequest { item_id: items[0].clone() };
        let shown = until_answered!(node.items(), get_item, request).item.unwrap();
        assert_eq!((shown.held_units, shown.available_units), (0, 8));
    }
    assert_eq!(pair.events("OrderExpired").await.len(), 8);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_read_of_others_writes_answers_from_them_at_once() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (sale, items) = a.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    order(&buy(a, &items[0], "ann").await);
    let bought = buy(b, &items[0], "bob").await;

    // The read model of the first node has the other's order, so its actor was told, too.
    let request = proto::GetStockLevelsRequest {
        sale_id: sale,
        min_position: bought.position,
        ..Default::default()
    };
    a.reports().get_stock_levels(request).await.unwrap();
    order(&a.place(&items[0], "cat", 1).await.expect("no ABORTED: nothing was out of date"));
    assert_eq!(pair.stores[0].conflicts(), 0);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_refusals_asks_the_store_once_for_many() {
    const CROWD: usize = 200;
    let pair = Pair::start_with(|config| config.waiting_max = CROWD).await;
    let [a, _] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    order(&buy(a, &items[0], "ann").await);

    let asked = pair.stores[0].questions();
    pair.stores[0].hold();
    let mut crowd = tokio::task::JoinSet::new();
    // One more than can wait: it is turned away exactly when all others are there.
    for buyer in 0..=CROWD {
        let mut purchases = a.purchases();
        let request = place(&items[0], &format!("buyer-{buyer}"), 1);
        crowd.spawn(async move { purchases.place_order(request).await });
    }
    let turned_away = crowd.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(turned_away.code(), Code::ResourceExhausted);
    pair.stores[0].release();
    while let Some(answer) = crowd.join_next().await {
        let answer = answer.unwrap().unwrap().into_inner();
        assert_eq!(refused(&answer), RefusalReason::SoldOut);
    }
    let questions = pair.stores[0].questions() - asked;
    assert!((1..10).contains(&questions), "{questions} questions for {CROWD} refusals");
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_nobody_else_writes() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, false);
    let node = Node::start_on(store.clone(), clock, |_| {}).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let placed = node.place(&items[0], "ann", 1).await.unwrap();
    assert_eq!(refused(&node.place(&items[0], "bob", 1).await.unwrap()), RefusalReason::SoldOut);
    assert_eq!(store.questions(), 0);

    // The id of the event is the order's: there is no other writer to be told apart from.
    let stream = StreamName::item(ItemId(items[0].parse().unwrap()));
    let last = log.read_stream(stream, placed.revision, 1).await.unwrap();
    assert_eq!(last[0].id.to_string(), order(&placed).order_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_a_copy_that_is_behind_confirms_nothing() {
    let pair = Pair::start().await;
    let [a, _] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    order(&buy(a, &items[0], "ann").await);
    pair.stores[0].set_behind(true);
    let status = a.place(&items[0], "bob", 1).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_error_info().unwrap().reason, "STORE_UNAVAILABLE");

    let loads = pair.stores[0].loads();
    pair.stores[0].set_behind(false);
    assert_eq!(refused(&a.place(&items[0], "bob", 1).await.unwrap()), RefusalReason::SoldOut);
    assert_eq!(pair.stores[0].loads(), loads, "the state was good all the time");
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_counted_once_whichever_node_it_came_to() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let mut attempts = 0;
    for second in 0..3 {
        // Both in the same second; each takes the item from the other, so actors come and go.
        for round in 0..3 {
            for node in [a, b] {
                buy(node, &items[0], &format!("buyer-{second}-{round}")).await;
                attempts += 1;
            }
        }
        pair.advance(1);
    }
    let counted = |ticks: &[Recorded]| ticks.iter().map(attempts_in).sum::<usize>();
    let ticks = pair.events_until("DemandTick", |ticks| counted(ticks) >= attempts).await;
    assert_eq!(counted(&ticks), attempts);
    pair.judge().await;
}

/// How many attempts a tick holds.
fn attempts_in(recorded: &Recorded) -> usize {
    match decode(recorded).unwrap() {
        Event::Demand(tick) => unpack(&tick.packed).unwrap().len(),
        Event::Item(_)
        | Event::Sale(_)
        | Event::Fulfilment(_)
        | Event::Traffic(_)
        | Event::Alert(_)
        | Event::Incident(_)
        | Event::Coupon(_)
        | Event::Quota(_)
        | Event::Script(_)
        | Event::Level(_)
        | Event::Log(_)
        | Event::Node(_) => panic!("{recorded:?} is no tick"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_is_not_paid_on_the_node_that_still_remembers_it_held() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let held = order(&buy(a, &items[0], "ann").await);
    let cancel = cancel(&held);
    until_answered!(b.purchases(), cancel_order, cancel);

    let payment = crate::support::pay(&held);
    let answer = until_answered!(a.purchases(), record_payment, payment);
    let Some(proto::record_payment_response::Outcome::Refusal(refusal)) = answer.outcome else {
        panic!("paid for a cancelled order: {answer:?}");
    };
    assert_eq!(refusal.reason(), RefusalReason::OrderCancelled);
    assert_eq!(pair.events("RefundDue").await.len(), 1, "the money goes back");
    pair.judge().await;
}

/// What a node knows of an item it keeps when another one writes to it, whether it was at rest or was
/// writing itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_loses_a_race_reads_only_what_it_does_not_know() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 30)])]).await;
    buy(a, &items[0], "ann").await;
    lose_a_race(&pair, &items[0], "bob").await;
    // It may have had to read the item once to learn that another node is there; it has, then.
    order(&buy(a, &items[0], "bob-again").await);
    let loads = pair.stores[0].loads();
    for buyer in ["cat", "dan"] {
        lose_a_race(&pair, &items[0], buyer).await;
        buy(b, &items[0], &format!("{buyer}-too")).await;
        order(&buy(a, &items[0], &format!("{buyer}-three")).await);
    }
    assert_eq!(pair.stores[0].loads(), loads, "it read the item from its beginning");
    pair.judge().await;
}

/// The first node decides for a buyer and is held up while the second one sells to another.
async fn lose_a_race(pair: &Pair, item: &str, buyer: &str) {
    let [a, b] = &pair.nodes;
    let conflicts = pair.stores[0].conflicts();
    while pair.stores[0].conflicts() == conflicts {
        let before = pair.stores[0].came();
        pair.stores[0].hold();
        let request = place(item, buyer, 1);
        let mut purchases = a.purchases();
        let slow = tokio::spawn(async move { purchases.place_order(request).await });
        pair.stores[0].more_came_than(before).await;
        order(&buy(b, item, &format!("{buyer}-elsewhere")).await);
        pair.stores[0].release();
        _ = slow.await.unwrap();
    }
}

/// The store compares numbers. Another node writes exactly as many events as this one expected to have
/// written, so what was decided behind those would be taken, though it was decided on another stream.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_behind_a_lost_append_is_not_written() {
    const CROWD: usize = 10;
    let pair = Pair::start_with(|config| config.waiting_max = CROWD).await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    a.item(&items[0]).await;

    let before = pair.stores[0].came();
    pair.stores[0].hold();
    let mut asked = tokio::task::JoinSet::new();
    let mut ask = |buyer: &str| {
        let (request, mut purchases) = (place(&items[0], buyer, 1), a.purchases());
        asked.spawn(async move { purchases.place_order(request).await });
    };
    ask("ann");
    pair.stores[0].more_came_than(before).await;
    // Decided behind the first one. One more than can wait: it is turned away when the others are there.
    (0..CROWD).for_each(|number| ask(&format!("cat-{number}")));
    let turned_away = asked.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(turned_away.code(), Code::ResourceExhausted);
    let both = place(&items[0], "bob", 2);
    order(&until_answered!(b.purchases(), place_order, both));
    pair.stores[0].release();

    while let Some(answer) = asked.join_next().await {
        if let Ok(answer) = answer.unwrap() {
            assert_eq!(refused(&answer.into_inner()), RefusalReason::SoldOut);
        }
    }
    assert_eq!(pair.events("OrderPlaced").await.len(), 1, "two units, two sold");
    pair.judge().await;
}
