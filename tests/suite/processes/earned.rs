//! Goal: a buyer whose payments in a sale, net of refunds, reach the amount of a reward has its coupon
//! exactly once, and loses it where refunds take the payments below, unless an order uses it. Method:
//! real items and batches, the process killed after each step, its checkpoint lost, two nodes.

use doorbuster::{
    actors::process::{EarnCoupons, TellItems},
    clock::new_request_id,
    domain::{
        coupon::{CouponCommand, CouponOutcome, CouponState, RedeemCoupon, ReturnCoupon},
        item::{ItemCommand, ItemOutcome, OrderAct, OrderAction, PlaceOrder, RecordPayment},
    },
    events::{CouponNamed, GrantCause, ReturnCause},
    values::{Currency, OrderId, UnixMs},
};

use super::{
    STEPS, Step,
    bench::{Bench, sale},
    run, run_as_often_as_it_takes,
};
use crate::support::OPENS_AT;

/// Lamps and sofas cost 1; who pays 2 earns a coupon.
async fn started() -> Bench {
    let bench = Bench::start().await;
    told(&bench).await;
    bench
}

async fn told(bench: &Bench) {
    bench.create_rewarding_sale(&["lamp", "sofa"], &["next50"], &[(2, "next50")]).await;
    run(bench, TellItems::default(), Step::AskedAndNoted).await;
}

/// Buys one unit and pays for it.
async fn paid(bench: &Bench, sku: &str, buyer: &str, units: i64) -> OrderId {
    let item = sale().item_id(sku);
    let place = PlaceOrder::new(item, new_request_id(), buyer.to_owned(), units, String::new());
    let order_id = place.order_id;
    bench.answer(sku, ItemCommand::PlaceOrder(place)).await;
    let payment = RecordPayment {
        request_id: new_request_id(),
        order_id,
        payment_reference: format!("p-{order_id}"),
        amount_minor: units,
        currency: Currency::parse("currency", "CNY").unwrap(),
    };
    let outcome = bench.answer(sku, ItemCommand::RecordPayment(payment)).await;
    assert!(matches!(outcome, ItemOutcome::Order(_)), "{outcome:?}");
    order_id
}

async fn refunded(bench: &Bench, sku: &str, order: OrderId, units: i64) {
    let (operator, reason) = ("olga".to_owned(), "it broke".to_owned());
    let action = OrderAction::refund(order, units, true).unwrap();
    let act = OrderAct { request_id: new_request_id(), operator, reason, action };
    let outcome = bench.answer(sku, ItemCommand::OrderAct(act)).await;
    assert!(matches!(outcome, ItemOutcome::Order(_)), "{outcome:?}");
}

/// How the coupons of a buyer stand.
async fn states(bench: &Bench, buyer: &str) -> Vec<CouponState> {
    bench.coupons("next50", buyer).await.iter().map(|coupon| coupon.state).collect()
}

/// Kills the process at every step, and loses its checkpoint.
async fn killed_at_every_step(bench: &Bench) {
    for step in STEPS {
        run(bench, EarnCoupons::default(), step).await;
        run(bench, EarnCoupons::default(), Step::Read).await;
        bench.fall_asleep().await;
    }
    bench.lose_checkpoints();
    run(bench, EarnCoupons::default(), Step::AskedAndNoted).await;
    assert_eq!(run(bench, EarnCoupons::default(), Step::Read).await, 0, "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_is_earned_by_payments_over_all_items_and_lost_by_refunds() {
    let bench = started().await;
    paid(&bench, "lamp", "ann", 1).await;
    paid(&bench, "sofa", "bob", 1).await;
    killed_at_every_step(&bench).await;
    assert_eq!(states(&bench, "ann").await, [], "1 of 2 is paid");

    let sofa = paid(&bench, "sofa", "ann", 1).await;
    killed_at_every_step(&bench).await;
    assert_eq!(states(&bench, "ann").await, [CouponState::Free]);
    assert_eq!(states(&bench, "bob").await, [], "each buyer has a sum of its own");
    let coupon = &bench.coupons("next50", "ann").await[0];
    assert_eq!(coupon.cause, Some(GrantCause::Earned));

    // What goes beyond earns nothing more, and a refund that leaves enough takes nothing away.
    let lamp = paid(&bench, "lamp", "ann", 1).await;
    refunded(&bench, "lamp", lamp, 1).await;
    killed_at_every_step(&bench).await;
    assert_eq!(states(&bench, "ann").await, [CouponState::Free]);

    refunded(&bench, "sofa", sofa, 1).await;
    killed_at_every_step(&bench).await;
    assert_eq!(states(&bench, "ann").await, [CouponState::Revoked]);
    paid(&bench, "sofa", "ann", 2).await;
    killed_at_every_step(&bench).await;
    assert_eq!(states(&bench, "ann").await, [CouponState::Revoked], "it is revoked for good");
    let log = bench.kinds().await;
    let count = |kind: &str| log.iter().filter(|of| *of == kind).count();
    assert_eq!((count("CouponClaimed"), count("CouponRevoked")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_that_an_order_uses_stays_where_its_payments_go_back() {
    let bench = started().await;
    let lamp = paid(&bench, "lamp", "ann", 2).await;
    run(&bench, EarnCoupons::default(), Step::AskedAndNoted).await;
    let coupon = bench.coupons("next50", "ann").await[0].coupon_id;
    let redeem = CouponCommand::Redeem(Box::new(RedeemCoupon {
        order_id: OrderId(uuid::Uuid::from_u128(9)),
        sale_id: sale(),
        item_id: sale().item_id("sofa"),
        buyer: "ann".to_owned(),
        base_minor: 5,
        coupon: CouponNamed::Id(coupon),
        placed_at: UnixMs(OPENS_AT.0 + 1),
    }));
    let redeemed = bench.ask_batch("next50", redeem).await;
    assert!(matches!(redeemed, CouponOutcome::Redeemed(_)), "{redeemed:?}");
    refunded(&bench, "lamp", lamp, 1).await;
    killed_at_every_step(&bench).await;
    let states = states(&bench, "ann").await;
    assert!(matches!(states.as_slice(), [CouponState::Bound { .. }]), "{states:?}");

    let (order_id, cause) = (OrderId(uuid::Uuid::from_u128(9)), ReturnCause::OrderExpired);
    bench.ask_batch("next50", CouponCommand::Return(ReturnCoupon { order_id, cause })).await;
    killed_at_every_step(&bench).await;
    assert_eq!(self::states(&bench, "ann").await, [CouponState::Revoked], "it came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_grant_one_coupon() {
    let [one, two] = Bench::start_two().await;
    told(&one).await;
    paid(&one, "lamp", "ann", 2).await;
    tokio::join!(
        run_as_often_as_it_takes::<EarnCoupons>(&one),
        run_as_often_as_it_takes::<EarnCoupons>(&two),
    );
    one.fall_asleep().await;
    let log = one.kinds().await;
    assert_eq!(log.iter().filter(|kind| *kind == "CouponClaimed").count(), 1);
    let granted = one.coupons("next50", "ann").await;
    assert_eq!(granted.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_stays_before_a_sale_until_its_coupons_are_over() {
    let bench = started().await;
    paid(&bench, "lamp", "ann", 1).await;
    run(&bench, EarnCoupons::default(), Step::AskedAndNoted).await;
    assert!(!bench.checkpoint("earn-coupons").exists(), "the sale is the first event of the log");
    // The first payment is counted although the process began anew.
    paid(&bench, "lamp", "ann", 1).await;
    run(&bench, EarnCoupons::default(), Step::AskedAndNoted).await;
    assert_eq!(states(&bench, "ann").await, [CouponState::Free]);
    bench.advance(3_601);
    bench.set_level(doorbuster::values::ServiceLevel::NoTraffic).await;
    run(&bench, EarnCoupons::default(), Step::AskedAndNoted).await;
    assert!(bench.checkpoint("earn-coupons").exists());
}
