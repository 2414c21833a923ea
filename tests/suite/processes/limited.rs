//! Orders that wait for the limit over their sale are settled, and what they took comes back, wherever
//! the protocol between item and limit breaks off: after each of its appends, and on two nodes at once.

use doorbuster::{
    actors::process::{LookAfterOrders, TellItems},
    clock::new_request_id,
    domain::{
        item::{
            AwaitVerdict, CancelOrder, ItemCommand, OrderAct, OrderAction, PlaceOrder,
            RecordPayment,
        },
        quota::{QuotaOutcome, QuotaRefusal, TakeUnits},
    },
    events::{OrderState, SaleLimit},
    values::{Currency, OrderId},
};

use super::{
    STEPS, Step,
    bench::{Bench, sale},
    run, run_as_often_as_it_takes,
};

const LIMIT: SaleLimit =
    SaleLimit { sale_id: doorbuster::values::SaleId(uuid::Uuid::nil()), per_buyer: 3 };

async fn told(bench: &Bench) {
    bench.create_limited_sale(&["lamp", "sofa"], LIMIT.per_buyer).await;
    run(bench, TellItems::default(), Step::AskedAndNoted).await;
}

async fn started() -> Bench {
    let bench = Bench::start().await;
    told(&bench).await;
    bench
}

async fn placed(bench: &Bench, sku: &str, units: i64) -> OrderId {
    let item = sale().item_id(sku);
    let place = PlaceOrder::new(item, new_request_id(), "ann".to_owned(), units, String::new());
    let order_id = place.order_id;
    bench.answer(sku, ItemCommand::PlaceOrder(place)).await;
    order_id
}

/// The limit decides, and its item is not told.
async fn taken(bench: &Bench, sku: &str, order: OrderId, units: i64) -> QuotaOutcome {
    let of = (order, sale().item_id(sku));
    bench.ask_quota(TakeUnits::of(of, "ann".to_owned(), units, &LIMIT)).await
}

async fn granted(bench: &Bench, sku: &str, units: i64) -> OrderId {
    let order = placed(bench, sku, units).await;
    taken(bench, sku, order, units).await;
    bench.settle(sku, order, AwaitVerdict::LimitGranted).await;
    order
}

async fn cancelled(bench: &Bench, sku: &str, order_id: OrderId) {
    let buyer = "ann".to_owned();
    let cancel = CancelOrder { request_id: new_request_id(), order_id, buyer };
    bench.answer(sku, ItemCommand::CancelOrder(cancel)).await;
}

/// Kills the process at every step, and loses its checkpoint.
async fn recovered(bench: &Bench) {
    bench.fall_asleep().await;
    bench.advance(3);
    for first in STEPS {
        run(bench, LookAfterOrders::default(), first).await;
        run(bench, LookAfterOrders::default(), Step::Noted).await;
    }
    bench.lose_checkpoints();
    run_as_often_as_it_takes::<LookAfterOrders>(bench).await;
}

/// How often each of these stands in the log: taken, granted, cancelled, given back.
async fn counts(bench: &Bench) -> [usize; 4] {
    let log = bench.kinds().await;
    ["QuotaTaken", "LimitGranted", "OrderCancelled", "QuotaReturned"]
        .map(|kind| log.iter().filter(|of| *of == kind).count())
}

/// Whether the buyer can still take so many units, and no more.
async fn has_left(bench: &Bench, units: i64) {
    let over = OrderId(uuid::Uuid::from_u128(1));
    let refused = QuotaOutcome::Refused(QuotaRefusal::OverSaleLimit);
    assert_eq!(taken(bench, "lamp", over, units + 1).await, refused);
    if units > 0 {
        let rest = OrderId(uuid::Uuid::from_u128(2));
        assert_eq!(
            taken(bench, "lamp", rest, units).await,
            QuotaOutcome::Taken { units_left: units }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_order_was_placed_it_takes_its_units_once() {
    let bench = started().await;
    let order = placed(&bench, "lamp", 2).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [1, 1, 0, 0]);
    assert!(bench.order("lamp", order).await.awaiting.is_empty());
    has_left(&bench, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_units_were_taken_they_are_granted() {
    let bench = started().await;
    let order = placed(&bench, "lamp", 2).await;
    taken(&bench, "lamp", order, 2).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [1, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_units_were_granted_nothing_is_done() {
    let bench = started().await;
    granted(&bench, "lamp", 2).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [1, 1, 0, 0]);
    assert_eq!(run(&bench, LookAfterOrders::default(), Step::Read).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_an_order_was_told_that_it_is_over_the_limit_it_is_cancelled() {
    let bench = started().await;
    granted(&bench, "lamp", 2).await;
    let over = placed(&bench, "sofa", 2).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [1, 1, 1, 0]);
    assert_eq!(bench.order("sofa", over).await.state, OrderState::Cancelled);
    has_left(&bench, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_an_order_that_ended_while_it_took_them_come_back() {
    let bench = started().await;
    let order = placed(&bench, "lamp", 3).await;
    cancelled(&bench, "lamp", order).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [0, 0, 1, 0], "it took nothing");
    // A late question whose answer was lost.
    taken(&bench, "lamp", order, 3).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [1, 0, 1, 1]);
    has_left(&bench, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_come_back_after_a_cancellation_an_expiry_and_a_refund() {
    let bench = started().await;
    let order = granted(&bench, "lamp", 1).await;
    cancelled(&bench, "lamp", order).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [1, 1, 1, 1]);

    let order = granted(&bench, "lamp", 3).await;
    let payment = RecordPayment {
        request_id: new_request_id(),
        order_id: order,
        payment_reference: "p-1".to_owned(),
        amount_minor: 3,
        currency: Currency::parse("currency", "CNY").unwrap(),
    };
    bench.answer("lamp", ItemCommand::RecordPayment(payment)).await;
    for units in [1, 2] {
        let (operator, reason) = ("olga".to_owned(), "it broke".to_owned());
        let action = OrderAction::refund(order, units, true).unwrap();
        let act = OrderAct { request_id: new_request_id(), operator, reason, action };
        bench.answer("lamp", ItemCommand::OrderAct(act)).await;
    }
    recovered(&bench).await;
    // Both refunds are given back with what the order has left in the end.
    assert_eq!(counts(&bench).await, [2, 2, 1, 2]);

    granted(&bench, "sofa", 3).await;
    bench.advance(61);
    let wake = ItemCommand::Show;
    bench.answer("sofa", wake).await;
    bench.expired(1).await;
    recovered(&bench).await;
    assert_eq!(counts(&bench).await, [3, 3, 1, 3]);
    has_left(&bench, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_settle_one_order_once() {
    let [one, two] = Bench::start_two().await;
    told(&one).await;
    let orders = [placed(&one, "lamp", 2).await, placed(&one, "sofa", 2).await];
    one.advance(3);
    tokio::join!(
        run_as_often_as_it_takes::<LookAfterOrders>(&one),
        run_as_often_as_it_takes::<LookAfterOrders>(&two),
    );
    assert_eq!(counts(&one).await, [1, 1, 1, 0]);
    one.fall_asleep().await;
    let states =
        [one.order("lamp", orders[0]).await.state, one.order("sofa", orders[1]).await.state];
    assert!(states.contains(&OrderState::Held) && states.contains(&OrderState::Cancelled));
}
