//! Goal: units that come back while an incident is open could have been sold, units that a late payment
//! takes again could not, and neither is counted as ordered twice.
//!
//! Method: a log written by hand; after each step the units that are there are counted by hand.

use doorbuster::{
    events::{
        Act, ItemEvent, OrderEvent, OrderRefunded, OrderReinstated, StreamName, WarehouseUnits,
    },
    reports::{Loss, Reports},
    values::{RequestId, UnixMs},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::priced::{impact, sale};
use crate::fold::{
    fold_all,
    log::{Log, Order, act},
};

fn at(units: i64) -> Vec<WarehouseUnits> {
    vec![WarehouseUnits { warehouse: "north".to_owned(), units }]
}

fn refunded(order: &Order, units_left: i64, restocked: bool, at_ms: i64) -> ItemEvent {
    ItemEvent::Order(OrderEvent::Refunded(OrderRefunded {
        order_id: order.order_id,
        placed_revision: order.placed_revision,
        units: 1,
        units_left,
        amount_minor: 500,
        restocked,
        warehouses: at(1),
        parts: Vec::new(),
        coupon_batch_id: None,
        limited_by: None,
        act: Act { request_id: RequestId(Uuid::from_u128(at_ms.unsigned_abs().into())), ..act() },
        refunded_at_ms: UnixMs(at_ms),
    }))
}

/// Ten lamps at 5.00. Before the incident ann orders 4 and bob 2, which he pays for: 6 a minute. Then
/// ann's hold ends, bob gives one unit back and another one that is of no use, ann pays late and has her
/// units again, and cat orders one.
fn told() -> (TempDir, Reports) {
    let mut log = Log::default();
    let lamp = sale().item_id("lamp");
    log.create_sale(sale(), "Autumn", &[lamp]);
    log.add_item(sale(), lamp, "lamp");
    log.allocate(lamp, "north", 10);
    let ann = log.place(lamp, "ann", "app", &[("north", 4)], 1_010_000);
    let bob = log.place(lamp, "bob", "app", &[("north", 2)], 1_020_000);
    log.pay(&bob, "pay-bob", 1_030_000);
    log.expire(&ann, 1_070_050);
    let item = StreamName::item(lamp);
    log.push(item, refunded(&bob, 1, true, 1_080_000));
    log.push(item, refunded(&bob, 0, false, 1_090_000));
    let reinstated = OrderReinstated {
        order_id: ann.order_id,
        placed_revision: ann.placed_revision,
        units: 4,
        warehouses: at(4),
        parts: Vec::new(),
        reinstated_at_ms: UnixMs(1_100_000),
    };
    log.push(item, ItemEvent::Order(OrderEvent::Reinstated(reinstated)));
    log.pay(&ann, "pay-ann", 1_100_000);
    log.place(lamp, "cat", "app", &[("north", 1)], 1_110_000);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    (data, reports)
}

#[test]
fn what_could_have_been_sold_follows_units_that_come_back_and_go_again() {
    let (_data, reports) = told();
    let there = |until: i64| {
        let impact = impact(&reports, &["lamp"], until);
        (impact.available_at_begin, impact.available_at_end)
    };
    assert_eq!(there(1_070_000), (4, 4), "10 less the 6 that are ordered");
    assert_eq!(there(1_080_000), (4, 8), "ann's hold has ended");
    assert_eq!(there(1_081_000), (4, 9), "bob's unit is on offer again");
    assert_eq!(there(1_091_000), (4, 9), "the other one is written off");
    assert_eq!(there(1_101_000), (4, 5), "ann has her units again");
    assert_eq!(there(1_121_000), (4, 4), "cat has one");
}

#[test]
fn no_more_is_lost_than_what_could_have_been_sold() {
    let (_data, reports) = told();
    let whole = impact(&reports, &["lamp"], 1_121_000);
    // Ann's order was placed before the incident; that it came back is no new order.
    assert_eq!((whole.planned_units, whole.ordered_units), (6, 1));
    // 5 are missing, and 4 were there.
    assert_eq!(whole.unit_price_minor, 500, "of six paid ones, two of which came back");
    assert_eq!(whole.lost, Loss { units: 4, revenue_minor: 2_000 });
}
