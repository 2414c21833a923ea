//! Orders that wait for their coupon are settled, and coupons come back, wherever the protocol between
//! item and batch breaks off: after each of its appends, and on two nodes at once.

use doorbuster::{
    actors::process::LookAfterOrders,
    clock::new_request_id,
    domain::{
        coupon::{CouponOutcome, CouponState},
        item::{
            AwaitVerdict, CancelOrder, ItemCommand, OrderAct, OrderAction, OrderState,
            RecordPayment,
        },
    },
    events::{CouponReason, IfDenied},
    values::{Currency, OrderId, RequestId},
};

use super::{
    Step,
    bench::{Bench, Effects},
    killed_at_every_step, run, run_as_often_as_it_takes,
};

const AFTER_GRACE_S: u64 = 3;

/// A sale of a lamp at 1, and a batch of one coupon that takes 1 off 2 or more.
async fn bench_with(batch: &str) -> Bench {
    let bench = Bench::start().await;
    on_sale(&bench, batch).await;
    bench
}

async fn on_sale(bench: &Bench, batch: &str) {
    bench.create_sale_with(&["lamp"], &[batch]).await;
    run(bench, doorbuster::actors::process::TellItems::default(), Step::AskedAndNoted).await;
}

/// What the log holds of the sale alone.
const SALE: Effects = Effects {
    items_added: 1,
    items_paused: 0,
    batches_created: 1,
    placed: 0,
    expired: 0,
    redeemed: 0,
    applied: 0,
    denied: 0,
    cancelled: 0,
    returned: 0,
    levels_set: 0,
    incidents: 0,
};

/// The batch binds a coupon; what its item is to be told.
async fn redeemed(bench: &Bench, batch: &str, order: OrderId) -> AwaitVerdict {
    let outcome = bench.redeem("lamp", batch, order).await;
    let CouponOutcome::Redeemed(got) = outcome else { panic!("{outcome:?}") };
    let (coupon_id, discount_minor) = (got.coupon_id, got.discount_minor);
    AwaitVerdict::CouponGranted { coupon_id, discount_minor }
}

async fn applied(bench: &Bench, batch: &str) -> OrderId {
    let order = bench.place_with("lamp", batch, IfDenied::Cancel).await;
    let verdict = redeemed(bench, batch, order).await;
    bench.settle("lamp", order, verdict).await;
    order
}

fn request() -> RequestId {
    new_request_id()
}

async fn cancel(bench: &Bench, order_id: OrderId) {
    let cancel = CancelOrder { request_id: request(), order_id, buyer: "ann".to_owned() };
    bench.ask(bench.item("lamp"), ItemCommand::CancelOrder(cancel)).await.unwrap();
}

async fn pay(bench: &Bench, order_id: OrderId, amount_minor: i64) {
    let payment = RecordPayment {
        request_id: request(),
        order_id,
        payment_reference: "bank-1".to_owned(),
        amount_minor,
        currency: Currency::parse("currency", "CNY").unwrap(),
    };
    bench.ask(bench.item("lamp"), ItemCommand::RecordPayment(payment)).await.unwrap();
}

async fn refund(bench: &Bench, order_id: OrderId, units: i64) {
    let act = OrderAct {
        request_id: request(),
        operator: "olga".to_owned(),
        reason: "sent back".to_owned(),
        action: OrderAction::refund(order_id, units, true).unwrap(),
    };
    bench.ask(bench.item("lamp"), ItemCommand::OrderAct(act)).await.unwrap();
}

/// Every actor is gone, the grace is over, and the process is killed at each of its steps.
async fn recovered(bench: &Bench, wanted: Effects) {
    bench.fall_asleep().await;
    bench.advance(AFTER_GRACE_S);
    killed_at_every_step::<LookAfterOrders>(bench, wanted).await;
    bench.lose_checkpoints();
    run_as_often_as_it_takes::<LookAfterOrders>(bench).await;
    assert_eq!(bench.effects().await, wanted, "and read from the beginning of the log");
}

/// The order has its coupon, and the coupon is bound to this order.
async fn has_its_coupon(bench: &Bench, batch: &str, order_id: OrderId) {
    let order = bench.order("lamp", order_id).await;
    assert_eq!((order.awaiting.len(), order.total_minor), (0, 2));
    let coupon = bench.coupon(batch).await.unwrap();
    assert_eq!(coupon.state, CouponState::Bound { order_id, discount_minor: 1 });
    assert_eq!(order.coupon.map(|taken| taken.coupon_id), Some(coupon.coupon_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_order_was_placed_it_is_settled_and_its_coupon_bound_once() {
    let bench = bench_with("save").await;
    let order = bench.place_with("lamp", "save", IfDenied::Cancel).await;
    recovered(&bench, Effects { placed: 1, redeemed: 1, applied: 1, ..SALE }).await;
    has_its_coupon(&bench, "save", order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_coupon_was_bound_the_same_coupon_is_applied() {
    let bench = bench_with("save").await;
    let order = bench.place_with("lamp", "save", IfDenied::Cancel).await;
    redeemed(&bench, "save", order).await;
    recovered(&bench, Effects { placed: 1, redeemed: 1, applied: 1, ..SALE }).await;
    has_its_coupon(&bench, "save", order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_coupon_was_applied_nothing_is_done() {
    let bench = bench_with("save").await;
    let order = applied(&bench, "save").await;
    bench.fall_asleep().await;
    bench.advance(AFTER_GRACE_S);
    assert_eq!(run(&bench, LookAfterOrders::default(), Step::Read).await, 0);
    has_its_coupon(&bench, "save", order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_comes_back_from_an_order_that_ended_while_it_waited() {
    // The hold expired before the batch was asked, and after it; the buyer cancelled.
    for (bound_first, by_buyer) in [(false, false), (true, false), (false, true), (true, true)] {
        let bench = bench_with("save").await;
        let order = bench.place_with("lamp", "save", IfDenied::Cancel).await;
        if bound_first {
            redeemed(&bench, "save", order).await;
        }
        if by_buyer {
            cancel(&bench, order).await;
        } else {
            bench.advance(120);
            bench.ask(bench.item("lamp"), ItemCommand::Show).await.unwrap();
        }
        if !bound_first {
            // Its call was asking right then.
            redeemed(&bench, "save", order).await;
        }
        let (expired, cancelled) = (usize::from(!by_buyer), usize::from(by_buyer));
        let wanted = Effects { placed: 1, redeemed: 1, expired, cancelled, returned: 1, ..SALE };
        recovered(&bench, wanted).await;
        assert_eq!(bench.coupon("save").await.unwrap().state, CouponState::Free);
        // An order redeems at most once, ever; the coupon itself is free for another.
        assert!(matches!(bench.redeem("lamp", "save", order).await, CouponOutcome::Redeemed(_)));
        assert_eq!(bench.coupon("save").await.unwrap().state, CouponState::Free);
        let next = applied(&bench, "save").await;
        has_its_coupon(&bench, "save", next).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_comes_back_from_an_order_that_ended_with_it() {
    for by_buyer in [true, false] {
        let bench = bench_with("save").await;
        let order = applied(&bench, "save").await;
        // The process has passed the order long before its end.
        bench.advance(AFTER_GRACE_S);
        assert_eq!(run(&bench, LookAfterOrders::default(), Step::AskedAndNoted).await, 0);
        if by_buyer {
            cancel(&bench, order).await;
        } else {
            bench.advance(120);
            bench.ask(bench.item("lamp"), ItemCommand::Show).await.unwrap();
        }
        let (expired, cancelled) = (usize::from(!by_buyer), usize::from(by_buyer));
        let wanted =
            Effects { placed: 1, redeemed: 1, applied: 1, expired, cancelled, returned: 1, ..SALE };
        recovered(&bench, wanted).await;
        assert_eq!(bench.coupon("save").await.unwrap().state, CouponState::Free);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_comes_back_from_a_refund_of_the_whole_order_where_its_batch_says_so() {
    for (batch, returned) in [("save", 0), ("refund", 1)] {
        let bench = bench_with(batch).await;
        let order = applied(&bench, batch).await;
        pay(&bench, order, 2).await;
        refund(&bench, order, 1).await;
        bench.advance(AFTER_GRACE_S);
        let due = run(&bench, LookAfterOrders::default(), Step::AskedAndNoted).await;
        assert_eq!(due, 0, "{batch}: a part of an order keeps the coupon");
        refund(&bench, order, 2).await;
        let wanted = Effects { placed: 1, redeemed: 1, applied: 1, returned, ..SALE };
        recovered(&bench, wanted).await;
        assert_eq!(bench.order("lamp", order).await.state, OrderState::Refunded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_that_another_node_denied_meanwhile_comes_back() {
    for (if_denied, cancelled) in [(IfDenied::Keep, 0), (IfDenied::Cancel, 1)] {
        let bench = bench_with("save").await;
        let order = bench.place_with("lamp", "save", if_denied).await;
        // One node was told no, another one yes a moment later; the first was faster.
        redeemed(&bench, "save", order).await;
        bench.settle("lamp", order, AwaitVerdict::CouponDenied(CouponReason::BudgetSpent)).await;
        let wanted = Effects { placed: 1, redeemed: 1, denied: 1, cancelled, returned: 1, ..SALE };
        recovered(&bench, wanted).await;
        assert_eq!(bench.coupon("save").await.unwrap().state, CouponState::Free);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_placed_is_left_to_whoever_placed_it() {
    let bench = bench_with("save").await;
    // So that the log that the node found at its start does not hold the order.
    let manager =
        doorbuster::actors::process::Manager::new(LookAfterOrders::default(), bench.parts());
    manager.begin().await;
    bench.place_with("lamp", "save", IfDenied::Cancel).await;
    while manager.position() < bench.head() {
        manager.read().await;
    }
    bench.advance(1);
    assert_eq!(manager.due().len(), 0);
    bench.advance(1);
    assert_eq!(manager.due().len(), 1);
    manager.note();
    assert_eq!(run(&bench, LookAfterOrders::default(), Step::Read).await, 1, "it is still open");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_look_after_the_same_orders_bind_each_coupon_once() {
    let [one, two] = Bench::start_two().await;
    on_sale(&one, "save").await;
    let order = one.place_with("lamp", "save", IfDenied::Cancel).await;
    let denied = one.place_with("lamp", "save", IfDenied::Cancel).await;
    [&one, &two].into_iter().for_each(|bench| bench.advance(AFTER_GRACE_S));
    tokio::join!(
        run_as_often_as_it_takes::<LookAfterOrders>(&one),
        run_as_often_as_it_takes::<LookAfterOrders>(&two),
    );
    let done = one.effects().await;
    assert_eq!((done.placed, done.redeemed, done.applied), (2, 1, 1));
    assert_eq!((done.denied, done.cancelled, done.returned), (1, 1, 0));
    // The actors here may have been overtaken by the other node.
    one.fall_asleep().await;
    let states = [one.order("lamp", order).await, one.order("lamp", denied).await];
    let held = states.iter().filter(|order| order.state == OrderState::Held).count();
    assert_eq!(held, 1, "one of the two has the only coupon");
}
