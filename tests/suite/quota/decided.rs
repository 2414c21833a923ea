//! What the limit answers, and streams that no decider wrote.

use doorbuster::{
    domain::{
        Decider as _,
        item::{AwaitVerdict, ItemOutcome, Refusal},
        quota::{Quota, QuotaOutcome, QuotaRefusal},
    },
    events::{Await, OrderState, QuotaEvent, QuotaReturned, QuotaTaken},
    values::{OrderId, UnixMs},
};

use super::world::{LIMIT, World, item_id, order_id, sale};

const OVER: QuotaOutcome = QuotaOutcome::Refused(QuotaRefusal::OverSaleLimit);

fn taken(units_left: i64) -> QuotaOutcome {
    QuotaOutcome::Taken { units_left }
}

fn refused(outcome: &ItemOutcome) -> Refusal {
    let ItemOutcome::Refused { refusal, .. } = outcome else { panic!("{outcome:?}") };
    *refusal
}

#[test]
fn an_order_waits_for_the_limit_and_counts_over_all_items() {
    let mut world = World::new();
    let ItemOutcome::Order(order) = world.place(0, "a", "ann", 2) else { panic!("refused") };
    assert_eq!(*order.awaiting, [Await::SaleLimit]);
    assert_eq!(order.sale_limit.map(|limit| limit.per_buyer), Some(LIMIT));
    let a = order.order_id;
    assert_eq!(refused(&world.pay(0, a, 20)), Refusal::AwaitingCoupon);
    assert_eq!(world.take(a), taken(2));
    assert_eq!(world.take(a), taken(2), "the first answer");
    let ItemOutcome::Order(order) = world.settle(0, a, AwaitVerdict::LimitGranted) else {
        panic!("refused")
    };
    assert!(order.awaiting.is_empty());

    world.place(1, "b", "ann", 2);
    let b = order_id(1, "b");
    assert_eq!(world.take(b), OVER);
    assert_eq!(refused(&world.settle(1, b, AwaitVerdict::LimitDenied)), Refusal::OverSaleLimit);
    assert_eq!(refused(&world.place(1, "b", "ann", 2)), Refusal::OverSaleLimit, "for good");
    world.place(1, "c", "ann", 1);
    assert_eq!(world.take(order_id(1, "c")), taken(1));
    world.place(1, "d", "bob", 3);
    assert_eq!(world.take(order_id(1, "d")), taken(3), "each buyer has a limit");

    let ItemOutcome::Order(paid) = world.pay(0, a, 20) else { panic!("refused") };
    assert_eq!(paid.state, OrderState::Paid);
    let proof = world.verify();
    assert!(proof.ok(), "{proof}");
}

#[test]
fn units_that_come_back_are_given_back_once() {
    let mut world = World::new();
    world.place(0, "a", "ann", 3);
    let a = order_id(0, "a");
    world.take(a);
    world.settle(0, a, AwaitVerdict::LimitGranted);
    world.pay(0, a, 30);
    world.refund(0, "r1", a, 1);
    world.refund(0, "r2", a, 2);
    assert_eq!(world.told_left(a), [2, 0]);
    // The second refund is told first, and both are told twice.
    for left in [0, 2, 0, 2] {
        assert_eq!(world.give_back(a, left), taken(0));
    }
    assert_eq!(world.quota_log.len(), 2);
    assert_eq!(world.take(a), taken(0), "it took once, and takes nothing again");
    world.place(1, "b", "ann", 3);
    let b = order_id(1, "b");
    assert_eq!(world.give_back(b, 0), QuotaOutcome::NotTaken);
    assert_eq!(world.take(b), taken(3));
    assert_eq!(world.give_back(b, -1), taken(3), "no order has less than nothing");
    let proof = world.verify();
    assert!(proof.ok(), "{proof}");
}

#[test]
fn a_late_payment_brings_no_order_back_that_the_limit_gave_up() {
    let mut world = World::new();
    world.place(0, "a", "ann", 3);
    let a = order_id(0, "a");
    world.take(a);
    world.settle(0, a, AwaitVerdict::LimitGranted);
    world.pass(100);
    assert_eq!(world.told_left(a), [0]);
    world.give_back(a, 0);
    assert_eq!(refused(&world.pay(0, a, 30)), Refusal::OrderExpired);
}

#[test]
fn a_stream_that_no_decider_wrote_is_an_error_and_no_panic() {
    let order = |name: &str| order_id(0, name);
    let taken = |order_id: OrderId, units: i64, buyer_units: i64| {
        let (item_id, buyer) = (item_id(0), "ann".to_owned());
        QuotaEvent::Taken(QuotaTaken {
            order_id,
            item_id,
            buyer,
            units,
            buyer_units,
            limit_per_buyer: LIMIT,
            taken_at_ms: UnixMs(0),
        })
    };
    let returned = |order_id, units_left| {
        QuotaEvent::Returned(QuotaReturned { order_id, units_left, returned_at_ms: UnixMs(0) })
    };
    let QuotaEvent::Taken(first) = taken(order("b"), 1, 3) else { unreachable!() };
    let other_limit = QuotaEvent::Taken(QuotaTaken { limit_per_buyer: 9, ..first });
    let huge = 1 << 40;
    let contradictions = [
        (taken(order("a"), 1, 3), "takes its units twice"),
        (taken(order("b"), 2, 4), "takes units that its buyer may not have"),
        (taken(order("b"), 1, 2), "takes units that its buyer may not have"),
        (taken(order("b"), 0, 2), "takes units that its buyer may not have"),
        (taken(order("b"), i64::MAX, huge), "takes units that its buyer may not have"),
        (other_limit, "comes under another limit than those before it"),
        (returned(order("b"), 0), "gives back and never took"),
        (returned(order("a"), 2), "gives back, and takes no fewer units then"),
        (returned(order("a"), -1), "gives back, and takes no fewer units then"),
    ];
    for (event, why) in contradictions {
        let mut quota = Quota::initial(sale().0);
        quota.evolve(&taken(order("a"), 2, 2), 0);
        let said = quota.try_evolve(&event, 1).expect_err(why).to_string();
        assert!(said.contains(why), "{said}, not {why}: {event:?}");
    }
}
