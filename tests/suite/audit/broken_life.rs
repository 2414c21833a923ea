//! Goal: the verifier finds each event of an order's life that cannot follow the ones before it.
//!
//! Method: the hand-made log of `life` is sound; each case spoils one thing and names the words of the
//! finding, which hold what was expected and what was found.

use serde_json::json;

use super::{
    Rewrite,
    broken_refunds::{refunds_that_cannot_be, settlements_that_cannot_be},
    broken_reinstatements::reinstatements_that_cannot_be,
    each_is_found_at_an_item,
    goods::{fire, place, steer},
    life::{self, WITHIN, extend, fail, give_back, kill, owe, reinstate},
    story::{Draft, OPENS, Story, TIME_TO_PAY, act, sale, uuid},
};

/// A moment after all of the log.
pub const LATER: i64 = OPENS + 28_000;

/// The event of that kind that stands at that place among its like.
pub fn nth<'a>(s: &'a mut Story, kind: &str, place: usize) -> &'a mut Draft {
    let mut all = s.events.iter_mut().filter(|event| event.kind == kind);
    all.nth(place).expect("there are so many")
}

/// Removes an event by its kind and its place among its like.
pub fn remove(s: &mut Story, kind: &str, place: usize) -> usize {
    let all = s.events.iter().enumerate().filter(|(_, event)| event.kind == kind);
    let (index, _) = all.into_iter().nth(place).expect("there are so many");
    s.events.remove(index);
    index
}

fn failures_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "a failed payment of an order that is paid",
            |s| fail(s, 10, 90, LATER),
            "failed payment: expected an order that is held, found paid",
        ),
        (
            "a failed payment of an order that is cancelled",
            |s| fail(s, 11, 90, LATER),
            "failed payment: expected an order that is held, found cancelled",
        ),
        (
            "a failed payment of an order whose units all came back",
            |s| fail(s, 15, 90, LATER),
            "failed payment: expected an order that is held, found refunded",
        ),
        (
            "a failed payment at the deadline",
            |s| fail(s, 17, 90, OPENS + 27_600 + TIME_TO_PAY),
            "failed payment: expected a moment before the deadline 1037600, found 1037600",
        ),
        (
            "the twenty-first failed payment",
            |s| (0..21).for_each(|failure| fail(s, 17, 900 + failure, LATER)),
            "failed payments: expected at most 20, found 21",
        ),
        (
            "a failed payment without a code",
            |s| s.first("PaymentFailed").data["code"] = json!(""),
            "a payment failed without a reference or a code",
        ),
        (
            "a failed payment without a reference",
            |s| s.first("PaymentFailed").data["payment_reference"] = json!(""),
            "a payment failed without a reference or a code",
        ),
        (
            "a failed payment of an order that was never placed",
            |s| s.first("PaymentFailed").data["order_id"] = json!(uuid(77)),
            "but it was never placed",
        ),
        (
            "a failed payment that points elsewhere",
            |s| s.first("PaymentFailed").data["placed_revision"] = json!(2),
            "was not placed at revision 2",
        ),
        (
            "a request of a payment used for a failed one",
            |s| fail(s, 17, 104, LATER),
            "is used twice on this item",
        ),
        (
            "a failed payment with an id of its own making",
            |s| s.first("PaymentFailed").id = uuid(77),
            "the event id is not the one that request",
        ),
    ]
}

fn holds_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "a paid order gets another deadline",
            |s| extend(s, 10, 90, LATER + 9, LATER),
            "extension of a hold: expected an order that is held, found paid",
        ),
        (
            "an expired order gets another deadline",
            |s| extend(s, 14, 90, LATER + 9, LATER),
            "extension of a hold: expected an order that is held, found expired",
        ),
        (
            "a hold is extended at its deadline",
            |s| {
                let over = OPENS + 27_600 + TIME_TO_PAY;
                extend(s, 17, 90, over + 9, over);
            },
            "extension of a hold: expected a moment before the deadline 1037600, found 1037600",
        ),
        (
            "a hold is extended to the deadline that it had",
            |s| s.first("HoldExtended").data["pay_by_ms"] = json!(OPENS + TIME_TO_PAY),
            "extension of a hold: expected a deadline after 1010000, found 1010000",
        ),
        (
            "a hold is extended twice, the second time to an earlier deadline",
            |s| {
                extend(s, 17, 90, LATER + 90_000, LATER);
                extend(s, 17, 91, LATER + 89_999, LATER);
            },
            "extension of a hold: expected a deadline after 1118000, found 1117999",
        ),
        (
            "a hold is extended by more than 30 days",
            |s| extend(s, 17, 90, LATER + 30 * 86_400_000 + 1, LATER),
            "expected a deadline of 2593028000 at most, found 2593028001",
        ),
        (
            "an act on an order belongs to the story of the sale",
            |s| s.first("HoldExtended").metadata["$correlationId"] = json!(sale()),
            "$correlationId is",
        ),
        (
            "an order is paid after its first deadline, which was not extended",
            |s| {
                remove(s, "HoldExtended", 0);
            },
            "is paid at or after its deadline",
        ),
        (
            "an order is paid at the deadline to which it was extended",
            |s| s.first("HoldExtended").data["pay_by_ms"] = json!(OPENS + 12_000),
            "is paid at or after its deadline",
        ),
        (
            "an order expires before the deadline to which it was extended",
            |s| {
                extend(s, 17, 90, LATER + 20_000, LATER);
                s.expire(17, LATER + 19_999);
            },
            "is expired before its deadline",
        ),
        (
            "an operator cancels without an act",
            |s| {
                s.first("OrderCancelled").data.as_object_mut().unwrap().remove("act");
            },
            "act of a cancellation: expected that of an operator, found none",
        ),
        (
            "a buyer cancels with the act of an operator",
            |s| {
                s.first("OrderCancelled").data.as_object_mut().unwrap().remove("cause");
            },
            "act of a cancellation: expected none of a buyer, found one",
        ),
        (
            "an operator cancels by another request than that of the act",
            |s| s.first("OrderCancelled").data["act"] = act(77),
            "request of a cancellation: expected",
        ),
        (
            "an operator cancels a paid order",
            |s| kill(s, 10, 90, LATER),
            "ends twice: it is cancelled, but it was paid before",
        ),
        (
            "an operator cancels at the deadline",
            |s| kill(s, 17, 90, OPENS + 27_600 + TIME_TO_PAY),
            "is cancelled at or after its deadline",
        ),
        (
            "for a reason that there is not",
            |s| s.first("OrderCancelled").data["cause"] = json!("weather"),
            "the body of this OrderCancelled cannot be read",
        ),
    ]
}

fn states_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an order is paid whose units all came back",
            |s| s.pay(15, 90, LATER),
            "ends twice: it is paid, but it was refunded before",
        ),
        (
            "an order is cancelled of which units came back",
            |s| s.cancel(13, 90, LATER),
            "ends twice: it is cancelled, but it was paid before",
        ),
        (
            "an order expires whose units all came back",
            |s| s.expire(12, LATER),
            "ends twice: it is expired, but it was refunded before",
        ),
        (
            "a payment of a refunded order goes back because the order expired",
            |s| owe(s, 15, 90, ("order_expired", 2280), LATER),
            "names a cause that is not so",
        ),
        (
            "a payment of a refunded order goes back because the order is cancelled",
            |s| owe(s, 15, 90, ("order_cancelled", 2280), LATER),
            "names a cause that is not so",
        ),
        (
            "a cancelled order comes back",
            |s| reinstate(s, 11, (90, 1000), &[("west", 2)], LATER),
            "reinstatement: expected an order that is expired, found cancelled",
        ),
        (
            "a paid order comes back",
            |s| reinstate(s, 10, (90, 1235), &[("east", 3)], LATER),
            "reinstatement: expected an order that is expired, found paid",
        ),
        (
            "a held order comes back",
            |s| reinstate(s, 17, (90, 500), &[("east", 1)], LATER),
            "reinstatement: expected an order that is expired, found held",
        ),
        (
            "a refunded order comes back",
            |s| reinstate(s, 15, (90, 2280), &[("east", 1), ("west", 3)], LATER),
            "reinstatement: expected an order that is expired, found refunded",
        ),
        (
            "an order comes back twice",
            |s| reinstate(s, 12, (90, 1000), &[("east", 2)], LATER),
            "reinstatement: expected an order that is expired, found refunded",
        ),
    ]
}

/// An order of one unit at 500 that expired and is to come back.
pub fn expired(s: &mut Story) {
    s.expire(17, OPENS + 27_600 + TIME_TO_PAY);
}

pub const LATE: i64 = OPENS + 27_600 + TIME_TO_PAY + 100;

#[test]
fn a_log_with_the_whole_life_of_orders_is_proved() {
    let proof = life::sound().show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    assert_eq!((proof.items, proof.orders), (1, 8));
}

#[test]
fn every_rule_of_an_orders_life_is_judged() {
    let rewrites = [
        failures_that_cannot_be(),
        holds_that_cannot_be(),
        states_that_cannot_be(),
        reinstatements_that_cannot_be(),
        refunds_that_cannot_be(),
        settlements_that_cannot_be(),
    ];
    each_is_found_at_an_item(life::sound, rewrites.into_iter().flatten());
}

#[test]
fn a_rule_that_is_broken_once_is_one_finding() {
    type Spoil = fn(&mut Story);
    let cases: [Spoil; 3] = [
        |s| {
            s.first("OrderRefunded").data["amount_minor"] = json!(412);
            // What was settled was as much as was due.
            nth(s, "RefundSettled", 1).data["amount_minor"] = json!(412);
        },
        |s| s.first("OrderRefunded").data["units_left"] = json!(1),
        |s| s.first("RefundSettled").data["amount_minor"] = json!(999),
    ];
    for (spoil, number) in cases.into_iter().zip(0..) {
        let mut story = life::sound();
        spoil(&mut story);
        let proof = story.show(|_, _| {});
        assert_eq!(proof.findings.len(), 1, "case {number}: {proof}");
    }
}

/// A step of the reserve plan that an order makes due when it comes back fires behind its payment.
#[test]
fn a_step_of_the_reserve_plan_fires_behind_the_payment_of_an_order_that_came_back() {
    let story = |fires: bool| {
        let mut story = life::sound();
        let s = &mut story;
        let reserve = json!({"warehouse": "east", "units": 5, "set_at_ms": LATER});
        steer(s, "ReserveSet", 90, reserve);
        let plan = json!([{"below_units": 5, "release_units": 2, "act": "release"}]);
        steer(s, "ReservePlanSet", 91, json!({"steps": plan, "set_at_ms": LATER}));
        let (late, one) = (LATER + TIME_TO_PAY, [(Some(1), None, 1, 500)]);
        place(s, (92, "hal", LATER), &[("east", 1)], &one, json!({}));
        s.expire(92, late);
        s.expire(17, late);
        let two = [(Some(1), None, 2, 500)];
        place(s, (93, "ida", late), &[("east", 2)], &two, json!({}));
        reinstate(s, 92, (94, 500), &[("east", 1)], late);
        if fires {
            let released = json!({"warehouse": "east", "units": 2, "released_at_ms": late});
            fire(s, "ReserveReleased", 0, 0, released);
        }
        place(s, (95, "kim", late), &[("east", 1)], &[(None, None, 1, 600)], json!({}));
        story
    };
    let proof = story(true).show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    let proof = story(false).show(|_, _| {});
    let words = "reserve plan: expected step 0 releases 2 in \"east\", found OrderPlaced";
    assert!(proof.to_string().contains(words), "{proof}");
}

/// By a clock that was set, a hold is judged as its deadline sees it, and so are its late payments.
#[test]
fn what_a_clock_that_was_set_explains_is_sound() {
    let judged = |s: &mut Story, at_ms: i64| {
        s.events.last_mut().unwrap().metadata["judged_at_ms"] = json!(at_ms);
    };
    let mut story = life::sound();
    let s = &mut story;
    let deadline = OPENS + 27_600 + TIME_TO_PAY;
    let moved = 90_000;
    // The clock went forwards by 90 s: the hold lasts as long as it was promised.
    fail(s, 17, 90, deadline - 1 + moved);
    judged(s, deadline - 1);
    // To a moment that is earlier than the stored deadline would be with the clock.
    extend(s, 17, 91, deadline + moved + 5, deadline - 1 + moved);
    judged(s, deadline - 1);
    s.expire(17, deadline + moved + 5);
    reinstate(s, 17, (92, 500), &[("east", 1)], deadline + moved + 5 + WITHIN - 1);
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    // It went back: the deadline that is set may be before the stored one.
    let mut story = life::sound();
    let s = &mut story;
    extend(s, 17, 90, LATER + 2, LATER);
    judged(s, deadline - 1);
    s.expire(17, LATER + 2);
    reinstate(s, 17, (91, 500), &[("east", 1)], LATER + 2);
    s.events.iter_mut().rev().take(2).for_each(|event| {
        event.metadata["judged_at_ms"] = json!(LATER + 2 + WITHIN - 1);
    });
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

#[test]
fn a_refund_is_judged_at_its_own_moment() {
    let mut story = life::sound();
    let back = (1, 0, 600);
    give_back(&mut story, (13, 90, LATER), back, &[("east", 1)], &[(None, 1, 600)], true);
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    story.events.last_mut().unwrap().metadata["judged_at_ms"] = json!(LATER + 1);
    let said = story.show(|_, _| {}).to_string();
    assert!(said.contains("after its own time"), "{said}");
}
