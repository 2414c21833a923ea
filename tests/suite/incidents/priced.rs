//! What a lost unit is counted at, worked out by hand for items with a ladder.
//!
//! Until the incident ends 40 lamps and 20 sofas at 5.00 are allocated, and nobody has paid. Six units
//! were ordered in the minute before, so one in ten seconds is planned.

use doorbuster::{
    events::{
        HoldExtended, ItemEvent, OfferEvent, OrderEvent, OrderPart, OrderPrice, OrderRefunded,
        OrderReinstated, PriceStep, Prices, PricesSet, ReturnedUnits, StreamName, TimePrice,
        WarehouseUnits,
    },
    reports::{Impact, ImpactUntil, IncidentLine, Loss, Reports},
    values::{IncidentId, ItemId, SaleId, UnixMs},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use crate::fold::{
    fold_all,
    log::{Log, act},
};

const BEGAN: i64 = 1_060_000;

pub fn sale() -> SaleId {
    SaleId(Uuid::from_u128(0x5a1e))
}

fn prices(returned_units: ReturnedUnits) -> Prices {
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    Prices {
        unit_price_minor: 1_590,
        floor_minor: None,
        steps: vec![step(3, 990), step(4, 1_290)],
        time_prices: vec![TimePrice {
            from_ms: UnixMs(1_119_000),
            until_ms: UnixMs(1_120_000),
            unit_price_minor: 1_000,
        }],
        returned_units,
    }
}

/// Units at a step, from the first one.
fn price(parts: &[(u8, i64, i64)]) -> OrderPrice {
    let part = |&(step, units, unit_price_minor): &(u8, i64, i64)| OrderPart {
        step: Some(step),
        time_price: None,
        units,
        unit_price_minor,
    };
    let parts: Vec<OrderPart> = parts.iter().map(part).collect();
    OrderPrice {
        unit_price_minor: parts[0].unit_price_minor,
        total_minor: parts.iter().map(OrderPart::total_minor).sum(),
        parts,
        ..OrderPrice::default()
    }
}

/// Before the incident ann, bob and gus order; meanwhile ann's hold ends, bob's is extended and cat
/// orders. What happens after its end is no part of it: cat cancels, bob pays and gives a unit back, and
/// ann pays late and has her units again.
fn told(returned_units: ReturnedUnits) -> (TempDir, Reports) {
    let mut log = Log::default();
    let (lamp, sofa) = (sale().item_id("lamp"), sale().item_id("sofa"));
    log.create_sale(sale(), "Autumn", &[lamp, sofa]);
    for (item, sku, units) in [(lamp, "lamp", 40), (sofa, "sofa", 20)] {
        log.add_item(sale(), item, sku);
        log.allocate(item, "north", units);
    }
    let set = |ladder, prices, at| {
        let set = PricesSet { ladder, prices, act: act(), set_at_ms: UnixMs(at) };
        ItemEvent::Offer(OfferEvent::PricesSet(set))
    };
    log.push(StreamName::item(lamp), set(1, prices(returned_units), 990_000));
    let order = |log: &mut Log, buyer, units, at, price| {
        log.place_at(lamp, buyer, "app", &[("north", units)], at, price)
    };
    let ann = order(&mut log, "ann", 2, 1_010_000, price(&[(0, 2, 990)]));
    let bob = order(&mut log, "bob", 2, 1_020_000, price(&[(0, 1, 990), (1, 1, 1_290)]));
    log.place(sofa, "gus", "app", &[("north", 2)], 1_030_000);
    log.expire(&ann, 1_070_050);
    let extended = HoldExtended {
        order_id: bob.order_id,
        placed_revision: bob.placed_revision,
        pay_by_ms: UnixMs(1_130_000),
        act: act(),
        extended_at_ms: UnixMs(1_070_060),
    };
    log.push(StreamName::item(lamp), ItemEvent::Order(OrderEvent::HoldExtended(extended)));
    let cats = match returned_units {
        ReturnedUnits::SamePrice => (0, 1, 990),
        ReturnedUnits::NextPrice => (1, 1, 1_290),
    };
    let cat = order(&mut log, "cat", 1, 1_070_100, price(&[cats]));
    log.cancel(&cat, 1_121_000);
    log.pay(&bob, "pay-bob", 1_121_500);
    let warehouses = |units| vec![WarehouseUnits { warehouse: "north".to_owned(), units }];
    let refunded = OrderRefunded {
        order_id: bob.order_id,
        placed_revision: bob.placed_revision,
        units: 1,
        units_left: 1,
        amount_minor: 1_290,
        restocked: true,
        warehouses: warehouses(1),
        parts: price(&[(1, 1, 1_290)]).parts,
        act: act(),
        coupon_batch_id: None,
        limited_by: None,
        refunded_at_ms: UnixMs(1_121_600),
    };
    log.push(StreamName::item(lamp), ItemEvent::Order(OrderEvent::Refunded(refunded)));
    let reinstated = OrderReinstated {
        order_id: ann.order_id,
        placed_revision: ann.placed_revision,
        units: 2,
        warehouses: warehouses(2),
        parts: price(&[(0, 2, 990)]).parts,
        reinstated_at_ms: UnixMs(1_126_100),
    };
    log.push(StreamName::item(lamp), ItemEvent::Order(OrderEvent::Reinstated(reinstated)));
    log.pay(&ann, "pay-ann", 1_126_100);
    let other = Prices { steps: Vec::new(), unit_price_minor: 100, ..prices(returned_units) };
    log.push(StreamName::item(lamp), set(2, other, 1_122_000));
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    (data, reports)
}

pub fn impact(reports: &Reports, items: &[&str], until: i64) -> Impact {
    let items: Vec<ItemId> = items.iter().map(|sku| sale().item_id(sku)).collect();
    let incident = IncidentLine {
        incident_id: IncidentId(Uuid::from_u128(1)),
        sale_id: sale(),
        items,
        title: String::new(),
        alert: None,
        severity: None,
        impact: String::new(),
        owner: String::new(),
        cause: String::new(),
        lessons: String::new(),
        began_at: UnixMs(BEGAN),
        detected_at: UnixMs(BEGAN),
        ended_at: Some(UnixMs(until)),
        resolved_at: None,
        reviewed_at: None,
        revision: 0,
    };
    reports.impact(&incident, ImpactUntil::LastEvent).unwrap().0
}

#[test]
fn before_any_payment_lost_units_cost_what_the_next_ones_would_have() {
    let (_data, reports) = told(ReturnedUnits::SamePrice);
    // Until 1,121 s 6 units are planned and 1 is ordered: 5 are lost, 3 of them lamps and 1 sofa. Bob
    // and cat hold two of the first step and bob one of the second, so the next lamps cost
    // 9.90 + 2 x 12.90, 11.90 on average: (40 x 11.90 + 20 x 5.00) / 60.
    let whole = impact(&reports, &[], 1_121_000);
    assert_eq!((whole.planned_units, whole.ordered_units), (6, 1));
    assert_eq!(whole.unit_price_minor, 960);
    assert_eq!(whole.lost, Loss { units: 5, revenue_minor: 4_800 });
    // A second earlier the time price is in force just before the end: 9.90 + 2 x 10.00, 9.96.
    assert_eq!(impact(&reports, &[], 1_120_000).unit_price_minor, (40 * 996 + 20 * 500) / 60);
    // And before that it is not: 4 are lost, 2 of them lamps.
    let before = impact(&reports, &[], 1_119_000);
    assert_eq!((before.lost.units, before.unit_price_minor), (4, (40 * 1_140 + 20 * 500) / 60));
    // Of an item alone; of the sofa nothing was ordered meanwhile, of its 2 units a minute.
    assert_eq!(impact(&reports, &["sofa"], 1_121_000).unit_price_minor, 500);
    // The lamp has lost 3 of its 4 units a minute.
    let lamp = impact(&reports, &["lamp"], 1_121_000);
    assert_eq!((lamp.lost.units, lamp.unit_price_minor), (3, 1_190));
    // In 15 s one is planned and ordered, so none is lost; the next unit is the last of the first step.
    let none = impact(&reports, &["lamp"], 1_075_000);
    assert_eq!((none.lost.units, none.unit_price_minor), (0, 990));
}

#[test]
fn units_that_leave_their_step_are_not_the_next_ones() {
    let (_data, reports) = told(ReturnedUnits::NextPrice);
    let next = impact(&reports, &[], 1_121_000);
    // Ann's two of the first step are gone, and bob and cat hold two of the second.
    assert_eq!(next.unit_price_minor, (40 * ((2 * 1_290 + 1_590) / 3) + 20 * 500) / 60);
}

#[test]
fn after_a_payment_lost_units_cost_what_paid_ones_did_on_average() {
    let (_data, reports) = told(ReturnedUnits::SamePrice);
    assert_eq!(impact(&reports, &[], 1_126_000).unit_price_minor, (990 + 1_290) / 2);
    // Nobody has paid for a sofa.
    assert_eq!(impact(&reports, &["sofa"], 1_126_000).unit_price_minor, 500);
}

#[test]
fn the_ladder_before_a_moment_has_the_units_of_then() {
    let (_data, reports) = told(ReturnedUnits::SamePrice);
    let before = |moment| {
        let asked = |item| item == sale().item_id("lamp");
        let mut ladders = reports.ladders_before(sale(), UnixMs(moment), asked).unwrap();
        let ladder = ladders.remove(&sale().item_id("lamp"))?;
        let steps = ladder.steps.iter().map(|step| (step.held, step.sold, step.taken));
        Some((ladder.ladder, steps.collect::<Vec<_>>()))
    };
    assert_eq!(before(990_000), None);
    assert_eq!(before(1_070_000), Some((1, vec![(3, 0, 3), (1, 0, 1)])));
    // Ann's hold has ended and cat has ordered; then cat has cancelled and bob has paid.
    assert_eq!(before(1_121_000), Some((1, vec![(2, 0, 4), (1, 0, 1)])));
    assert_eq!(before(1_122_000), Some((1, vec![(1, 0, 4), (1, 0, 1)])));
    assert_eq!(before(1_122_001), Some((2, vec![])));
    let none = reports.ladders_before(sale(), UnixMs(1_122_000), |_| false).unwrap();
    assert!(none.is_empty());
}
