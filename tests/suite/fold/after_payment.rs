//! Goal: curves, holds and lists follow orders beyond their payment: brought back by a late payment,
//! refunded in parts, their units available again or of no use.
//!
//! Method: a log of one item written by hand; what every read model shows is counted by hand.

use doorbuster::{
    domain::item::OrderState,
    events::{ItemEvent, OrderEvent, OrderRefunded, OrderReinstated, StreamName, WarehouseUnits},
    projections::view_path,
    reports::{HoldsQuery, ListOrdersQuery, Paging, Reports, StockCurveQuery, StockPoint, Whose},
    values::{ItemId, OrderId, RequestId, SaleId, UnixMs},
};
use tempfile::tempdir;
use uuid::Uuid;

use super::{
    fold_all,
    log::{Log, Order, act, cells},
};

fn lamps(units: i64) -> Vec<WarehouseUnits> {
    vec![WarehouseUnits { warehouse: "north".to_owned(), units }]
}

/// Units of a paid order come back.
fn refund(log: &mut Log, order: &Order, (units, left): (i64, i64), restocked: bool, at: i64) {
    let request_id = RequestId(Uuid::from_u128(0xbac0 + u128::from(log.events.len() as u64)));
    let template = OrderRefunded {
        order_id: OrderId(Uuid::nil()),
        placed_revision: 0,
        units: 0,
        units_left: 0,
        amount_minor: 0,
        restocked,
        warehouses: Vec::new(),
        parts: Vec::new(),
        act: act(),
        coupon_batch_id: None,
        limited_by: None,
        refunded_at_ms: UnixMs(at),
    };
    let OrderEvent::Refunded(about) = order.event(OrderEvent::Refunded(template)) else {
        panic!("another event")
    };
    let refunded = OrderRefunded {
        units,
        units_left: left,
        amount_minor: 500 * units,
        warehouses: lamps(units),
        act: doorbuster::events::Act { request_id, ..act() },
        ..about
    };
    log.push(StreamName::item(order.item), ItemEvent::Order(OrderEvent::Refunded(refunded)));
}

/// Ten lamps. Ann keeps one of three, bob's order is brought back, cat gives both of hers back.
fn story() -> (Log, SaleId, ItemId) {
    let mut log = Log::default();
    let sale = SaleId(Uuid::from_u128(0xafe));
    let lamp = sale.item_id("lamp");
    log.create_sale(sale, "Lamps", &[lamp]);
    log.add_item(sale, lamp, "lamp");
    log.allocate(lamp, "north", 10);
    let ann = log.place(lamp, "ann", "", &[("north", 3)], 1_000_000);
    let bob = log.place(lamp, "bob", "", &[("north", 1)], 1_001_000);
    let cat = log.place(lamp, "cat", "", &[("north", 2)], 1_002_000);
    log.pay(&ann, "pay-ann", 1_003_000);
    log.pay(&cat, "pay-cat", 1_004_000);
    log.expire(&bob, 1_061_000);
    let back = OrderReinstated {
        order_id: bob.order_id,
        placed_revision: 0,
        units: 1,
        warehouses: Vec::new(),
        parts: Vec::new(),
        reinstated_at_ms: UnixMs(1_062_000),
    };
    let back = bob.event(OrderEvent::Reinstated(back));
    log.push(StreamName::item(lamp), ItemEvent::Order(back));
    log.pay(&bob, "pay-bob", 1_062_000);
    refund(&mut log, &ann, (1, 2), true, 1_070_000);
    refund(&mut log, &ann, (1, 1), false, 1_071_000);
    refund(&mut log, &cat, (2, 0), true, 1_072_000);
    (log, sale, lamp)
}

#[test]
fn the_stock_curve_adds_up_to_the_stock() {
    let (log, sale, lamp) = story();
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    for whose in [Whose::Sale(sale), Whose::Item(lamp)] {
        let curve = reports.stock_curve(&StockCurveQuery { whose, paging: Paging::default() });
        let curve = curve.unwrap();
        let points: Vec<_> = curve
            .points
            .iter()
            .map(|point| {
                let StockPoint { allocated_units, available_units, held_units, sold_units, .. } =
                    *point;
                assert_eq!(allocated_units, available_units + held_units + sold_units);
                (point.second, allocated_units, available_units, held_units, sold_units)
            })
            .collect();
        let by_hand = [
            (990, 10, 10, 0, 0),
            (1_000, 10, 7, 3, 0),
            (1_001, 10, 6, 4, 0),
            (1_002, 10, 4, 6, 0),
            (1_003, 10, 4, 3, 3),
            (1_004, 10, 4, 1, 5),
            (1_061, 10, 5, 0, 5),
            (1_062, 10, 4, 0, 6),
            (1_070, 10, 5, 0, 5),
            // Of no use: neither available nor allocated any more.
            (1_071, 9, 5, 0, 4),
            (1_072, 9, 7, 0, 2),
        ];
        assert_eq!(points, by_hand);
    }
    let stock = cells(
        &view_path(data.path(), "stock"),
        "SELECT allocated_units, available_units, held_units, sold_units FROM warehouses",
    );
    assert_eq!(stock, ["9|7|0|2"]);
}

#[test]
fn the_pulse_of_a_sale_counts_what_is_left_and_no_hold_twice() {
    let (log, sale, _) = story();
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let pulse = Reports::open(data.path()).pulse(sale, UnixMs(1_073_000)).unwrap();
    let totals = pulse.totals;
    assert_eq!((totals.units.available, totals.units.held, totals.units.sold), (7, 0, 2));
    assert_eq!((totals.orders_held(), totals.orders_expired, totals.orders_paid), (0, 1, 3));
    assert_eq!(totals.revenue_minor, 500 * 2, "what the buyers keep");
    let available = |second: i64| {
        let told = pulse.recent.iter().find(|told| told.second == second);
        told.unwrap().available_units
    };
    assert_eq!([1_061, 1_062, 1_070, 1_071, 1_072].map(available), [5, 4, 5, 5, 7]);
    let dues = &pulse.dues;
    assert_eq!((dues.open().dues, dues.open().amount_minor), (3, 500 * 4));
    assert_eq!(dues.age_ms(pulse.at), Some(3_000));
    let told: Vec<_> = dues
        .oldest
        .iter()
        .map(|due| (due.buyer.as_str(), due.payment_reference.as_str()))
        .collect();
    assert_eq!(told, [("ann", "pay-ann"), ("ann", "pay-ann"), ("cat", "pay-cat")]);
}

#[test]
fn a_refunded_order_was_a_paid_hold_and_units_brought_back_were_taken_again() {
    let (log, sale, _) = story();
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let query = HoldsQuery { whose: Whose::Sale(sale), paging: Paging::default() };
    let holds = Reports::open(data.path()).holds(&query).unwrap().total;
    assert_eq!((holds.holds_placed, holds.holds_paid, holds.holds_expired), (3, 3, 0));
    assert_eq!(holds.time_to_pay_max_ms, 61_000);
    assert_eq!(holds.units_released, 1);
}

#[test]
fn the_list_of_orders_tells_what_came_back_and_what_was_brought_back() {
    let (log, sale, _) = story();
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let query = ListOrdersQuery { sale_id: Some(sale), ..ListOrdersQuery::default() };
    let orders = Reports::open(data.path()).list_orders(&query).unwrap().rows;
    let told: Vec<_> = orders
        .iter()
        .map(|order| {
            let back = (order.refunded_units, order.refunded_minor);
            (order.buyer.as_str(), order.state, back, order.reinstated_at.map(|at| at.0))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("ann", OrderState::Paid, (2, 1_000), None),
            ("bob", OrderState::Paid, (0, 0), Some(1_062_000)),
            ("cat", OrderState::Refunded, (2, 1_000), None),
        ]
    );
}
