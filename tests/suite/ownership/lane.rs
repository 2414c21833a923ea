//! Goal: what is on a lane is sent in its order and until it is answered, and what may have been decided
//! is marked so. Method: one lane, told step by step what became of what it sent.

use doorbuster::{
    ownership::{Became, Dispatch, Lane, Member, Owners, Route, Standing, TRIES_MAX},
    values::NodeId,
};
use uuid::Uuid;

const HERE: NodeId = NodeId(Uuid::from_u128(1));
const FIRST: NodeId = NodeId(Uuid::from_u128(2));
const SECOND: NodeId = NodeId(Uuid::from_u128(3));

/// A lane with two commands under way to the first node.
fn two_under_way() -> (Lane<&'static str>, Dispatch, Dispatch) {
    let mut lane = Lane::new(Route::Node(FIRST));
    let (one, two) = (lane.push("one"), lane.push("two"));
    (lane, one, two)
}

/// What is sent again, by where it goes and whether it is in doubt.
fn sent_again(lane: &mut Lane<&'static str>) -> Vec<(&'static str, Route, bool)> {
    lane.turn(1);
    let dispatches = lane.resend();
    let sent =
        |d: &Dispatch| (*lane.parcel(d.number).unwrap(), d.route, lane.is_in_doubt(d.number));
    dispatches.iter().map(sent).collect()
}

#[test]
fn a_lane_is_held_from_what_comes_back_until_all_is_sent_again() {
    let first = Route::Node(FIRST);
    for became in [Became::NotMine(None), Became::Nothing, Became::Unknown] {
        let (mut lane, one, two) = two_under_way();
        assert_eq!(lane.became(one.number, became), None, "{became:?}: nobody is told");
        assert!(lane.is_held() && !lane.has_to_resend(), "{became:?}: one is under way");
        assert_eq!(lane.became(two.number, Became::Answered), Some("two"));
        assert!(lane.is_held() && lane.has_to_resend(), "{became:?}");
        let in_doubt = became == Became::Unknown;
        assert_eq!(lane.is_in_doubt(one.number), in_doubt);
        assert_eq!(sent_again(&mut lane), [("one", first, in_doubt)], "{became:?}");
        assert!(!lane.is_held(), "{became:?}: others may follow it");
        assert_eq!(lane.became(one.number, Became::Answered), Some("one"));
        assert!(lane.is_empty());
    }
}

#[test]
fn another_owner_gets_all_that_is_unanswered_in_its_order_when_nothing_is_under_way() {
    let (mut lane, one, two) = two_under_way();
    lane.owner_is(Route::Node(SECOND));
    assert!(lane.is_held() && !lane.has_to_resend());
    // The later one comes back first.
    assert_eq!(lane.became(two.number, Became::Unknown), None);
    assert!(!lane.has_to_resend());
    assert_eq!(lane.became(one.number, Became::Nothing), None);
    assert!(lane.has_to_resend());
    let second = Route::Node(SECOND);
    assert_eq!(sent_again(&mut lane), [("one", second, false), ("two", second, true)]);
    assert!(!lane.has_to_resend());
}

#[test]
fn what_certainly_was_not_decided_ends_after_some_tries_and_what_is_in_doubt_does_not() {
    for (first, ends) in [(Became::Nothing, true), (Became::Unknown, false)] {
        let mut lane = Lane::new(Route::Node(FIRST));
        let sent = lane.push("one");
        let mut back = lane.became(sent.number, first);
        for tries in 2..=TRIES_MAX {
            assert_eq!(back, None, "{first:?}, {tries}");
            assert_eq!(sent_again(&mut lane).len(), 1);
            back = lane.became(sent.number, Became::Nothing);
        }
        assert_eq!(back, ends.then_some("one"), "{first:?}");
        assert_eq!(lane.is_empty(), ends);
    }
}

#[test]
fn a_node_that_leaves_owns_nothing_unless_there_is_no_other() {
    let mut owners = Owners::new(HERE, "10.0.0.1:7430");
    let member = |node_id, address: &str| Member {
        node_id,
        address: address.to_owned(),
        version: "0.1.0".to_owned(),
        is_older: false,
    };
    owners.announced(vec![member(FIRST, "10.0.0.2:7430"), member(SECOND, "10.0.0.3:7430")]);
    let items: Vec<Uuid> = (0..100).map(Uuid::from_u128).collect();
    let own =
        |owners: &Owners| items.iter().filter(|item| owners.route(**item) == Route::Here).count();
    owners.heard(FIRST, Standing::Answers);
    assert!((20..80).contains(&own(&owners)), "{}", own(&owners));
    let version = owners.version();
    owners.leave();
    assert!(owners.leaves() && owners.version() > version);
    assert_eq!(own(&owners), 0);
    assert!(items.iter().all(|item| owners.route(*item) == Route::Node(FIRST)));
    // Those that do not answer are no others.
    owners.heard(FIRST, Standing::Suspected);
    assert_eq!(own(&owners), items.len());
}
