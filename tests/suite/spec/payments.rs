//! Goal: money buys exactly what it was paid for, once, or is recorded as due back. Method: tables.

use doorbuster::{
    domain::item::ItemOutcome,
    events::{ItemEvent, OrderEvent, RefundCause},
};

use super::{
    live::{Live, cancel, order_id, pay, place, plan, request},
    table::check,
};

#[test]
fn a_payment_in_time_sells_the_units_for_good() {
    check(
        "offer
         place r1 ann 3    -> held ann 3
         @99 pay p1 r1 30 ref -> paid ann 3
         order r1 ann      -> paid ann 3
         next_due          -> none
         @100 due          -> nothing
         cancel c1 r1 ann  -> refused already_paid
         = available 7 held 0 sold 3",
    );
}

#[test]
fn a_wrong_amount_or_currency_records_nothing() {
    check(
        "offer
         place r1 ann 2           -> held ann 2
         pay p1 r1 19 ref         -> refused wrong_amount
         pay p1 r1 21 ref         -> refused wrong_amount
         pay p1 r1 0 ref          -> refused wrong_amount
         pay p1 r1 -20 ref        -> refused wrong_amount
         pay p1 r1 20 ref USD     -> refused wrong_amount
         = available 8 held 2 sold 0
         pay p1 r1 20 ref         -> paid ann 2",
    );
}

#[test]
fn a_payment_for_no_order_is_misdirected() {
    check(
        "offer
         pay p1 nobody 10 ref -> not_found order_id
         place r1 ann 1       -> held ann 1
         pay p1 r1 10 ref     -> paid ann 1",
    );
}

#[test]
fn a_payment_request_sent_twice_is_one_payment() {
    check(
        "offer
         place r1 ann 1    -> held ann 1
         pay p1 r1 10 ref  -> paid ann 1
         pay p1 r1 10 ref  -> paid ann 1 again
         = available 9 held 0 sold 1",
    );
}

#[test]
fn the_provider_may_tell_one_payment_under_many_request_ids() {
    check(
        "offer
         place r1 ann 1    -> held ann 1
         pay p1 r1 10 ref  -> paid ann 1
         pay p2 r1 10 ref  -> paid ann 1 again
         pay p3 r1 10 ref  -> paid ann 1 again
         = available 9 held 0 sold 1",
    );
}

#[test]
fn one_reference_may_pay_for_two_orders() {
    check(
        "offer
         place r1 ann 1    -> held ann 1
         place r2 ann 1    -> held ann 1
         pay p1 r1 10 ref  -> paid ann 1
         pay p2 r2 10 ref  -> paid ann 1",
    );
}

#[test]
fn a_known_reference_with_a_wrong_amount_is_not_told_that_it_paid() {
    check(
        "offer
         place r1 ann 1        -> held ann 1
         pay p1 r1 10 ref      -> paid ann 1
         pay p2 r1 11 ref      -> refused wrong_amount
         pay p3 r1 10 ref USD  -> refused wrong_amount",
    );
}

#[test]
fn a_second_payment_is_due_back() {
    let live = check(
        "offer
         place r1 ann 1       -> held ann 1
         pay p1 r1 10 ref-1   -> paid ann 1
         pay p2 r1 10 ref-2   -> refused already_paid + RefundDue
         pay p2 r1 10 ref-2   -> refused already_paid again
         pay p3 r1 10 ref-2   -> refused already_paid again
         pay p4 r1 10 ref-1   -> paid ann 1 again
         order r1 ann         -> paid ann 1
         = available 9 held 0 sold 1",
    );
    let Some((ItemEvent::Order(OrderEvent::RefundDue(due)), _)) = live.log.last() else {
        panic!("nothing is due")
    };
    assert_eq!(due.cause, RefundCause::AlreadyPaid);
    assert_eq!((due.payment_reference.as_str(), due.amount_minor), ("ref-2", 10));
    assert_eq!((due.order_id, due.request_id), (order_id("r1"), request("p2")));
    let placed = &live.log[usize::try_from(due.placed_revision).unwrap()].0;
    assert_eq!(placed.order_id(), Some(order_id("r1")));
}

#[test]
fn a_payment_at_the_deadline_is_too_late_even_if_nobody_has_noticed() {
    check(
        "offer
         @0   place r1 ann 2      -> held ann 2
         @100 pay p1 r1 20 ref    -> refused order_expired + OrderExpired RefundDue
              order r1 ann        -> expired ann 2
         = available 10 held 0 sold 0
              due                 -> nothing
              pay p1 r1 20 ref    -> refused order_expired again",
    );
}

#[test]
fn a_payment_just_before_the_deadline_is_in_time() {
    check(
        "offer
         @0   place r1 ann 1    -> held ann 1
         @99  pay p1 r1 10 ref  -> paid ann 1",
    );
}

#[test]
fn a_payment_after_the_expiry_is_due_back_and_takes_no_units() {
    let live = check(
        "offer stock=north:1
         place r1 ann 1         -> held ann 1
         @100 due               -> ann
         place r2 bob 1         -> held bob 1
         pay p1 r1 10 ref       -> refused order_expired + RefundDue
         pay p2 r1 10 ref       -> refused order_expired again
         pay p3 r1 10 ref-2     -> refused order_expired + RefundDue
         = available 0 held 1 sold 0",
    );
    let causes: Vec<_> = live
        .log
        .iter()
        .filter_map(|(event, _)| match event {
            ItemEvent::Order(OrderEvent::RefundDue(due)) => Some(due.cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [RefundCause::OrderExpired; 2]);
}

#[test]
fn a_payment_for_a_cancelled_order_is_due_back() {
    check(
        "offer
         place r1 ann 1      -> held ann 1
         cancel c1 r1 ann    -> cancelled ann 1
         pay p1 r1 9 ref     -> refused wrong_amount
         pay p1 r1 10 ref    -> refused order_cancelled + RefundDue
         order r1 ann        -> cancelled ann 1
         = available 10 held 0 sold 0",
    );
}

#[test]
fn the_largest_order_at_the_highest_price_has_an_exact_total() {
    check(
        "offer stock=north:1000000 price=1000000000000
         place r1 ann 1000000               -> held ann 1000000
         pay p1 r1 999999999999999999 ref   -> refused wrong_amount
         pay p1 r1 1000000000000000000 ref  -> paid ann 1000000",
    );
}

#[test]
fn a_refused_payment_is_answered_the_same_whatever_was_sold_since() {
    for reason in ["expired", "cancelled", "paid"] {
        let mut live = Live::offered(plan());
        live.run(place("r1", "ann", 1), 0);
        let at = match reason {
            "cancelled" => {
                live.run(cancel("c1", "r1", "ann"), 1);
                2
            }
            "paid" => {
                live.run(pay("p1", "r1", 10, "first"), 1);
                2
            }
            _ => 100,
        };
        let first = live.run(pay("p2", "r1", 10, "late"), at);
        live.run(place("r2", "bob", 3), at);
        let again = live.run(pay("p2", "r1", 10, "late"), at + 1);
        assert_eq!((&again.outcome, again.revision), (&first.outcome, first.revision), "{reason}");
        let ItemOutcome::Refused { available, .. } = again.outcome else { panic!("{reason}") };
        assert_eq!(available, None, "{reason}");
    }
}
