//! Goal: an order that waits for its coupon or for the limit over the sale holds its units, cannot be
//! paid, and is settled exactly once, in order, whatever is said twice or too late. Method: sentences.

use doorbuster::{
    domain::item::{
        AwaitVerdict, ItemCommand, ItemOutcome, OrderAction, PlaceMore, Refusal, SettleAwait,
    },
    events::{
        AmountOff, Await, CouponAsked, CouponNamed, CouponReason, IfDenied, ItemEvent, Offer,
        OfferCondition, OfferEffect, OrderEvent, Stored,
    },
    values::{BatchId, CouponId},
};
use uuid::Uuid;

use super::live::{Decided, Live, act_on, cancel, order_id, pay, place, plan, show_order};

const BATCH: BatchId = BatchId(Uuid::from_u128(0xba7c));
const COUPON: CouponId = CouponId(Uuid::from_u128(0xc0));

/// An order of ann's that asks for a coupon.
fn with_coupon(name: &str, units: i64, asked: CouponAsked, most: Option<i64>) -> ItemCommand {
    let ItemCommand::PlaceOrder(order) = place(name, "ann", units) else { unreachable!() };
    let more = PlaceMore { coupon: Some(asked), max_total_minor: most, ..PlaceMore::default() };
    ItemCommand::PlaceOrder(order.with(more))
}

fn asked() -> CouponAsked {
    CouponAsked {
        batch_id: BATCH,
        named: CouponNamed::Id(COUPON),
        if_denied: IfDenied::Cancel,
        skip_offers: false,
        max_total_minor: None,
    }
}

fn settle(name: &str, verdict: AwaitVerdict) -> ItemCommand {
    ItemCommand::SettleAwait(SettleAwait { order_id: order_id(name), verdict })
}

fn granted(discount_minor: i64) -> AwaitVerdict {
    AwaitVerdict::CouponGranted { coupon_id: COUPON, discount_minor }
}

fn denied(reason: CouponReason) -> AwaitVerdict {
    AwaitVerdict::CouponDenied(reason)
}

fn kinds(decided: &Decided) -> Vec<&'static str> {
    decided.events.iter().map(|caused| caused.event.kind()).collect()
}

fn order(decided: &Decided) -> doorbuster::domain::item::OrderView {
    let ItemOutcome::Order(order) = &decided.outcome else { panic!("{:?}", decided.outcome) };
    order.clone()
}

fn refused(decided: &Decided) -> (Refusal, Option<CouponReason>) {
    let ItemOutcome::Refused { refusal, coupon, .. } = &decided.outcome else {
        panic!("{:?}", decided.outcome)
    };
    (*refusal, *coupon)
}

#[test]
fn an_order_waits_for_its_coupon_and_is_paid_with_it() {
    let mut live = Live::offered(plan());
    let ask = || with_coupon("r", 3, asked(), None);
    let placed = order(&live.run(ask(), 0));
    assert_eq!((placed.total_minor, &*placed.awaiting), (30, &[Await::Coupon][..]));
    assert_eq!(refused(&live.run(pay("p0", "r", 30, "ref"), 1)).0, Refusal::AwaitingCoupon);

    let settled = live.run(settle("r", granted(7)), 2);
    assert_eq!(kinds(&settled), ["CouponApplied"]);
    let with = order(&settled);
    assert_eq!((with.total_minor, with.unit_price_minor), (23, 10));
    assert_eq!(with.coupon.map(|coupon| coupon.discount_minor), Some(7));
    assert!(with.awaiting.is_empty());

    // Said again, and something else: nothing more happens.
    for verdict in [granted(7), granted(9), denied(CouponReason::Used)] {
        let again = live.run(settle("r", verdict), 3);
        assert_eq!((kinds(&again), order(&again).total_minor), (vec![], 23));
    }
    assert_eq!(order(&live.run(ask(), 3)).total_minor, 23, "the request again");
    assert_eq!(refused(&live.run(pay("p1", "r", 30, "ref"), 4)).0, Refusal::WrongAmount);
    assert_eq!(kinds(&live.run(pay("p2", "r", 23, "ref"), 4)), ["OrderPaid"]);
    let price = live.item.order_price(order_id("r")).unwrap();
    assert_eq!((price.total_minor, price.coupon_minor(), price.is_plain()), (23, 7, false));
}

#[test]
fn an_order_whose_coupon_is_denied_is_cancelled_for_good() {
    let mut live = Live::offered(plan());
    let ask = || with_coupon("r", 3, asked(), None);
    live.run(ask(), 0);
    let settled = live.run(settle("r", denied(CouponReason::BudgetSpent)), 1);
    assert_eq!(kinds(&settled), ["CouponDenied", "OrderCancelled"]);
    let told = (Refusal::CouponRefused, Some(CouponReason::BudgetSpent));
    assert_eq!(refused(&settled), told);
    assert_eq!(refused(&live.run(ask(), 2)), told, "the request again");
    assert_eq!(refused(&live.run(pay("p", "r", 30, "ref"), 3)).0, Refusal::OrderCancelled);
    assert_eq!(live.ledger["north"].available, 10);
}

#[test]
fn an_order_may_stand_without_its_coupon_with_the_offer_it_would_have_had() {
    let mut plan = plan();
    plan.offers = vec![Offer {
        name: "five_off".to_owned(),
        condition: OfferCondition::FromUnits(2),
        effect: OfferEffect::Amount(AmountOff { amount_minor: 5, each: false, times_max: None }),
        from_ms: None,
        until_ms: None,
    }];
    let keep = |skip_offers| CouponAsked { if_denied: IfDenied::Keep, skip_offers, ..asked() };
    for (skip, before, after) in [(true, 30, 25), (false, 25, 25)] {
        let mut live = Live::offered(plan.clone());
        let placed = order(&live.run(with_coupon("r", 3, keep(skip), None), 0));
        assert_eq!(placed.total_minor, before, "skip {skip}");
        let settled = live.run(settle("r", denied(CouponReason::Used)), 1);
        assert_eq!(kinds(&settled), ["CouponDenied"]);
        assert_eq!(order(&settled).total_minor, after, "skip {skip}");
        assert_eq!(order(&settled).offer().map(|offer| offer.discount_minor), Some(5));
        assert_eq!(kinds(&live.run(pay("p", "r", after, "ref"), 2)), ["OrderPaid"]);
    }
}

#[test]
fn what_an_order_may_cost_is_compared_once_its_coupon_is_decided() {
    for (most, verdict, refusal) in [
        (23, granted(7), None),
        (22, granted(7), Some(Refusal::PriceChanged)),
        (30, denied(CouponReason::Used), None),
        (29, denied(CouponReason::Used), Some(Refusal::PriceChanged)),
    ] {
        let mut live = Live::offered(plan());
        let keep = CouponAsked { if_denied: IfDenied::Keep, ..asked() };
        order(&live.run(with_coupon("r", 3, keep, Some(most)), 0));
        let settled = live.run(settle("r", verdict), 1);
        let found = match &settled.outcome {
            ItemOutcome::Refused { refusal, .. } => Some(*refusal),
            _ => None,
        };
        assert_eq!(found, refusal, "at most {most}, {verdict:?}");
        let is_cancelled = kinds(&settled).last() == Some(&"OrderCancelled");
        assert_eq!(is_cancelled, refusal.is_some(), "at most {most}, {verdict:?}");
    }
}

#[test]
fn an_order_that_waits_expires_like_any_other_and_does_not_come_back() {
    let mut plan = plan();
    plan.reinstate_within_ms = Some(50);
    let mut live = Live::offered(plan);
    live.run(with_coupon("r", 3, asked(), None), 0);
    assert_eq!(live.due(100, 9).len(), 1);
    let late = live.run(settle("r", granted(7)), 101);
    assert_eq!((kinds(&late), refused(&late).0), (vec![], Refusal::OrderExpired));
    let paid = live.run(pay("p", "r", 30, "ref"), 102);
    assert_eq!(kinds(&paid), ["RefundDue"]);

    // The verdict that meets the deadline before the alarm does.
    live.run(with_coupon("s", 3, asked(), None), 200);
    let late = live.run(settle("s", granted(7)), 300);
    assert_eq!((kinds(&late), refused(&late).0), (vec!["OrderExpired"], Refusal::OrderExpired));
}

/// The batch that the last event names as the one whose coupon may be bound to the order that ended.
fn batch_named(live: &Live) -> Option<BatchId> {
    match &live.log.last().unwrap().0 {
        ItemEvent::Order(OrderEvent::Expired(expired)) => expired.coupon_batch_id,
        ItemEvent::Order(OrderEvent::Cancelled(cancelled)) => cancelled.coupon_batch_id,
        ItemEvent::Order(OrderEvent::Refunded(refunded)) => refunded.coupon_batch_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_that_ends_names_the_batch_whose_coupon_may_be_bound_to_it() {
    let keep = CouponAsked { if_denied: IfDenied::Keep, ..asked() };
    let cases = [
        (None, Some(BATCH)),
        (Some(granted(7)), Some(BATCH)),
        (Some(denied(CouponReason::Used)), None),
    ];
    for (verdict, named) in cases {
        let mut live = Live::offered(plan());
        live.run(with_coupon("r", 3, keep.clone(), None), 0);
        verdict.into_iter().for_each(|verdict| _ = live.run(settle("r", verdict), 1));
        live.run(cancel("c", "r", "ann"), 2);
        assert_eq!(batch_named(&live), named, "{verdict:?}");
        let mut live = Live::offered(plan());
        live.run(with_coupon("r", 3, keep.clone(), None), 0);
        verdict.into_iter().for_each(|verdict| _ = live.run(settle("r", verdict), 1));
        live.due(100, 9);
        assert_eq!(batch_named(&live), named, "{verdict:?}");
    }
    // Only with the last unit.
    let mut live = Live::offered(plan());
    live.run(with_coupon("r", 3, asked(), None), 0);
    live.run(settle("r", granted(7)), 1);
    live.run(pay("p", "r", 23, "ref"), 2);
    for (units, named) in [(2, None), (1, Some(BATCH))] {
        let refund = OrderAction::refund(order_id("r"), units, true).unwrap();
        live.run(act_on(&format!("refund-{units}"), refund), 3);
        assert_eq!(batch_named(&live), named, "{units} units come back");
    }
    // Too dear with its coupon, which is bound; denied, when nothing is.
    for (verdict, named) in [(granted(7), Some(BATCH)), (denied(CouponReason::Used), None)] {
        let mut live = Live::offered(plan());
        live.run(with_coupon("r", 3, keep.clone(), Some(22)), 0);
        live.run(settle("r", verdict), 1);
        assert_eq!(batch_named(&live), named, "{verdict:?}");
    }
    let mut live = Live::offered(plan());
    live.run(place("r", "ann", 1), 0);
    live.run(cancel("c", "r", "ann"), 1);
    assert_eq!(batch_named(&live), None);
    let (event, _) = live.log.last().unwrap();
    assert!(!String::from_utf8(event.json()).unwrap().contains("coupon"));
}

#[test]
fn nothing_is_settled_of_an_order_that_waits_for_nothing() {
    let mut live = Live::offered(plan());
    live.run(place("r", "ann", 1), 0);
    for verdict in [
        granted(1),
        denied(CouponReason::Used),
        AwaitVerdict::LimitGranted,
        AwaitVerdict::LimitDenied,
    ] {
        let said = live.run(settle("r", verdict), 1);
        assert_eq!((kinds(&said), order(&said).total_minor), (vec![], 10), "{verdict:?}");
    }
    let nobody = live.run(settle("nobody", granted(1)), 1);
    assert!(matches!(nobody.outcome, ItemOutcome::Misdirected(_)));
}

#[test]
fn what_the_request_says_of_its_coupon_is_part_of_the_request() {
    let mut live = Live::offered(plan());
    live.run(with_coupon("r", 1, asked(), None), 0);
    let code = CouponNamed::Code("SAVE".to_owned());
    for other in [
        CouponAsked { batch_id: BatchId(Uuid::from_u128(1)), ..asked() },
        CouponAsked { named: code, ..asked() },
        CouponAsked { if_denied: IfDenied::Keep, ..asked() },
    ] {
        let reused = live.run(with_coupon("r", 1, other, None), 1);
        assert!(matches!(reused.outcome, ItemOutcome::Misdirected(_)), "{:?}", reused.outcome);
    }
    // Whether offers apply follows from the batch.
    let same = CouponAsked { skip_offers: true, ..asked() };
    order(&live.run(with_coupon("r", 1, same, None), 1));
}

#[test]
fn a_plain_order_does_not_mention_what_it_does_not_wait_for() {
    let mut live = Live::offered(plan());
    live.run(place("r", "ann", 1), 0);
    let placed = live.log.iter().find_map(|(event, _)| match event {
        ItemEvent::Order(OrderEvent::Placed(_)) => Some(String::from_utf8(event.json()).unwrap()),
        _ => None,
    });
    let placed = placed.unwrap();
    assert!(!placed.contains("awaits") && !placed.contains("coupon"), "{placed}");
    assert!(order(&live.run(show_order("r", "ann"), 1)).awaiting.is_empty());
}
