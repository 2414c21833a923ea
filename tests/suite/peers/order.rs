//! Goal: the commands of a node for one item are decided in their order and none is lost, whatever the
//! nodes do that they are passed on to. Method: a real node, and owners that are written by hand.

use std::time::{Duration, Instant};

use tonic::Code;

use super::{
    by_hand::ByHand,
    real::{Crowd, Real},
};
use crate::{ownership::pair::seen, support::order};

/// An actor that is left for another node may take so long to finish.
const RESTS_WITHIN: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_has_come_back_and_nothing_is_lost() {
    let real = Real::start(|config| config.waiting_max = 3).await;
    let mut owner = ByHand::start().await;
    real.meets(&[&owner]).await;
    let item = real.item_of(&[&owner]).expect("it owns one of them");
    let mut crowd = Crowd::new();
    real.ask(&mut crowd, &item, "one");
    let first = owner.next().await;
    real.ask(&mut crowd, &item, "two");
    let second = owner.next().await;
    let sent = [first.commands.commands.clone(), second.commands.commands.clone()];

    // One comes back while another one is under way. An answer behind it shows that this is known there.
    first.refuse().await;
    let beside = real.item_beside(&item, &owner).expect("it owns another one");
    let mut other = Crowd::new();
    real.ask(&mut other, &beside, "beside");
    owner.next().await.meets("overloaded").await;
    let status = other.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");

    // More are asked. One of them finds no place, which shows that the other has one.
    real.ask(&mut crowd, &item, "three");
    real.ask(&mut crowd, &item, "four");
    let turned_away = crowd.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(turned_away.code(), Code::ResourceExhausted, "{turned_away:?}");
    owner.is_pinged(2).await;
    assert!(owner.has_nothing(), "something was sent before all that was sent came back");

    second.meets("stopping").await;
    let again = [owner.next().await, owner.next().await, owner.next().await];
    let bytes = again.each_ref().map(|asked| asked.commands.commands.clone());
    assert_eq!(bytes[..2], sent, "what came back goes first, in its order");
    assert!(!sent.contains(&bytes[2]));

    // Whether they were decided is not known now, and nobody else is there to decide them.
    owner.shut();
    let [last, ..] = again;
    last.hang_up().await;
    while let Some(answered) = crowd.join_next().await {
        order(&answered.unwrap().expect("it is decided"));
    }
    let buyers = real.buyers().await;
    assert_eq!((buyers.len(), &buyers[..2]), (3, &["one".to_owned(), "two".to_owned()][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_turned_away_says_nothing_of_the_one_before_it() {
    let real = Real::start(|_| {}).await;
    let (mut owner, mut heir) = (ByHand::start().await, ByHand::start().await);
    real.meets(&[&owner, &heir]).await;
    let item = real.item_of(&[&owner, &heir]).unwrap_or_else(|| {
        std::mem::swap(&mut owner, &mut heir);
        real.item_of(&[&owner, &heir]).expect("one of them comes first")
    });
    let mut crowd = Crowd::new();
    real.ask(&mut crowd, &item, "ann");
    let lost = owner.next().await;
    let sent = lost.commands.commands.clone();
    owner.shut();
    lost.hang_up().await;

    let copy = heir.next().await;
    assert_eq!(copy.commands.commands, sent);
    copy.meets("overloaded").await;
    let again = heir.next().await;
    assert_eq!(again.commands.commands, sent, "the first copy may have been decided");
    heir.shut();
    again.hang_up().await;
    order(&crowd.join_next().await.unwrap().unwrap().expect("its outcome is found out"));
    assert_eq!(real.buyers().await, ["ann"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_has_in_flight_is_done_before_more_goes_to_the_next_owner() {
    // What shows nothing, because the node waited for as long as it waits, is tried again.
    for _ in 0..20 {
        let real = Real::start(|_| {}).await;
        let mut owner = ByHand::start().await;
        let item = real.item_of(&[&owner]).expect("it owns one of them");
        let mut crowd = Crowd::new();
        let before = real.store.came();
        real.store.hold();
        real.ask(&mut crowd, &item, "one");
        real.store.more_came_than(before).await;
        real.meets(&[&owner]).await;

        let asked_at = Instant::now();
        real.ask(&mut crowd, &item, "two");
        owner.is_pinged(2).await;
        let came_early = !owner.has_nothing();
        let is_too_late = asked_at.elapsed() >= RESTS_WITHIN;
        real.store.release();
        if is_too_late {
            continue;
        }
        assert!(!came_early, "it was sent while one before it was in flight");
        order(&crowd.join_next().await.unwrap().unwrap().expect("it is decided here"));
        assert_eq!(real.buyers().await, ["one"]);
        let second = owner.next().await;
        owner.shut();
        second.hang_up().await;
        order(&crowd.join_next().await.unwrap().unwrap().expect("it is decided in the end"));
        assert_eq!(real.buyers().await, ["one", "two"]);
        return;
    }
    panic!("this machine is too slow to show anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_passes_on_what_it_is_asked() {
    let mut real = Real::start(|config| config.drain_ms = 1_500).await;
    let mut other = ByHand::start().await;
    real.meets(&[&other]).await;
    let own = real.own_item(&other).expect("it owns one itself");
    order(&real.node.place(&own, "early", 1).await.expect("it decides it"));
    assert!(other.has_nothing());

    let app = real.node.take_app();
    let stopping = tokio::task::spawn_blocking(move || app.stop());
    while !seen(&real.node).await.own.unwrap().leaves {
        tokio::task::yield_now().await;
    }
    let mut crowd = Crowd::new();
    real.ask(&mut crowd, &own, "late");
    let passed_on = other.next().await;
    other.shut();
    passed_on.hang_up().await;
    order(&crowd.join_next().await.unwrap().unwrap().expect("nobody else is there to decide it"));
    stopping.await.unwrap().unwrap();
    assert_eq!(real.buyers().await, ["early", "late"]);
}
