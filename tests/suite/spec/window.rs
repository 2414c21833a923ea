//! Goal: orders are taken in the window and at no other time. Method: tables around its edges.

use super::table::check;

#[test]
fn an_item_takes_orders_from_the_opening_until_just_before_the_closing() {
    check(
        "offer open=100 close=200
         @99   place r1 ann 1  -> refused not_open_yet
               show            -> item_not_open_yet
         @100  place r1 ann 1  -> held ann 1
               show            -> item_open
         @199  place r2 bob 1  -> held bob 1
         @200  place r3 cat 1  -> refused closed
               show            -> item_closed
         @5000 place r3 cat 1  -> refused closed
         = available 8 held 2 sold 0",
    );
}

#[test]
fn nothing_is_asked_of_an_item_that_was_never_added() {
    check(
        "place r1 ann 1      -> not_found item_id
         pay p1 r1 10 ref    -> not_found item_id
         cancel c1 r1 ann    -> not_found item_id
         pause s1            -> not_found item_id
         allocate s2 north 1 -> not_found item_id
         show                -> not_found item_id
         order r1 ann        -> not_found item_id
         due                 -> nothing
         next_due            -> none",
    );
}

#[test]
fn a_hold_made_in_the_window_can_be_paid_and_given_up_after_it() {
    check(
        "offer close=200
         @190 place r1 ann 1   -> held ann 1
              place r2 bob 1   -> held bob 1
              place r3 cat 1   -> held cat 1
         @250 pay p1 r1 10 ref -> paid ann 1
              cancel c1 r2 bob -> cancelled bob 1
         @290 due              -> cat
         = available 9 held 0 sold 1",
    );
}

#[test]
fn a_paused_item_refuses_orders_until_it_is_resumed() {
    check(
        "offer
         place r1 ann 1   -> held ann 1
         pause s1         -> item_paused + ItemPaused
         place r2 bob 1   -> refused paused
         place r1 ann 1   -> held ann 1 again
         resume s2        -> item_open + ItemResumed
         place r2 bob 1   -> held bob 1",
    );
}

#[test]
fn a_paused_item_still_takes_payments_and_cancellations_and_lets_holds_expire() {
    check(
        "offer
         place r1 ann 1        -> held ann 1
         place r2 bob 1        -> held bob 1
         place r3 cat 1        -> held cat 1
         pause s1              -> item_paused + ItemPaused
         pay p1 r1 10 ref      -> paid ann 1
         cancel c1 r2 bob      -> cancelled bob 1
         @100 due              -> cat
         = available 9 held 0 sold 1",
    );
}

#[test]
fn a_pause_before_the_opening_outlasts_it() {
    check(
        "offer open=100 close=200
         @50  pause s1        -> item_paused + ItemPaused
              place r1 ann 1  -> refused not_open_yet
         @100 place r1 ann 1  -> refused paused
              show            -> item_paused
         @200 place r1 ann 1  -> refused closed
              show            -> item_closed",
    );
}

#[test]
fn rules_go_by_the_clock_and_only_stamps_never_go_back() {
    let live = check(
        "offer open=100 close=200
         @150 place r1 ann 1   -> held ann 1
         @10  place r2 bob 1   -> refused not_open_yet
              show             -> item_not_open_yet
         @120 place r2 bob 1   -> held bob 1
              next_due         -> 220
         @130 cancel c1 r2 bob -> cancelled bob 1
         @249 due              -> nothing
         @250 due              -> ann
         @199 place r3 cat 1   -> held cat 1
         @200 place r4 dan 1   -> refused closed",
    );
    let times: Vec<_> = live.log.iter().filter_map(|(event, _)| event.at()).collect();
    assert!(times.is_sorted(), "the log never runs backwards: {times:?}");
}

#[test]
fn a_payment_is_judged_by_the_clock_and_not_by_what_was_stamped_before_it_was_set_back() {
    check(
        "offer
         @0   place r1 ann 1    -> held ann 1
         @120 place r2 bob 1    -> held bob 1
         @50  pay p1 r1 10 ref  -> paid ann 1",
    );
}

#[test]
fn a_hold_is_due_by_the_clock_and_not_by_what_was_stamped_before_it_was_set_back() {
    check(
        "offer
         @0   place r1 ann 1  -> held ann 1
         @120 place r2 bob 1  -> held bob 1
         @50  due             -> nothing
         @100 due             -> ann",
    );
}
