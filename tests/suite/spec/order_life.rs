//! Goal: an order keeps its promises after it was placed: failed payments leave the hold alone, a
//! hold can be extended, units come back to the cent, money that is due is settled once, and a late
//! payment brings an order back only where its units are. Method: tables.

use doorbuster::{
    domain::item::{ItemOutcome, Refusal},
    events::{
        CancelCause, Gift, ItemEvent, Offer, OfferCondition, OfferEffect, OrderEvent, OrderPart,
        PriceStep, Prices, ReturnedUnits, WhenGone,
    },
};

use super::{
    live::{Live, act_on, due_id, order_id, pay, payment_failed, place, plan, show_order, units},
    table::check,
};
use doorbuster::domain::item::OrderAction;

#[test]
fn a_failed_payment_leaves_the_hold_as_it_is() {
    let live = check(
        "offer
         place r1 ann 3               -> held ann 3
         @10 fail f1 r1 ref declined  -> held ann 3 + PaymentFailed
         fail f1 r1 ref declined      -> held ann 3 again
         fail f1 r1 ref other         -> reused
         fail f2 nobody ref declined  -> not_found order_id
         next_due                     -> 100
         @99 pay p1 r1 30 ref         -> paid ann 3
         fail f3 r1 ref declined      -> refused already_paid
         = available 7 held 0 sold 3",
    );
    let mut live = live;
    let ItemOutcome::Order(order) = live.run(show_order("r1", "ann"), 99).outcome else { panic!() };
    assert_eq!(order.failed_payments, 1);
}

#[test]
fn after_twenty_failed_payments_no_more_are_recorded() {
    let mut live = Live::offered(plan());
    live.run(place("r1", "ann", 1), 0);
    for failure in 0..25 {
        let decided = live.run(payment_failed(&format!("f{failure}"), "r1", "ref", "no"), 1);
        assert_eq!(decided.events.len(), usize::from(failure < 20), "failure {failure}");
    }
}

#[test]
fn a_payment_that_fails_too_late_ends_the_hold() {
    check(
        "offer
         place r1 ann 3                -> held ann 3
         @100 fail f1 r1 ref declined  -> refused order_expired + OrderExpired
         fail f1 r1 ref declined       -> refused order_expired
         = available 10 held 0 sold 0",
    );
}

#[test]
fn an_operator_lets_a_hold_end_later() {
    check(
        "offer
         place r1 ann 1               -> held ann 1
         place r2 bob 1               -> held bob 1
         @50 extend e1 r1 100         -> wrong pay_by_time
         extend e1 r1 2592000051      -> wrong pay_by_time
         extend e1 r1 300             -> held ann 1 + HoldExtended
         extend e1 r1 300             -> held ann 1 again
         extend e1 r1 301             -> reused
         extend e2 r1 299             -> wrong pay_by_time
         next_due                     -> 100
         @100 due                     -> bob
         next_due                     -> 300
         @299 pay p1 r1 10 ref        -> paid ann 1
         next_due                     -> none
         extend e3 r1 400             -> refused already_paid
         extend e3 r2 400             -> refused order_expired
         extend e3 nobody 400         -> not_found order_id",
    );
    check(
        "offer
         place r1 ann 1               -> held ann 1
         @50 extend e1 r1 300         -> held ann 1 + HoldExtended
         @300 due                     -> ann
         = available 10 held 0 sold 0",
    );
    // Exactly 30 days.
    check(
        "offer
         place r1 ann 1               -> held ann 1
         @50 extend e1 r1 2592000050  -> held ann 1 + HoldExtended
         next_due                     -> 2592000050",
    );
}

#[test]
fn an_operator_cancels_a_hold_of_any_buyer() {
    let live = check(
        "offer
         place r1 ann 2      -> held ann 2
         kill k1 r1          -> cancelled ann 2
         kill k1 r1          -> cancelled ann 2 again
         kill k1 r2          -> reused
         kill k2 r1          -> refused order_cancelled
         place r2 bob 1      -> held bob 1
         pay p1 r2 10 ref    -> paid bob 1
         kill k3 r2          -> refused already_paid
         place r3 cat 1      -> held cat 1
         @100 kill k4 r3     -> refused order_expired + OrderExpired
         = available 9 held 0 sold 1",
    );
    let cancelled = live.log.iter().find_map(|(event, _)| match event {
        ItemEvent::Order(OrderEvent::Cancelled(cancelled)) => Some(cancelled),
        _ => None,
    });
    let cancelled = cancelled.unwrap();
    assert_eq!(cancelled.cause, CancelCause::Operator);
    assert_eq!(cancelled.act.as_ref().unwrap().reason, "a test");
}

#[test]
fn units_come_back_and_the_buyer_may_buy_again() {
    check(
        "offer per_buyer=3
         place r1 ann 3      -> held ann 3
         refund b0 r1 1      -> refused not_paid
         pay p1 r1 30 ref    -> paid ann 3
         place r2 ann 1      -> refused over_buyer_limit
         refund b1 r1 1      -> paid ann 3 back 1 for 10 + OrderRefunded
         refund b1 r1 1      -> paid ann 3 back 1 for 10 again
         refund b1 r1 2      -> reused
         refund b2 r1 3      -> wrong units
         = available 8 held 0 sold 2
         place r2 ann 1      -> held ann 1
         refund b3 r1 2      -> refunded ann 3 back 3 for 30
         refund b4 r1 1      -> refused order_refunded
         pay p2 r1 30 ref2   -> refused already_paid + RefundDue
         cancel c1 r1 ann    -> refused already_paid
         kill k1 r1          -> refused already_paid
         = available 9 held 1 sold 0
         place r1 ann 3      -> held ann 3 again
         pay p1 r1 30 ref    -> paid ann 3 again",
    );
}

#[test]
fn units_that_are_written_off_are_gone() {
    let live = check(
        "offer stock=north:2,south:2
         place r1 ann 3      -> held ann 3
         pay p1 r1 30 ref    -> paid ann 3
         write_off b1 r1 2   -> paid ann 3 back 2 for 20 + OrderRefunded
         = available 1 held 0 sold 1
         = north available 0 held 0 sold 1
         = south available 1 held 0 sold 0
         place r2 ann 2      -> refused not_enough_units",
    );
    assert_eq!(live.ledger["north"].allocated, 1, "one of two in the north came back");
    assert_eq!(live.ledger["south"].allocated, 1);
}

/// 10 cents over 3 units: 3, 3, 4; and whatever the order of parts, the sum is the total.
#[test]
fn the_parts_of_a_refund_add_up_to_the_total() {
    for (price, units, backs, expected) in
        [(10, 3, vec![1, 1, 1], vec![10, 10, 10]), (7, 5, vec![2, 2, 1], vec![14, 14, 7])]
    {
        let mut plan = plan();
        plan.unit_price_minor = price;
        assert_eq!(refunds(plan, units, &backs), expected);
    }
    // 4 cents over 3 units: 1, 1, 2. A shop would have taken them off a price of 2.
    let mut plan = plan();
    plan.prices = Some(Prices {
        unit_price_minor: 2,
        floor_minor: None,
        steps: vec![PriceStep { units: 2, unit_price_minor: 1 }],
        time_prices: Vec::new(),
        returned_units: ReturnedUnits::SamePrice,
    });
    assert_eq!(refunds(plan, 3, &[1, 1, 1]), [1, 1, 2]);
}

fn refunds(plan: doorbuster::events::ItemPlan, units: i64, backs: &[i64]) -> Vec<i64> {
    let mut live = Live::offered(plan);
    let placed = live.run(place("r", "ann", units), 0);
    let ItemOutcome::Order(order) = placed.outcome else { panic!("{:?}", placed.outcome) };
    live.run(pay("p", "r", order.total_minor, "ref"), 1);
    let mut amounts = Vec::new();
    for (number, back) in backs.iter().enumerate() {
        let action = OrderAction::refund(order_id("r"), *back, true).unwrap();
        live.run(act_on(&format!("b{number}"), action), 2);
        let Some((ItemEvent::Order(OrderEvent::Refunded(refunded)), _)) = live.log.last() else {
            panic!("nothing came back")
        };
        amounts.push(refunded.amount_minor);
    }
    amounts
}

#[test]
fn restocked_units_go_back_to_their_step_last_ones_first() {
    let mut plan = plan();
    plan.prices = Some(Prices {
        unit_price_minor: 15,
        floor_minor: None,
        steps: vec![PriceStep { units: 2, unit_price_minor: 9 }],
        time_prices: Vec::new(),
        returned_units: ReturnedUnits::SamePrice,
    });
    let mut live = Live::offered(plan);
    live.run(place("r1", "ann", 3), 0);
    live.run(pay("p1", "r1", 33, "ref"), 1);
    let back = |live: &mut Live, name: &str, count, restock| {
        let action = OrderAction::refund(order_id("r1"), count, restock).unwrap();
        live.run(act_on(name, action), 2);
        let Some((ItemEvent::Order(OrderEvent::Refunded(back)), _)) = live.log.last() else {
            panic!("nothing came back")
        };
        back.clone()
    };
    let part = |step, units, unit_price_minor| OrderPart {
        step,
        time_price: None,
        units,
        unit_price_minor,
    };
    let first = back(&mut live, "b1", 2, true);
    assert_eq!(first.parts, [part(Some(0), 1, 9), part(None, 1, 15)]);
    assert_eq!((first.amount_minor, first.warehouses), (22, vec![units("north", 2)]));
    // One unit of the step is free again, and only one.
    let placed = live.run(place("r2", "bob", 2), 3);
    let ItemOutcome::Order(order) = placed.outcome else { panic!() };
    assert_eq!(order.parts(), [part(Some(0), 1, 9), part(None, 1, 15)]);
    // A unit that is written off leaves its step as it is.
    let last = back(&mut live, "b2", 1, false);
    assert_eq!((last.parts, last.amount_minor), (vec![part(Some(0), 1, 9)], 11));
    let placed = live.run(place("r3", "cat", 1), 4);
    let ItemOutcome::Order(order) = placed.outcome else { panic!() };
    assert_eq!(order.parts(), [part(None, 1, 15)]);
}

#[test]
fn money_that_is_due_is_settled_once() {
    let mut live = check(
        "offer
         place r1 ann 1      -> held ann 1
         pay p1 r1 10 ref    -> paid ann 1
         pay p2 r1 10 ref2   -> refused already_paid + RefundDue
         settle s0 p1 t1     -> not_found due_id
         settle s1 p2 t1     -> paid ann 1 + RefundSettled
         settle s1 p2 t1     -> paid ann 1 again
         settle s2 p2 t1     -> paid ann 1 again
         settle s3 p2 t2     -> refused already_settled
         settle s1 p2 t2     -> reused
         refund b1 r1 1      -> refunded ann 1 back 1 for 10
         settle s4 b1 t3     -> refunded ann 1 back 1 for 10 + RefundSettled
         = available 10 held 0 sold 0",
    );
    let ItemOutcome::Order(order) = live.run(show_order("r1", "ann"), 0).outcome else { panic!() };
    let dues: Vec<_> = order.dues.iter().map(|due| (due.due_id, due.amount_minor)).collect();
    assert_eq!(dues, [(due_id("p2"), 10), (due_id("b1"), 10)]);
    let references: Vec<_> = order.dues.iter().map(|due| due.reference.as_deref()).collect();
    assert_eq!(references, [Some("t1"), Some("t3")]);
}

#[test]
fn a_late_payment_brings_an_order_back_where_that_is_wanted() {
    check(
        "offer stock=north:1,south:1 reinstate=50
         place r1 ann 1        -> held ann 1
         @100 due              -> ann
         @149 pay p1 r1 10 ref -> paid ann 1 + OrderReinstated OrderPaid
         pay p1 r1 10 ref      -> paid ann 1 again
         pay p2 r1 10 ref      -> paid ann 1 again
         order r1              -> paid ann 1
         = available 1 held 0 sold 1",
    );
    // The payment that meets the deadline before the alarm does.
    check(
        "offer stock=north:1 reinstate=50
         place r1 ann 1        -> held ann 1
         @100 pay p1 r1 10 ref -> paid ann 1 + OrderExpired OrderReinstated OrderPaid
         next_due              -> none
         = available 0 held 0 sold 1",
    );
    // Its own warehouse is sold out meanwhile.
    check(
        "offer stock=north:1,south:1 reinstate=50
         place r1 ann 1        -> held ann 1
         @100 due              -> ann
         place r2 bob 1        -> held bob 1
         pay p1 r1 10 ref      -> paid ann 1 + OrderReinstated OrderPaid
         = north available 0 held 1 sold 0
         = south available 0 held 0 sold 1",
    );
}

#[test]
fn the_limit_and_the_step_that_an_order_fills_let_it_come_back() {
    check(
        "offer per_buyer=1 reinstate=50
         place r1 ann 1        -> held ann 1
         @100 due              -> ann
         pay p1 r1 10 ref      -> paid ann 1 + OrderReinstated OrderPaid",
    );
    let steps = vec![PriceStep { units: 2, unit_price_minor: 9 }];
    let prices = Prices {
        unit_price_minor: 15,
        floor_minor: None,
        steps,
        time_prices: Vec::new(),
        returned_units: ReturnedUnits::SamePrice,
    };
    let mut plan = plan();
    (plan.reinstate_within_ms, plan.prices) = (Some(50), Some(prices));
    let mut live = Live::offered(plan);
    live.run(place("r1", "ann", 2), 0);
    live.due(100, 9);
    let paid = live.run(pay("p1", "r1", 18, "ref"), 120);
    assert!(matches!(paid.outcome, ItemOutcome::Order(_)), "{:?}", paid.outcome);
}

#[test]
fn an_order_with_a_gift_does_not_come_back() {
    let gift =
        Gift { sku: "STRAP".to_owned(), units: 5, each_units: 1, when_gone: WhenGone::Without };
    let mut plan = plan();
    plan.reinstate_within_ms = Some(50);
    plan.offers = vec![Offer {
        name: "strap".to_owned(),
        condition: OfferCondition::FromUnits(1),
        effect: OfferEffect::Gift(gift),
        from_ms: None,
        until_ms: None,
    }];
    let mut live = Live::offered(plan);
    live.run(place("r1", "ann", 1), 0);
    live.due(100, 9);
    let late = live.run(pay("p1", "r1", 10, "ref"), 120);
    let ItemOutcome::Refused { refusal, .. } = late.outcome else { panic!("{:?}", late.outcome) };
    assert_eq!(refusal, Refusal::OrderExpired);
}

#[test]
fn an_order_that_comes_back_draws_from_its_region_first() {
    check(
        "offer stock=north:3,south:3,east:3 region=coast:east+south reinstate=50
         place r1 ann 2 region=coast  -> held ann 2
         place r2 bob 1 region=coast  -> held bob 1
         place r3 cat 1               -> held cat 1
         @100 due                     -> ann bob cat
         place r4 dan 2 region=coast  -> held dan 2
         pay p1 r1 20 ref             -> paid ann 2 + OrderReinstated OrderPaid
         = south available 1 held 0 sold 2
         pay p2 r2 10 ref             -> paid bob 1 + OrderReinstated OrderPaid
         = east available 0 held 2 sold 1
         pay p3 r3 10 ref             -> paid cat 1 + OrderReinstated OrderPaid
         = north available 2 held 0 sold 1",
    );
    // A region that the item does not know is none.
    check(
        "offer stock=north:1,south:1 region=coast:south reinstate=50
         place r1 ann 1 region=inland -> held ann 1
         @100 due                     -> ann
         pay p1 r1 10 ref             -> paid ann 1 + OrderReinstated OrderPaid
         = north available 0 held 0 sold 1",
    );
}

#[test]
fn a_late_payment_goes_back_where_the_order_cannot_come_back() {
    check(
        "offer
         place r1 ann 1        -> held ann 1
         @100 pay p1 r1 10 ref -> refused order_expired + OrderExpired RefundDue",
    );
    check(
        "offer reinstate=50
         place r1 ann 1        -> held ann 1
         @150 pay p1 r1 10 ref -> refused order_expired + OrderExpired RefundDue",
    );
    check(
        "offer reinstate=50
         place r1 ann 1        -> held ann 1
         cancel c1 r1 ann      -> cancelled ann 1
         pay p1 r1 10 ref      -> refused order_cancelled + RefundDue",
    );
    check(
        "offer stock=north:1 reinstate=50
         place r1 ann 1        -> held ann 1
         @100 due              -> ann
         place r2 bob 1        -> held bob 1
         pay p1 r1 10 ref      -> refused order_expired + RefundDue
         = available 0 held 1 sold 0",
    );
    check(
        "offer per_buyer=1 reinstate=50
         place r1 ann 1        -> held ann 1
         @100 due              -> ann
         place r2 ann 1        -> held ann 1
         pay p1 r1 10 ref      -> refused order_expired + RefundDue",
    );
}

#[test]
fn a_late_payment_needs_room_in_the_steps_unless_returned_units_cost_the_next_price() {
    for (returned_units, comes_back) in
        [(ReturnedUnits::SamePrice, false), (ReturnedUnits::NextPrice, true)]
    {
        let mut plan = plan();
        plan.reinstate_within_ms = Some(50);
        plan.prices = Some(Prices {
            unit_price_minor: 15,
            floor_minor: None,
            steps: vec![PriceStep { units: 1, unit_price_minor: 9 }],
            time_prices: Vec::new(),
            returned_units,
        });
        let mut live = Live::offered(plan);
        live.run(place("r1", "ann", 1), 0);
        live.due(100, 9);
        live.run(place("r2", "bob", 1), 110);
        let paid = live.run(pay("p1", "r1", 9, "ref"), 120);
        let came_back = matches!(paid.outcome, ItemOutcome::Order(_));
        assert_eq!(came_back, comes_back, "{returned_units:?}");
    }
}
