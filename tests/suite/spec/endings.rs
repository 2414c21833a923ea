//! Goal: a hold ends exactly once, by its buyer or by time, and its units come back once. Method:
//! tables; `due` is what the actor asks whenever a deadline comes.

use doorbuster::{domain::Decider, values::UnixMs};

use super::table::check;

#[test]
fn a_buyer_may_give_a_hold_up() {
    check(
        "offer
         place r1 ann 4    -> held ann 4
         cancel c1 r1 ann  -> cancelled ann 4
         order r1 ann      -> cancelled ann 4
         next_due          -> none
         @100 due          -> nothing
         = available 10 held 0 sold 0",
    );
}

#[test]
fn somebody_else_s_order_looks_like_one_that_does_not_exist() {
    check(
        "offer
         place r1 ann 1        -> held ann 1
         cancel c1 r1 bob      -> not_found order_id
         cancel c1 nobody bob  -> not_found order_id
         order r1 bob          -> not_found order_id
         order nobody bob      -> not_found order_id
         @200 cancel c1 r1 bob -> not_found order_id
         order r1 ann          -> held ann 1",
    );
}

#[test]
fn a_second_cancellation_releases_nothing() {
    check(
        "offer
         place r1 ann 1    -> held ann 1
         place r2 bob 1    -> held bob 1
         cancel c1 r1 ann  -> cancelled ann 1
         cancel c1 r1 ann  -> cancelled ann 1 again
         cancel c2 r1 ann  -> refused order_cancelled
         = available 9 held 1 sold 0",
    );
}

#[test]
fn a_paid_order_cannot_be_given_up() {
    check(
        "offer
         place r1 ann 1    -> held ann 1
         pay p1 r1 10 ref  -> paid ann 1
         cancel c1 r1 ann  -> refused already_paid
         = available 9 held 0 sold 1",
    );
}

#[test]
fn a_cancellation_at_the_deadline_finds_the_hold_over() {
    check(
        "offer
         @0   place r1 ann 1    -> held ann 1
         @0   place r2 bob 1    -> held bob 1
         @99  cancel c1 r1 ann  -> cancelled ann 1
         @100 cancel c2 r2 bob  -> refused order_expired + OrderExpired
              cancel c2 r2 bob  -> refused order_expired
              due               -> nothing
         = available 10 held 0 sold 0",
    );
}

#[test]
fn a_hold_is_due_at_its_deadline_and_not_before() {
    check(
        "offer
         @7   place r1 ann 1  -> held ann 1
              next_due        -> 107
         @106 due             -> nothing
         @107 due             -> ann
              due             -> nothing
              next_due        -> none
              order r1 ann    -> expired ann 1
         = available 10 held 0 sold 0",
    );
}

#[test]
fn holds_fall_due_in_the_order_of_their_deadlines_and_only_so_many_at_once() {
    check(
        "offer
         @10  place r1 ann 1    -> held ann 1
         @20  place r2 bob 1    -> held bob 1
         @20  place r3 cat 1    -> held cat 1
         @30  place r4 dan 1    -> held dan 1
         @40  place r5 eve 1    -> held eve 1
              next_due          -> 110
              cancel c1 r2 bob  -> cancelled bob 1
         @130 due 0             -> nothing
              due 2             -> ann cat
              next_due          -> 130
              due 2             -> dan
              due 2             -> nothing
              next_due          -> 140
              pay p1 r5 10 ref  -> paid eve 1
              next_due          -> none",
    );
}

#[test]
fn asking_what_is_due_changes_nothing_until_it_is_recorded() {
    let live = check(
        "offer
         place r1 ann 1 -> held ann 1",
    );
    let first = live.item.due(UnixMs(100), 10);
    assert_eq!(first, live.item.due(UnixMs(100), 10), "the same events with the same ids");
    assert_eq!(first.len(), 1);
}

#[test]
fn an_expiry_caused_by_a_late_payment_is_the_one_that_time_would_have_caused() {
    // Whichever command observes it first, the event id is the same: it cannot be recorded twice.
    let live = check(
        "offer
         place r1 ann 1 -> held ann 1",
    );
    let by_time = live.item.due(UnixMs(100), 10);
    let by_payment = live.item.decide(super::live::pay("p1", "r1", 10, "ref"), UnixMs(100));
    let by_cancel = live.item.decide(super::live::cancel("c1", "r1", "ann"), UnixMs(100));
    assert_eq!(by_time[0], by_payment.events[0]);
    assert_eq!(by_time[0], by_cancel.events[0]);
    let later = live.item.due(UnixMs(130), 10);
    assert_eq!((by_time[0].id, by_time[0].causation), (later[0].id, later[0].causation));
}

#[test]
fn an_order_that_was_not_paid_can_be_placed_anew_under_another_request_id_only() {
    check(
        "offer stock=north:1
         place r1 ann 1  -> held ann 1
         @100 due        -> ann
         place r1 ann 1  -> held ann 1 again
         = available 1 held 0 sold 0
         place r2 ann 1  -> held ann 1
         = available 0 held 1 sold 0",
    );
}
