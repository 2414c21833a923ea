//! Hand-made logs for the tests of read models, and a look into their files.

mod ends;

use std::{collections::HashMap, path::Path};

use doorbuster::{
    events::{
        Act, AttemptOutcome, DemandTick, Draw, Event, Goals, ItemAdded, ItemClosed, ItemEvent,
        ItemPaused, ItemPlan, ItemResumed, ItemScheduled, OfferEvent, OrderEvent, OrderPaid,
        OrderPlaced, OrderPrice, Position, PurchaseLimitSet, Recorded, ReserveReleased, ReserveSet,
        SaleClosed, SaleCreated, SaleEvent, SalePaused, SaleRescheduled, SaleResumed,
        StockAllocated, StockEvent, StreamName, WarehouseUnits, encode,
    },
    values::{Currency, Fingerprint, ItemId, OrderId, RequestId, SaleId, UnixMs},
};
use rusqlite::{Connection, OpenFlags, types::Value};
use uuid::Uuid;

/// A log that is written by hand.
#[derive(Default)]
pub struct Log {
    pub events: Vec<(Recorded, Event)>,
    revisions: HashMap<StreamName, u64>,
}

impl Log {
    /// Appends an event and returns its revision. Positions have gaps, as real ones may.
    pub fn push(&mut self, stream: StreamName, event: impl Into<Event>) -> u64 {
        let event = event.into();
        let next = self.revisions.entry(stream).or_default();
        let revision = *next;
        *next += 1;
        let number = self.events.len() as u64 + 1;
        let id = Uuid::from_u128(u128::from(number));
        let encoded = encode(id, &event, id, id);
        let recorded = Recorded {
            position: Position(number * 3),
            stream,
            revision,
            id,
            kind: encoded.kind.into_owned(),
            data: encoded.data,
            metadata: encoded.metadata,
            recorded_at_ms: 5_000_000 + number as i64,
        };
        self.events.push((recorded, event));
        revision
    }

    pub fn add_item(&mut self, sale_id: SaleId, item: ItemId, sku: &str) {
        let added = ItemAdded {
            sale_id,
            sku: sku.to_owned(),
            title: format!("A {sku}"),
            currency: currency(),
            unit_price_minor: 500,
            time_to_pay_ms: 60_000,
            regions: Vec::new(),
            draw: Draw::Listed,
            reinstate_within_ms: None,
            sale_limit_per_buyer: None,
            added_at_ms: UnixMs(990_000),
        };
        self.push(StreamName::item(item), ItemEvent::Offer(OfferEvent::Added(added)));
    }

    pub fn allocate(&mut self, item: ItemId, warehouse: &str, units: i64) {
        let allocated = StockAllocated {
            warehouse: warehouse.to_owned(),
            units,
            supplier: None,
            act: act(),
            allocated_at_ms: UnixMs(990_000),
        };
        self.push(StreamName::item(item), ItemEvent::Stock(StockEvent::Allocated(allocated)));
    }

    pub fn create_sale(&mut self, sale: SaleId, name: &str, items: &[ItemId]) {
        self.create_sale_with(sale, name, items, None);
    }

    /// A sale with a goal of revenue.
    pub fn create_sale_with(
        &mut self,
        sale: SaleId,
        name: &str,
        items: &[ItemId],
        revenue_minor: Option<i64>,
    ) {
        let plan = |item: &ItemId| ItemPlan {
            item_id: *item,
            sku: "planned".to_owned(),
            title: "Planned".to_owned(),
            unit_price_minor: 500,
            opens_at_ms: UnixMs(999_000),
            closes_at_ms: UnixMs(2_000_000),
            limit_per_buyer: None,
            limit_per_order: None,
            time_to_pay_ms: 60_000,
            units: Vec::new(),
            reserve: Vec::new(),
            prices: None,
            offers: Vec::new(),
            audience: None,
            regions: Vec::new(),
            draw: Draw::Listed,
            reinstate_within_ms: None,
            reserve_plan: Vec::new(),
            suppliers: Vec::new(),
        };
        let created = SaleCreated {
            name: name.to_owned(),
            currency: currency(),
            opens_at_ms: UnixMs(999_000),
            closes_at_ms: UnixMs(2_000_000),
            items: items.iter().map(plan).collect(),
            goals: revenue_minor.map(|minor| Goals {
                units: None,
                revenue_minor: Some(minor),
                conversion_ppm: None,
                new_buyers: None,
            }),
            curve: Vec::new(),
            alerts: Vec::new(),
            coupons: Vec::new(),
            limit_per_buyer: None,
            rewards: Vec::new(),
            act: act(),
            created_at_ms: UnixMs(990_000),
        };
        self.push(StreamName::sale(sale), SaleEvent::Created(created));
    }

    /// Places an order whose units come from those warehouses.
    pub fn place(
        &mut self,
        item: ItemId,
        buyer: &str,
        channel: &str,
        from: &[(&str, i64)],
        at: i64,
    ) -> Order {
        let units: i64 = from.iter().map(|(_, units)| units).sum();
        let price =
            OrderPrice { unit_price_minor: 500, total_minor: 500 * units, ..Default::default() };
        self.place_at(item, buyer, channel, from, at, price)
    }

    /// The same at that price.
    pub fn place_at(
        &mut self,
        item: ItemId,
        buyer: &str,
        channel: &str,
        from: &[(&str, i64)],
        at: i64,
        price: OrderPrice,
    ) -> Order {
        let in_one =
            |&(name, units): &(&str, i64)| WarehouseUnits { warehouse: name.to_owned(), units };
        let warehouses: Vec<WarehouseUnits> = from.iter().map(in_one).collect();
        let units = warehouses.iter().map(|w| w.units).sum();
        let order_id = OrderId(Uuid::from_u128(0xff00_0000 + self.events.len() as u128));
        let placed = OrderPlaced {
            order_id,
            request_id: RequestId(order_id.0),
            fingerprint: Fingerprint(1),
            buyer: buyer.to_owned(),
            units,
            unit_price_minor: price.unit_price_minor,
            total_minor: (!price.is_plain()).then_some(price.total_minor),
            parts: price.parts.into(),
            offer: price.offer,
            gift: price.gift.map(Box::new),
            gift_gone: price.gift_gone,
            warehouses: warehouses.clone(),
            channel: channel.to_owned(),
            region: String::new(),
            shopper: None,
            awaits: Vec::new(),
            coupon: None,
            sale_limit: None,
            shop_order_id: String::new(),
            labels: doorbuster::events::Labels::new(),
            placed_at_ms: UnixMs(at),
            pay_by_ms: UnixMs(at + 60_000),
        };
        let placed_revision =
            self.push(StreamName::item(item), ItemEvent::Order(OrderEvent::Placed(placed)));
        let total_minor = price.total_minor;
        Order { item, order_id, placed_revision, units, total_minor, warehouses }
    }

    pub fn pay(&mut self, order: &Order, payment_reference: &str, at: i64) {
        let paid = OrderPaid {
            order_id: order.order_id,
            placed_revision: order.placed_revision,
            request_id: RequestId(order.order_id.0),
            fingerprint: Fingerprint(2),
            payment_reference: payment_reference.to_owned(),
            amount_minor: order.total_minor,
            units: order.units,
            warehouses: order.warehouses.clone(),
            paid_at_ms: UnixMs(at),
        };
        self.push(StreamName::item(order.item), ItemEvent::Order(OrderEvent::Paid(paid)));
    }
}

/// What later events say about an order.
pub struct Order {
    pub item: ItemId,
    pub order_id: OrderId,
    pub placed_revision: u64,
    units: i64,
    total_minor: i64,
    warehouses: Vec<WarehouseUnits>,
}

impl Order {
    /// An event of an order of one unit, about this one.
    pub fn event(&self, mut event: OrderEvent) -> OrderEvent {
        macro_rules! about {
            ($e:ident) => {
                ($e.order_id, $e.placed_revision) = (self.order_id, self.placed_revision)
            };
        }
        match &mut event {
            OrderEvent::LimitGranted(e) => about!(e),
            OrderEvent::CouponApplied(e) => about!(e),
            OrderEvent::CouponDenied(e) => about!(e),
            OrderEvent::PaymentFailed(e) => about!(e),
            OrderEvent::HoldExtended(e) => about!(e),
            OrderEvent::Reinstated(e) => {
                about!(e);
                (e.units, e.warehouses) = (self.units, self.warehouses.clone());
            }
            OrderEvent::Refunded(e) => {
                about!(e);
                (e.units, e.units_left, e.amount_minor) = (self.units, 0, self.total_minor);
                e.warehouses.clone_from(&self.warehouses);
                e.act.request_id = RequestId(self.order_id.0);
            }
            OrderEvent::RefundSettled(e) => {
                about!(e);
                e.amount_minor = self.total_minor;
                e.due_id = self.item.due_id(RequestId(self.order_id.0));
            }
            OrderEvent::Placed(_)
            | OrderEvent::Paid(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::RefundDue(_) => {}
        }
        event
    }
}

pub fn currency() -> Currency {
    Currency::parse("currency", "EUR").unwrap()
}

pub fn act() -> Act {
    let (operator, reason) = ("olga".to_owned(), "planned".to_owned());
    let request_id = RequestId(Uuid::from_u128(9));
    Act { request_id, fingerprint: Fingerprint(9), operator, reason }
}

pub fn tick(second: i64, outcomes: &[(AttemptOutcome, u32)]) -> DemandTick {
    DemandTick {
        second,
        attempts: outcomes.iter().map(|(_, attempts)| attempts).sum(),
        outcomes: outcomes.iter().copied().collect(),
        channels: Default::default(),
        packed: String::new(),
    }
}

/// The sale and the lamp of the scripted sale.
pub fn scripted_ids() -> (SaleId, ItemId) {
    let sale = SaleId(Uuid::from_u128(0xabc));
    (sale, sale.item_id("lamp"))
}

/// One small sale with every kind of event. The second before 1,001,000 ms is the busy one.
pub fn scripted_sale() -> Log {
    let mut log = Log::default();
    let (sale, lamp) = scripted_ids();
    let sofa = sale.item_id("sofa");
    log.create_sale(sale, "Autumn", &[lamp, sofa]);
    for (item, sku) in [(lamp, "lamp"), (sofa, "sofa")] {
        log.add_item(sale, item, sku);
        let window = ItemScheduled {
            opens_at_ms: UnixMs(999_000),
            closes_at_ms: UnixMs(2_000_000),
            moved_ms: 0,
            sale_revision: None,
            act: None,
            scheduled_at_ms: None,
        };
        log.push(StreamName::item(item), ItemEvent::Offer(OfferEvent::Scheduled(window)));
    }
    let limits =
        PurchaseLimitSet { per_buyer: Some(5), per_order: Some(4), act: None, set_at_ms: None };
    log.push(StreamName::item(lamp), ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)));
    log.allocate(lamp, "north", 3);
    log.allocate(lamp, "south", 2);
    log.allocate(sofa, "north", 7);

    let ann = log.place(lamp, "ann", "app", &[("north", 1)], 1_000_100);
    let bob = log.place(lamp, "bob", "", &[("north", 2), ("south", 1)], 1_000_200);
    let cat = log.place(lamp, "cat", "web", &[("south", 1)], 1_000_900);
    use AttemptOutcome::{NotEnoughUnits, Placed, Repeated, SoldOut};
    let demand = StreamName::demand(lamp);
    log.push(demand, tick(1000, &[(Placed, 2), (Repeated, 1), (SoldOut, 4)]));
    log.push(demand, tick(1000, &[(Placed, 1), (SoldOut, 1), (NotEnoughUnits, 2)]));
    log.pay(&ann, "pay-ann", 1_001_200);
    log.cancel(&bob, 1_002_300);
    log.expire(&cat, 1_003_000);
    log.refund(&cat, 1_003_500);
    log.place(lamp, "dan", "", &[("north", 2), ("south", 2)], 1_004_000);

    let sofa = StreamName::item(sofa);
    let (paused, resumed) = (UnixMs(1_005_000), UnixMs(1_006_000));
    log.push(
        sofa,
        ItemEvent::Offer(OfferEvent::Paused(ItemPaused {
            act: act(),
            by_sale: false,
            paused_at_ms: paused,
        })),
    );
    log.push(
        sofa,
        ItemEvent::Offer(OfferEvent::Resumed(ItemResumed {
            act: act(),
            by_sale: false,
            resumed_at_ms: resumed,
        })),
    );
    log.push(
        sofa,
        ItemEvent::Offer(OfferEvent::Paused(ItemPaused {
            act: act(),
            by_sale: false,
            paused_at_ms: UnixMs(1_007_000),
        })),
    );
    steer_all(&mut log, sale, sofa);
    log.push(
        sofa,
        ItemEvent::Offer(OfferEvent::Closed(ItemClosed {
            act: act(),
            closed_at_ms: UnixMs(1_008_000),
        })),
    );
    let closed = SaleClosed { act: act(), closed_at_ms: UnixMs(1_009_000) };
    log.push(StreamName::sale(sale), SaleEvent::Closed(closed));
    log
}

/// A reserve of which a part is released, limits, and a pause of the whole sale that is over for the
/// sale and not yet for its item.
fn steer_all(log: &mut Log, sale: SaleId, item: StreamName) {
    let (at, warehouse) = (UnixMs(1_007_500), || "south".to_owned());
    let set = ReserveSet { warehouse: warehouse(), units: 5, act: act(), set_at_ms: at };
    log.push(item, ItemEvent::Stock(StockEvent::ReserveSet(set)));
    let released =
        ReserveReleased { warehouse: warehouse(), units: 2, act: act(), released_at_ms: at };
    log.push(item, ItemEvent::Stock(StockEvent::ReserveReleased(released)));
    let limits = PurchaseLimitSet {
        per_buyer: None,
        per_order: Some(2),
        act: Some(act()),
        set_at_ms: Some(at),
    };
    log.push(item, ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)));
    let sale = StreamName::sale(sale);
    log.push(sale, SaleEvent::Paused(SalePaused { act: act(), paused_at_ms: at }));
    let paused = ItemPaused { act: act(), by_sale: true, paused_at_ms: at };
    log.push(item, ItemEvent::Offer(OfferEvent::Paused(paused)));
    log.push(sale, SaleEvent::Resumed(SaleResumed { act: act(), resumed_at_ms: at }));
    let (from, until, longer) = (UnixMs(999_000), UnixMs(2_000_000), UnixMs(2_500_000));
    let rescheduled = SaleRescheduled {
        opens_at_ms_before: from,
        closes_at_ms_before: until,
        opens_at_ms: from,
        closes_at_ms: longer,
        act: act(),
        rescheduled_at_ms: at,
    };
    let revision = log.push(sale, SaleEvent::Rescheduled(rescheduled));
    let window = ItemScheduled {
        opens_at_ms: from,
        closes_at_ms: longer,
        moved_ms: 0,
        sale_revision: Some(revision),
        act: Some(act()),
        scheduled_at_ms: Some(at),
    };
    log.push(item, ItemEvent::Offer(OfferEvent::Scheduled(window)));
}

/// Three sales of two items each with many orders by few buyers, in every state, mixed by a fixed
/// generator.
pub fn busy_sale(orders: u32) -> Log {
    let mut log = Log::default();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut items = Vec::new();
    for number in 0..3 {
        let sale = busy_sale_id(number);
        let pair = ["one", "two"].map(|sku| sale.item_id(sku));
        log.create_sale(sale, &format!("Sale {number}"), &pair);
        for (item, sku) in pair.into_iter().zip(["one", "two"]) {
            log.add_item(sale, item, sku);
            log.allocate(item, "north", 1_000_000);
            log.allocate(item, "south", 1_000_000);
            items.push(item);
        }
    }
    let mut held = Vec::new();
    let mut at = 1_000_000;
    for _ in 0..orders {
        at += random(40) as i64;
        let item = items[random(items.len())];
        let buyer = format!("buyer-{}", random(20));
        let units = 1 + random(3) as i64;
        let from = [("north", units), ("south", 1)];
        let from = if random(5) == 0 { &from[..] } else { &from[..1] };
        held.push(log.place(item, &buyer, ["", "app", "web"][random(3)], from, at));
        if random(3) > 0 {
            let order = held.swap_remove(random(held.len()));
            match random(4) {
                0 => log.cancel(&order, at),
                1 => {
                    log.expire(&order, at);
                    log.refund(&order, at);
                }
                _ => log.pay(&order, &format!("pay-{at}"), at),
            }
        }
        if random(10) == 0 {
            let outcomes = [(AttemptOutcome::Placed, 1), (AttemptOutcome::SoldOut, 3)];
            log.push(StreamName::demand(item), tick(at / 1000, &outcomes));
        }
    }
    log
}

/// The sales of [`busy_sale`].
pub fn busy_sale_id(number: u128) -> SaleId {
    SaleId(Uuid::from_u128(0xb0_0000 + number))
}

/// Rows of a file as text, columns joined by bars.
pub fn cells(path: &Path, query: &str) -> Vec<String> {
    let rows = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut query = rows.prepare(query).unwrap();
    let columns = query.column_count();
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:?}"),
    };
    let found = query.query_map([], |row| {
        let cells: Vec<String> =
            (0..columns).map(|column| row.get(column).map(text)).collect::<Result<_, _>>()?;
        Ok(cells.join("|"))
    });
    found.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Every row that a projection wrote, without the bookkeeping that every file has.
pub fn all_rows(path: &Path) -> Vec<String> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'
                  AND name NOT IN ('checkpoint', 'streams') ORDER BY name";
    let tables = cells(path, tables);
    tables.iter().flat_map(|table| cells(path, &format!("SELECT * FROM {table}"))).collect()
}
