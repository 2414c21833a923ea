//! Goal: figures hold at their edges: units added late, very many times without stock, sums beyond
//! what 63 bits hold, parts of a sale.
//!
//! Method: hand-made logs, folded into real files and asked.

use doorbuster::{
    events::{
        Act, Event, ItemEvent, OrderEvent, OrderPaid, OrderRefunded, ReserveReleased, ReserveSet,
        SaleEvent, StockAllocated, StockEvent, StockWithdrawn, StreamName, WarehouseUnits,
    },
    pages::Stage,
    reports::{
        HoldsQuery, ListOrdersQuery, ListSalesQuery, Paging, Period, ReportError, Reports,
        StockCurveQuery, TimelineQuery, Whose,
    },
    values::{Currency, Fingerprint, ItemId, RequestId, SaleId, UnixMs},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::{
    fold_all,
    log::{self, Log, Order, act},
};

const SALE: SaleId = SaleId(Uuid::from_u128(0xabc));

fn lamp_sale() -> (Log, ItemId) {
    let mut log = Log::default();
    let lamp = SALE.item_id("lamp");
    log.create_sale(SALE, "Autumn", &[lamp]);
    log.add_item(SALE, lamp, "lamp");
    (log, lamp)
}

fn folded(log: &Log) -> (TempDir, Reports) {
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    (data, reports)
}

fn allocate_late(log: &mut Log, item: ItemId, units: i64, at: i64) {
    let act = Act {
        request_id: RequestId(Uuid::from_u128(77)),
        fingerprint: Fingerprint(7),
        operator: "olga".to_owned(),
        reason: "more came in".to_owned(),
    };
    let warehouse = "north".to_owned();
    let event =
        StockAllocated { warehouse, units, supplier: None, act, allocated_at_ms: UnixMs(at) };
    log.push(StreamName::item(item), ItemEvent::Stock(StockEvent::Allocated(event)));
}

#[test]
fn units_sold_again_stay_so_when_more_units_come() {
    let (mut log, lamp) = lamp_sale();
    log.allocate(lamp, "north", 2);
    let first = log.place(lamp, "ann", "", &[("north", 2)], 1_000_000);
    log.expire(&first, 1_060_000);
    log.place(lamp, "bob", "", &[("north", 2)], 1_061_000);
    allocate_late(&mut log, lamp, 10, 1_070_000);
    let (_data, reports) = folded(&log);
    let query = HoldsQuery { whose: Whose::Sale(SALE), paging: Paging::default() };
    let holds = reports.holds(&query).unwrap();
    assert_eq!((holds.total.units_released, holds.total.units_resold), (2, 2));
}

/// Takes a unit of a paid order back.
fn refund(log: &mut Log, order: &Order, units_left: i64, restocked: bool, at: i64) {
    let refunded = OrderRefunded {
        order_id: order.order_id,
        placed_revision: order.placed_revision,
        units: 1,
        units_left,
        amount_minor: 100,
        restocked,
        warehouses: vec![WarehouseUnits { warehouse: "north".to_owned(), units: 1 }],
        parts: Vec::new(),
        act: Act { request_id: RequestId(Uuid::from_u64_pair(0, at.cast_unsigned())), ..act() },
        coupon_batch_id: None,
        limited_by: None,
        refunded_at_ms: UnixMs(at),
    };
    let event = ItemEvent::Order(OrderEvent::Refunded(refunded));
    log.push(StreamName::item(order.item), event);
}

#[test]
fn only_units_that_came_back_unpaid_count_as_sold_again() {
    let (mut log, lamp) = lamp_sale();
    log.allocate(lamp, "north", 2);
    let paid = log.place(lamp, "ann", "", &[("north", 2)], 1_000_000);
    log.pay(&paid, "bank-1", 1_001_000);
    refund(&mut log, &paid, 1, true, 1_002_000);
    refund(&mut log, &paid, 0, false, 1_003_000);
    // The unit that ann gave back, then again what bob did not pay.
    let first = log.place(lamp, "bob", "", &[("north", 1)], 1_010_000);
    log.expire(&first, 1_070_000);
    let second = log.place(lamp, "cid", "", &[("north", 1)], 1_071_000);
    log.expire(&second, 1_131_000);
    let withdrawn = StockWithdrawn {
        warehouse: "north".to_owned(),
        units: 1,
        supplier: None,
        act: act(),
        withdrawn_at_ms: UnixMs(1_140_000),
    };
    log.push(StreamName::item(lamp), ItemEvent::Stock(StockEvent::Withdrawn(withdrawn)));
    let (_data, reports) = folded(&log);
    let query = HoldsQuery { whose: Whose::Sale(SALE), paging: Paging::default() };
    let holds = reports.holds(&query).unwrap();
    assert_eq!((holds.total.units_released, holds.total.units_resold), (2, 1));
}

#[test]
fn the_first_and_the_last_time_without_stock_are_told_however_many_there_were() {
    let (mut log, lamp) = lamp_sale();
    log.allocate(lamp, "north", 1);
    for nth in 0..1_500 {
        let at = 1_000_000 + nth * 1_000;
        let order = log.place(lamp, "ann", "", &[("north", 1)], at);
        log.expire(&order, at + 500);
    }
    log.place(lamp, "bob", "", &[("north", 1)], 9_000_000);
    let (_data, reports) = folded(&log);
    let query = StockCurveQuery { whose: Whose::Sale(SALE), paging: Paging::default() };
    let curve = reports.stock_curve(&query).unwrap();
    assert_eq!((curve.sold_outs.len(), curve.sold_outs_count), (1_000, 1_501));
    assert_eq!(curve.sold_outs[0].from, UnixMs(1_000_000));
    let last = &curve.sold_outs[999];
    assert_eq!((last.from, last.until), (UnixMs(9_000_000), None));
}

#[test]
fn stock_is_not_gone_where_the_reserve_plan_releases_units_in_the_same_append() {
    let (mut log, lamp) = lamp_sale();
    log.allocate(lamp, "north", 2);
    let item = StreamName::item(lamp);
    let act = Act::of_reserve_step(RequestId(Uuid::from_u128(7)), 0, "step 0".to_owned());
    let release = |act, units, at| {
        let (warehouse, released_at_ms) = ("north".to_owned(), UnixMs(at));
        let released = ReserveReleased { warehouse, units, act, released_at_ms };
        ItemEvent::Stock(StockEvent::ReserveReleased(released))
    };
    let reserve = ReserveSet {
        warehouse: "north".to_owned(),
        units: 3,
        act: log::act(),
        set_at_ms: UnixMs(990_000),
    };
    log.push(item, ItemEvent::Stock(StockEvent::ReserveSet(reserve)));
    log.place(lamp, "ann", "", &[("north", 2)], 1_000_000);
    log.push(item, release(act, 1, 1_000_000));
    log.place(lamp, "bob", "", &[("north", 1)], 1_000_500);
    // An operator's release ends a time without stock, also within its millisecond.
    log.push(item, release(log::act(), 2, 1_000_500));
    log.place(lamp, "cat", "", &[("north", 2)], 1_002_000);
    let (_data, reports) = folded(&log);
    let query = StockCurveQuery { whose: Whose::Sale(SALE), paging: Paging::default() };
    let curve = reports.stock_curve(&query).unwrap();
    let periods: Vec<_> = curve.sold_outs.iter().map(|told| (told.from, told.until)).collect();
    let gone = UnixMs(1_000_500);
    assert_eq!(periods, [(gone, Some(gone)), (UnixMs(1_002_000), None)]);
    assert_eq!(curve.sold_outs_count, 2);
}

#[test]
fn money_beyond_what_a_sum_holds_stays_at_the_largest_number() {
    let (mut log, lamp) = lamp_sale();
    log.allocate(lamp, "north", 3);
    for (buyer, revision) in [("ann", 3), ("bob", 4), ("cat", 5)] {
        let order = log.place(lamp, buyer, "", &[("north", 1)], 1_000_000);
        assert_eq!(order.item, lamp);
        let paid = OrderPaid {
            order_id: order.order_id,
            placed_revision: revision * 2 - 4,
            request_id: RequestId(order.order_id.0),
            fingerprint: Fingerprint(2),
            payment_reference: buyer.to_owned(),
            amount_minor: i64::MAX / 2,
            units: 1,
            warehouses: Vec::new(),
            paid_at_ms: UnixMs(1_000_000 + i64::try_from(revision).unwrap() * 1_000),
        };
        log.push(StreamName::item(lamp), ItemEvent::Order(OrderEvent::Paid(paid)));
    }
    let data = tempdir().unwrap();
    let timeline = doorbuster::projections::all();
    let timeline = timeline.into_iter().find(|projection| projection.name() == "timeline");
    let mut model =
        doorbuster::projections::ReadModel::open(data.path(), timeline.unwrap()).unwrap();
    model.apply_page(&log.events).unwrap();
    let reports = Reports::open(data.path());
    let (sum, _) = reports.timeline_sum(Whose::Sale(SALE), None, None).unwrap();
    assert_eq!(sum.revenue_minor, i64::MAX);
    let query = TimelineQuery { sale_id: Some(SALE), ..TimelineQuery::default() };
    assert!(reports.timeline(&query).unwrap().rows.len() >= 3);
}

#[test]
fn shares_of_a_part_of_a_sale_are_not_compared() {
    let (mut log, lamp) = lamp_sale();
    log.allocate(lamp, "north", 2);
    log.place(lamp, "ann", "", &[("north", 1)], 1_000_000);
    let (_data, reports) = folded(&log);
    let whole = Period { sale_id: SALE, from: None, until: None };
    let part = Period { from: Some(UnixMs(1_000_000)), ..whole };
    let names = |one, other| {
        let found = reports.compare(one, other).unwrap();
        found.figures.iter().map(|line| line.figure).collect::<Vec<_>>()
    };
    assert!(names(whole, whole).contains(&"paid_share_ppm"));
    assert!(!names(part, whole).contains(&"paid_share_ppm"));
    assert!(!names(whole, part).contains(&"expired_share_ppm"));
}

#[test]
fn questions_end_when_nobody_waits_for_them_any_more() {
    let (log, _) = lamp_sale();
    let (data, reports) = folded(&log);
    let query = ListOrdersQuery::default();
    assert!(reports.list_orders(&query).is_ok());
    let others = reports.clone();
    reports.stop();
    assert!(matches!(others.list_orders(&query), Err(ReportError::Stopped)));
    assert!(Reports::open(data.path()).list_orders(&query).is_ok(), "others are not concerned");
}

#[test]
fn a_sale_of_an_older_log_is_on_sale_as_long_as_any_of_its_items() {
    let mut log = Log::default();
    let (early, late) = (SALE.item_id("early"), SALE.item_id("late"));
    log.create_sale(SALE, "Autumn", &[early, late]);
    let (_, event) = log.events.pop().unwrap();
    let Event::Sale(SaleEvent::Created(mut created)) = event else { panic!("no sale") };
    created.items[0].opens_at_ms = UnixMs(400_000);
    created.items[1].closes_at_ms = UnixMs(3_000_000);
    let mut log = Log::default();
    log.push(StreamName::sale(SALE), SaleEvent::Created(created));
    let (_data, reports) = folded(&log);
    let sales = reports.list_sales(&ListSalesQuery::default()).unwrap().rows;
    assert_eq!((sales[0].opens_at, sales[0].closes_at), (UnixMs(400_000), UnixMs(3_000_000)));
    let stages =
        [399_999, 400_000, 2_000_000, 3_000_000].map(|at| Stage::of(&sales[0], UnixMs(at)));
    assert_eq!(stages, [Stage::NotOpenYet, Stage::Running, Stage::Running, Stage::Over]);
}

#[test]
fn a_sum_at_the_largest_number_is_marked_where_people_read_it() {
    let cny = Currency::parse("currency", "CNY").unwrap();
    assert_eq!(cny.amount(i64::MAX), "≥ 92233720368547758.07 CNY");
    assert_eq!(cny.amount(i64::MAX - 1), "92233720368547758.06 CNY");
}
