//! An item that lives in a test: what it was asked, what it recorded, and a second opinion on both.
//!
//! Every command is put to two items: the live one, and one rebuilt from the events recorded so
//! far. They must give the same answer. After every event a ledger that knows only the events is
//! compared with what the item shows. So each spec also tests rebuilding and stock keeping.

use std::collections::{BTreeMap, HashMap};

use doorbuster::{
    domain::{
        Caused, Decider, Decision,
        item::{
            AddItem, CancelOrder, Item, ItemCommand, ItemOutcome, ItemShown, OrderAct, OrderAction,
            PaymentFailure, PlaceOrder, RecordPayment, Steer, SteerAction,
        },
        snapshot::{Reader, Writer},
    },
    events::{
        Draw, ItemEvent, ItemPlan, OfferEvent, OrderEvent, Position, StockEvent, WarehouseUnits,
    },
    values::{Currency, DueId, ItemId, OrderId, RequestId, SaleId, UnixMs},
};
use uuid::Uuid;

pub type Decided = Decision<ItemEvent, ItemOutcome>;

/// The request that a test calls by this name.
pub fn request(name: &str) -> RequestId {
    RequestId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

/// The one sale and the one item of these tests.
pub fn sale_id() -> SaleId {
    SaleId::of_request(request("the-sale"))
}

pub fn item_id() -> ItemId {
    sale_id().item_id("SKU-1")
}

/// The order that the request of this name makes.
pub fn order_id(name: &str) -> OrderId {
    item_id().order_id(request(name))
}

pub fn cny() -> Currency {
    Currency::parse("currency", "CNY").unwrap()
}

/// Open from 0 to 10,000, price 10, 100 ms to pay, 10 units in the north, no limits.
pub fn plan() -> ItemPlan {
    ItemPlan {
        item_id: item_id(),
        sku: "SKU-1".to_owned(),
        title: "A very wanted thing".to_owned(),
        unit_price_minor: 10,
        opens_at_ms: UnixMs(0),
        closes_at_ms: UnixMs(10_000),
        limit_per_buyer: None,
        limit_per_order: None,
        time_to_pay_ms: 100,
        units: vec![units("north", 10)],
        reserve: Vec::new(),
        prices: None,
        offers: Vec::new(),
        audience: None,
        regions: Vec::new(),
        draw: Draw::Listed,
        reinstate_within_ms: None,
        reserve_plan: Vec::new(),
        suppliers: Vec::new(),
    }
}

pub fn units(warehouse: &str, units: i64) -> WarehouseUnits {
    WarehouseUnits { warehouse: warehouse.to_owned(), units }
}

pub fn add(plan: ItemPlan) -> ItemCommand {
    ItemCommand::Add(Box::new(AddItem {
        request_id: request("the-sale"),
        sale_id: sale_id(),
        currency: cny(),
        plan,
        sale_limit_per_buyer: None,
        operator: "olga".to_owned(),
    }))
}

pub fn place(name: &str, buyer: &str, units: i64) -> ItemCommand {
    place_from(name, buyer, units, "")
}

pub fn place_from(name: &str, buyer: &str, units: i64, channel: &str) -> ItemCommand {
    let (buyer, channel) = (buyer.to_owned(), channel.to_owned());
    ItemCommand::PlaceOrder(PlaceOrder::new(item_id(), request(name), buyer, units, channel))
}

pub fn pay(name: &str, order: &str, amount_minor: i64, reference: &str) -> ItemCommand {
    ItemCommand::RecordPayment(RecordPayment {
        request_id: request(name),
        order_id: order_id(order),
        payment_reference: reference.to_owned(),
        amount_minor,
        currency: cny(),
    })
}

pub fn cancel(name: &str, order: &str, buyer: &str) -> ItemCommand {
    ItemCommand::CancelOrder(CancelOrder {
        request_id: request(name),
        order_id: order_id(order),
        buyer: buyer.to_owned(),
    })
}

/// What operators do to orders.
pub fn act_on(name: &str, action: OrderAction) -> ItemCommand {
    let (operator, reason) = ("olga".to_owned(), "a test".to_owned());
    ItemCommand::OrderAct(OrderAct { request_id: request(name), operator, reason, action })
}

/// What became due because of the request of this name.
pub fn due_id(name: &str) -> DueId {
    item_id().due_id(request(name))
}

pub fn payment_failed(name: &str, order: &str, reference: &str, code: &str) -> ItemCommand {
    let (reference, code) = (reference.to_owned(), code.to_owned());
    let failure = PaymentFailure::new(request(name), order_id(order), reference, code);
    ItemCommand::PaymentFailed(failure.unwrap())
}

pub fn steer(name: &str, action: SteerAction) -> ItemCommand {
    let (operator, reason) = ("olga".to_owned(), "a test".to_owned());
    // Tables name warehouses as they need them; that new ones are said to be new is held elsewhere.
    let new_warehouse = true;
    ItemCommand::Steer(Steer { request_id: request(name), operator, reason, action, new_warehouse })
}

pub fn show_order(order: &str, buyer: &str) -> ItemCommand {
    ItemCommand::ShowOrder { order_id: order_id(order), buyer: Some(buyer.to_owned()) }
}

/// The item as it comes back from what is written of it, which is written alike again.
pub fn through_snapshot(item: &Item, revision: u64) -> Item {
    let parts = written(item);
    let mut next = parts.iter().cloned();
    let mut source = || next.next();
    let mut from = Reader::new(&mut source);
    let read = Item::read(item_id().0, revision, &mut from).unwrap();
    from.finish().unwrap();
    assert_eq!(written(&read), parts);
    read
}

/// The parts in which a state is written down.
pub fn written(item: &Item) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut sink = |part: &[u8]| {
        parts.push(part.to_vec());
        true
    };
    let mut to = Writer::new(&mut sink);
    assert!(item.write(&mut to), "everything has landed");
    assert!(to.finish());
    parts
}

/// Units of one warehouse, counted from the events alone.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub allocated: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
    pub reserve: i64,
}

/// The item under test and everything it recorded.
pub struct Live {
    pub item: Item,
    pub log: Vec<(ItemEvent, Position)>,
    pub ledger: BTreeMap<String, Line>,
    /// What each request was told first.
    firsts: HashMap<RequestId, (String, u64, Position)>,
    head: u64,
}

impl Live {
    /// An item that was never added.
    pub fn unknown() -> Self {
        Self {
            item: Item::initial(item_id().0),
            log: Vec::new(),
            ledger: BTreeMap::new(),
            firsts: HashMap::new(),
            head: 0,
        }
    }

    /// An item on offer, added at moment 0.
    pub fn offered(plan: ItemPlan) -> Self {
        let mut live = Self::unknown();
        live.run(add(plan), 0);
        live
    }

    /// The item as it comes back after a restart.
    pub fn rebuilt(&self) -> Item {
        let mut item = Item::initial(item_id().0);
        for ((event, position), revision) in self.log.iter().zip(0..) {
            item.evolve(event, revision);
            item.landed(revision, *position);
        }
        // One that comes out of a snapshot is the same.
        if self.log.is_empty() { item } else { through_snapshot(&item, self.log.len() as u64 - 1) }
    }

    /// Asks the item at a moment, records what came of it and lets it land in the log.
    pub fn run(&mut self, command: ItemCommand, at: i64) -> Decided {
        let decided = self.item.decide(command.clone(), UnixMs(at));
        let second = self.rebuilt().decide(command.clone(), UnixMs(at));
        assert_eq!(format!("{decided:?}"), format!("{second:?}"), "after a rebuild: {command:?}");

        let events = decided.events.iter().map(|caused| caused.event.clone());
        self.record(events.collect());
        let rebuilt = self.rebuilt().answer(second.outcome, UnixMs(at));
        let decided = decided.with_outcome(|from| self.item.answer(from, UnixMs(at)));
        assert_eq!(decided.outcome, rebuilt, "after a rebuild: {command:?}");
        if !decided.events.is_empty() {
            // What the reserve plan does follows the event that is answered.
            let by_plan = |caused: &&Caused<ItemEvent>| {
                caused.event.act().is_some_and(|act| act.operator == "doorbuster")
            };
            let follow = decided.events.iter().filter(by_plan).count() as u64;
            let own = self.log.len() as u64 - 1 - follow;
            let added = matches!(command, ItemCommand::Add(_));
            assert!(added || decided.revision == own, "revision of {command:?}");
        }
        self.compare_with_first(&command, &decided);
        decided
    }

    /// Lets time alone work.
    pub fn due(&mut self, at: i64, max: usize) -> Vec<ItemEvent> {
        let due = self.item.due(UnixMs(at), max);
        assert_eq!(due, self.rebuilt().due(UnixMs(at), max), "due after a rebuild");
        let events: Vec<_> = due.into_iter().map(|caused| caused.event).collect();
        self.record(events.clone());
        events
    }

    fn record(&mut self, events: Vec<ItemEvent>) {
        if events.is_empty() {
            return;
        }
        // Other streams write in between, so positions have gaps between two appends.
        self.head += 5;
        for event in events {
            self.head += 1;
            self.enter(&event);
            self.item.evolve(&event, self.log.len() as u64);
            self.log.push((event, Position(self.head)));
        }
        self.item.landed(self.log.len() as u64 - 1, Position(self.head));
        self.compare_with_ledger();
        assert_eq!(self.item.next_due(), self.rebuilt().next_due());
    }

    /// Books an event in the ledger.
    fn enter(&mut self, event: &ItemEvent) {
        let mut book = |warehouse: &str, change: fn(&mut Line, i64), units: i64| {
            change(self.ledger.entry(warehouse.to_owned()).or_default(), units);
        };
        let release = |line: &mut Line, units| {
            line.held -= units;
            line.available += units;
        };
        let grow = |line: &mut Line, units| {
            line.allocated += units;
            line.available += units;
        };
        let withdraw = |line: &mut Line, units| {
            line.allocated -= units;
            line.available -= units;
        };
        let (moved, change): (_, fn(&mut Line, i64)) = match event {
            ItemEvent::Stock(StockEvent::ReserveSet(set)) => {
                return book(&set.warehouse, |line, units| line.reserve = units, set.units);
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(released)) => {
                let release = |line: &mut Line, units| {
                    line.reserve -= units;
                    line.allocated += units;
                    line.available += units;
                };
                return book(&released.warehouse, release, released.units);
            }
            ItemEvent::Stock(StockEvent::Allocated(added)) => {
                return book(&added.warehouse, grow, added.units);
            }
            ItemEvent::Stock(StockEvent::Withdrawn(gone)) => {
                return book(&gone.warehouse, withdraw, gone.units);
            }
            ItemEvent::Stock(StockEvent::Moved(moved)) => {
                book(&moved.from, withdraw, moved.units);
                return book(&moved.to, grow, moved.units);
            }
            ItemEvent::Order(OrderEvent::Placed(placed)) => {
                let total: i64 = placed.warehouses.iter().map(|part| part.units).sum();
                assert_eq!(total, placed.units, "the parts of an order are the order");
                let hold = |line: &mut Line, units| {
                    line.available -= units;
                    line.held += units;
                };
                (&placed.warehouses, hold)
            }
            ItemEvent::Order(OrderEvent::Paid(paid)) => {
                let sell = |line: &mut Line, units| {
                    line.held -= units;
                    line.sold += units;
                };
                (&paid.warehouses, sell)
            }
            ItemEvent::Order(OrderEvent::Reinstated(back)) => {
                let hold = |line: &mut Line, units| {
                    line.available -= units;
                    line.held += units;
                };
                (&back.warehouses, hold)
            }
            ItemEvent::Order(OrderEvent::Refunded(back)) if back.restocked => {
                let restock = |line: &mut Line, units| {
                    line.sold -= units;
                    line.available += units;
                };
                (&back.warehouses, restock)
            }
            ItemEvent::Order(OrderEvent::Refunded(back)) => {
                let write_off = |line: &mut Line, units| {
                    line.sold -= units;
                    line.allocated -= units;
                };
                (&back.warehouses, write_off)
            }
            ItemEvent::Order(OrderEvent::Cancelled(cancelled)) => (&cancelled.warehouses, release),
            ItemEvent::Order(OrderEvent::Expired(expired)) => (&expired.warehouses, release),
            ItemEvent::Offer(OfferEvent::Added(_))
            | ItemEvent::Offer(OfferEvent::Scheduled(_))
            | ItemEvent::Offer(OfferEvent::PurchaseLimitSet(_))
            | ItemEvent::Offer(OfferEvent::Paused(_))
            | ItemEvent::Offer(OfferEvent::Resumed(_))
            | ItemEvent::Offer(OfferEvent::Closed(_))
            | ItemEvent::Offer(OfferEvent::PricesSet(_))
            | ItemEvent::Offer(OfferEvent::OffersSet(_))
            | ItemEvent::Offer(OfferEvent::GiftUnitsSet(_))
            | ItemEvent::Offer(OfferEvent::AudienceSet(_))
            | ItemEvent::Offer(OfferEvent::ReservePlanSet(_))
            | ItemEvent::Offer(OfferEvent::ReserveProposed(_))
            | ItemEvent::Order(OrderEvent::LimitGranted(_))
            | ItemEvent::Order(OrderEvent::CouponApplied(_))
            | ItemEvent::Order(OrderEvent::CouponDenied(_))
            | ItemEvent::Order(OrderEvent::PaymentFailed(_))
            | ItemEvent::Order(OrderEvent::HoldExtended(_))
            | ItemEvent::Order(OrderEvent::RefundSettled(_))
            | ItemEvent::Order(OrderEvent::RefundDue(_)) => return,
        };
        for part in moved {
            book(&part.warehouse, change, part.units);
        }
    }

    fn compare_with_ledger(&self) {
        let shown = self.item.show(ItemShown::Item, UnixMs(0));
        let ItemOutcome::Item(view) = shown else { panic!("an item with events can be shown") };
        let mut sum = Line::default();
        for (warehouse, line) in &self.ledger {
            assert!(
                line.available >= 0 && line.held >= 0 && line.sold >= 0 && line.reserve >= 0,
                "{warehouse} {line:?}"
            );
            assert_eq!(line.allocated, line.available + line.held + line.sold, "{warehouse}");
            let shown = view.available_by_warehouse.iter().find(|w| w.warehouse == *warehouse);
            assert_eq!(shown.map(|shown| shown.units), Some(line.available), "{warehouse}");
            let kept = view.reserve_by_warehouse.iter().find(|w| w.warehouse == *warehouse);
            assert_eq!(kept.map_or(0, |kept| kept.units), line.reserve, "{warehouse}");
            sum.reserve += line.reserve;
            sum.allocated += line.allocated;
            sum.available += line.available;
            sum.held += line.held;
            sum.sold += line.sold;
        }
        let units = view.units;
        assert_eq!((units.allocated, units.available), (sum.allocated, sum.available));
        assert_eq!((units.held, units.sold, units.reserve), (sum.held, sum.sold, sum.reserve));
    }

    /// A request that is answered with a place in the log gets the same answer every time.
    fn compare_with_first(&mut self, command: &ItemCommand, decided: &Decided) {
        let request = match command {
            // Its outcome is known once its coupon is decided.
            ItemCommand::PlaceOrder(place)
                if place.more.as_ref().is_some_and(|more| more.coupon.is_some()) =>
            {
                return;
            }
            ItemCommand::PlaceOrder(place) => place.request_id,
            ItemCommand::RecordPayment(payment) => payment.request_id,
            ItemCommand::CancelOrder(cancel) => cancel.request_id,
            ItemCommand::PaymentFailed(failure) => failure.request_id,
            ItemCommand::OrderAct(act) => act.request_id,
            ItemCommand::Steer(steer) => steer.request_id,
            ItemCommand::Add(_)
            | ItemCommand::Quote { .. }
            | ItemCommand::SettleAwait(_)
            | ItemCommand::Show
            | ItemCommand::ShowOrder { .. } => return,
        };
        let told = match &decided.outcome {
            // Who acts on an order, or tells of a failed payment, sees it as it is now.
            ItemOutcome::Order(_)
                if matches!(command, ItemCommand::PaymentFailed(_) | ItemCommand::OrderAct(_)) =>
            {
                "an order".to_owned()
            }
            ItemOutcome::Order(order) => format!("{order:?}"),
            ItemOutcome::Refused { refusal, .. } => format!("{refusal:?}"),
            // An operator who repeats a command sees the item as it is now.
            ItemOutcome::Item(_) => "an item".to_owned(),
            ItemOutcome::Quote { .. } | ItemOutcome::Misdirected(_) => return,
        };
        if let Some(position) = decided.position {
            if let Some(first) = self.firsts.get(&request) {
                assert_eq!(*first, (told, decided.revision, position), "not the first answer");
            }
        } else if !decided.events.is_empty() {
            // Events that the decision caused follow its own.
            let follow = self.log.len() as u64 - 1 - decided.revision;
            let position = Position(self.head).back(follow);
            self.firsts.insert(request, (told, decided.revision, position));
        }
    }
}
