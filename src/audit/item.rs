//! The rules of an item, judged from its events alone.
//!
//! Nothing here asks what a command should have done. It asks of each event: given everything that
//! stands before it, may this have happened? After an event that may not, it carries on as well as
//! it can, so that one mistake does not hide the next.

use std::collections::HashSet;

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{
        Closed, Id, ItemAdded, ItemPaused, ItemResumed, ItemScheduled, OrderCancelled,
        OrderExpired, OrderPaid, OrderPlaced, PurchaseLimitSet, RefundCause, RefundDue,
        StockAllocated, WarehouseUnits,
    },
    chain,
    orders::{From, NewOrder, Orders, State},
    sale::{Plan, Plans},
    stock::Stock,
};

/// Most units that one order can have.
const ORDER_UNITS_MAX: i64 = 1_000_000;

/// What is remembered of one item.
pub(super) struct ItemBook {
    id: Uuid,
    offer: Option<Offer>,
    /// The events that put the item up are still coming.
    adding: bool,
    opens_at_ms: i64,
    closes_at_ms: i64,
    limit_per_buyer: Option<i64>,
    limit_per_order: Option<i64>,
    paused: bool,
    closed: bool,
    stock: Stock,
    orders: Orders,
    /// Ids of the first event of each request that placed no order.
    requests: HashSet<Uuid>,
    last_at_ms: i64,
}

struct Offer {
    sale: Uuid,
    request: Uuid,
    unit_price_minor: i64,
    time_to_pay_ms: i64,
}

/// What all three ends of an order state.
struct Settlement<'a> {
    order: Uuid,
    placed_revision: u64,
    units: i64,
    warehouses: &'a [WarehouseUnits<'a>],
    state: State,
    at_ms: i64,
}

type Say<'a> = &'a mut dyn FnMut(String);
type Read = Result<(), serde_json::Error>;

impl ItemBook {
    pub(super) fn new(id: Uuid) -> Self {
        Self {
            id,
            offer: None,
            adding: false,
            opens_at_ms: 0,
            closes_at_ms: i64::MAX,
            limit_per_buyer: None,
            limit_per_order: None,
            paused: false,
            closed: false,
            stock: Stock::default(),
            orders: Orders::default(),
            requests: HashSet::new(),
            last_at_ms: 0,
        }
    }

    /// Orders placed so far.
    pub(super) fn orders(&self) -> u64 {
        self.orders.count()
    }

    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(&mut self, event: &Event<'_>, plans: &Plans, say: Say<'_>) -> Read {
        if event.kind != "ItemAdded" && self.offer.is_none() {
            say("something happens to an item that was never added".to_owned());
        }
        let setup = matches!(event.kind, "ItemScheduled" | "PurchaseLimitSet" | "StockAllocated");
        self.adding &= setup;
        match event.kind {
            "OrderPlaced" => self.placed(event, say),
            "OrderPaid" => self.paid(event, say),
            "OrderCancelled" => self.cancelled(event, say),
            "OrderExpired" => self.expired(event, say),
            "RefundDue" => self.refund_due(event, say),
            "ItemAdded" => self.added(event, plans, say),
            "ItemScheduled" => self.scheduled(event, say),
            "PurchaseLimitSet" => self.limit_set(event, say),
            "StockAllocated" => self.allocated(event, say),
            "ItemPaused" => self.pause(event, say),
            "ItemResumed" => self.resume(event, say),
            "ItemClosed" => self.close(event, say),
            kind => {
                say(format!("no event of an item is called {kind:?}"));
                Ok(())
            }
        }
    }

    fn added(&mut self, event: &Event<'_>, plans: &Plans, say: Say<'_>) -> Read {
        let added: ItemAdded<'_> = serde_json::from_slice(event.data)?;
        let sale = added.sale_id.0;
        if self.offer.is_some() {
            say("the item is added twice".to_owned());
        }
        self.time(added.added_at_ms, say);
        self.caused_by(event, event.causation, 0, say);
        event.check_story(sale, event.causation, say);
        if self.id != chain::item_id(sale, &added.sku) {
            say(format!("the item's id is not the one of SKU {:?} in its sale", added.sku));
        }
        if added.unit_price_minor < 1 || added.time_to_pay_ms < 1 {
            say("the item has no price or no time to pay".to_owned());
        }
        let told = Plan {
            sale,
            sku: added.sku.into_owned(),
            title: added.title.into_owned(),
            currency: added.currency.into_owned(),
            unit_price_minor: added.unit_price_minor,
            time_to_pay_ms: added.time_to_pay_ms,
        };
        if plans.get(&self.id).is_some_and(|plan| *plan != told) {
            say("the item is not what its sale planned".to_owned());
        }
        self.offer = Some(Offer {
            sale,
            request: event.causation,
            unit_price_minor: told.unit_price_minor,
            time_to_pay_ms: told.time_to_pay_ms,
        });
        self.adding = true;
        Ok(())
    }

    fn scheduled(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let window: ItemScheduled = serde_json::from_slice(event.data)?;
        if window.opens_at_ms >= window.closes_at_ms {
            say("the item closes before it opens".to_owned());
        }
        self.steered(event, event.causation, say);
        self.opens_at_ms = window.opens_at_ms;
        self.closes_at_ms = window.closes_at_ms;
        Ok(())
    }

    fn limit_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let limits: PurchaseLimitSet = serde_json::from_slice(event.data)?;
        if [limits.per_buyer, limits.per_order].into_iter().flatten().any(|limit| limit < 1) {
            say("a limit is below one unit".to_owned());
        }
        self.steered(event, event.causation, say);
        self.limit_per_buyer = limits.per_buyer;
        self.limit_per_order = limits.per_order;
        Ok(())
    }

    fn allocated(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let allocated: StockAllocated<'_> = serde_json::from_slice(event.data)?;
        self.time(allocated.allocated_at_ms, say);
        self.steered(event, allocated.act.request_id.0, say);
        if allocated.units < 0 {
            say(format!("{} units are allocated", allocated.units));
        }
        if self.closed {
            say("units are allocated to a closed item".to_owned());
        }
        self.stock.allocate(&allocated.warehouse, allocated.units);
        self.count(say);
        Ok(())
    }

    fn pause(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let paused: ItemPaused = serde_json::from_slice(event.data)?;
        self.time(paused.paused_at_ms, say);
        self.steered(event, paused.act.request_id.0, say);
        if self.paused || self.closed {
            say("an item is paused that is paused or closed already".to_owned());
        }
        self.paused = true;
        Ok(())
    }

    fn resume(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let resumed: ItemResumed = serde_json::from_slice(event.data)?;
        self.time(resumed.resumed_at_ms, say);
        self.steered(event, resumed.act.request_id.0, say);
        if !self.paused || self.closed {
            say("an item is resumed that is not paused, or closed".to_owned());
        }
        self.paused = false;
        Ok(())
    }

    fn close(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let closed: Closed = serde_json::from_slice(event.data)?;
        self.time(closed.closed_at_ms, say);
        self.steered(event, closed.act.request_id.0, say);
        if self.closed {
            say("the item is closed twice".to_owned());
        }
        self.closed = true;
        Ok(())
    }

    fn placed(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let placed: OrderPlaced<'_> = serde_json::from_slice(event.data)?;
        let order = placed.order_id.0;
        self.time(placed.placed_at_ms, say);
        if event.id != order || event.id != chain::event_id(self.id, placed.request_id.0, 0) {
            say(format!(
                "order {order} does not have the id that request {} makes",
                placed.request_id.0
            ));
        }
        event.check_story(order, placed.request_id.0, say);
        self.check_terms(&placed, say);
        if self.orders.find(order).is_some() {
            say(format!("order {order} is placed twice (request {})", placed.request_id.0));
            return Ok(());
        }
        if self.requests.contains(&event.id) {
            say(format!("request id {} is used twice on this item", placed.request_id.0));
        }
        self.hold(&placed, event.revision, say);
        Ok(())
    }

    /// Window, pauses, limit per order, price and deadline in force.
    fn check_terms(&self, placed: &OrderPlaced<'_>, say: Say<'_>) {
        let at_ms = placed.placed_at_ms;
        if at_ms < self.opens_at_ms || at_ms >= self.closes_at_ms {
            say("the order is placed outside the item's window".to_owned());
        }
        if self.paused {
            say("the order is placed while the item is paused".to_owned());
        }
        if self.closed {
            say("the order is placed after the item was closed".to_owned());
        }
        if let Some(limit) = self.limit_per_order.filter(|limit| placed.units > *limit) {
            say(format!(
                "the order has {} units, but the limit per order is {limit}",
                placed.units
            ));
        }
        if placed.buyer.is_empty() {
            say("the order has no buyer".to_owned());
        }
        if let Some(offer) = &self.offer {
            if placed.unit_price_minor != offer.unit_price_minor {
                let (wrong, right) = (placed.unit_price_minor, offer.unit_price_minor);
                say(format!("the order's unit price is {wrong}, but the item's is {right}"));
            }
            if placed.pay_by_ms != at_ms.saturating_add(offer.time_to_pay_ms) {
                say("the order's deadline is not the item's time to pay after it".to_owned());
            }
        }
    }

    /// Holds the units of a new order and judges what that does to stock and limit.
    fn hold(&mut self, placed: &OrderPlaced<'_>, revision: u64, say: Say<'_>) {
        let sum: i128 = placed.warehouses.iter().map(|part| i128::from(part.units)).sum();
        if sum != i128::from(placed.units) || placed.warehouses.iter().any(|part| part.units < 1) {
            say(format!(
                "the order has {} units, but its warehouses do not add up to that",
                placed.units
            ));
        }
        let units = match u32::try_from(placed.units) {
            Ok(units) if (1..=ORDER_UNITS_MAX).contains(&placed.units) => units,
            _ => {
                say(format!("an order cannot have {} units", placed.units));
                return;
            }
        };
        let (from, held) = match self.stock.only(&placed.warehouses, placed.units) {
            Some(warehouse) => {
                (From::One(warehouse), self.stock.hold(&[(warehouse, placed.units)]))
            }
            None => {
                let parts = self.stock.parts(&placed.warehouses);
                let held = self.stock.hold(&parts);
                (self.orders.split(parts), held)
            }
        };
        if let Err(oversold) = held {
            say(oversold);
        } else {
            self.count(say);
        }
        let buyer_units = self.orders.place(&NewOrder {
            id: placed.order_id.0,
            buyer: &placed.buyer,
            units,
            pay_by_ms: placed.pay_by_ms,
            unit_price_minor: placed.unit_price_minor,
            revision,
            from,
        });
        if let Some(limit) =
            self.limit_per_buyer.filter(|limit| i128::from(buyer_units) > (*limit).into())
        {
            say(format!(
                "buyer {:?} has {buyer_units} units now, but the limit per buyer is {limit}",
                placed.buyer
            ));
        }
    }

    fn paid(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let paid: OrderPaid<'_> = serde_json::from_slice(event.data)?;
        let order = paid.order_id.0;
        self.time(paid.paid_at_ms, say);
        self.requested(event, order, paid.request_id, say);
        self.settle(
            &Settlement {
                order,
                placed_revision: paid.placed_revision,
                units: paid.units,
                warehouses: &paid.warehouses,
                state: State::Paid,
                at_ms: paid.paid_at_ms,
            },
            say,
        );
        self.check_amount(order, paid.amount_minor, say);
        Ok(())
    }

    fn cancelled(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let cancelled: OrderCancelled<'_> = serde_json::from_slice(event.data)?;
        let order = cancelled.order_id.0;
        self.time(cancelled.cancelled_at_ms, say);
        self.requested(event, order, cancelled.request_id, say);
        self.settle(
            &Settlement {
                order,
                placed_revision: cancelled.placed_revision,
                units: cancelled.units,
                warehouses: &cancelled.warehouses,
                state: State::Cancelled,
                at_ms: cancelled.cancelled_at_ms,
            },
            say,
        );
        Ok(())
    }

    fn expired(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let expired: OrderExpired<'_> = serde_json::from_slice(event.data)?;
        let order = expired.order_id.0;
        self.time(expired.expired_at_ms, say);
        if event.id != chain::expiry_id(order) {
            say(format!("the event id is not the one that the end of order {order} makes"));
        }
        event.check_story(order, order, say);
        self.settle(
            &Settlement {
                order,
                placed_revision: expired.placed_revision,
                units: expired.units,
                warehouses: &expired.warehouses,
                state: State::Expired,
                at_ms: expired.expired_at_ms,
            },
            say,
        );
        Ok(())
    }

    fn refund_due(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let due: RefundDue<'_> = serde_json::from_slice(event.data)?;
        let order = due.order_id.0;
        self.time(due.due_at_ms, say);
        self.requested(event, order, due.request_id, say);
        let Some(row) = self.orders.find(order).map(|row| self.orders.row(row)) else {
            say(format!("a refund is due for order {order}, which was never placed"));
            return Ok(());
        };
        if row.revision != due.placed_revision {
            say(format!("order {order} was not placed at revision {}", due.placed_revision));
        }
        let state = match due.cause {
            RefundCause::OrderExpired => State::Expired,
            RefundCause::OrderCancelled => State::Cancelled,
            RefundCause::AlreadyPaid => State::Paid,
        };
        if row.state != state {
            say(format!("the refund for order {order} names a cause that is not so"));
        }
        self.check_amount(order, due.amount_minor, say);
        Ok(())
    }

    /// Ends a hold and judges whether it may end so and now.
    fn settle(&mut self, end: &Settlement<'_>, say: Say<'_>) {
        let Settlement { order, state, at_ms, .. } = *end;
        let verb = state.verb();
        let Some(number) = self.orders.find(order) else {
            say(format!("order {order} is {verb}, but it was never placed"));
            return;
        };
        let row = self.orders.row(number);
        if row.revision != end.placed_revision {
            say(format!("order {order} was not placed at revision {}", end.placed_revision));
        }
        if row.state != State::Held {
            let first = row.state.verb();
            say(format!("order {order} ends twice: it is {verb}, but it was {first} before"));
            return;
        }
        match state {
            State::Paid | State::Cancelled if at_ms >= row.pay_by_ms => {
                say(format!("order {order} is {verb} at or after its deadline"));
            }
            State::Expired if at_ms < row.pay_by_ms => {
                say(format!("order {order} is {verb} before its deadline"));
            }
            State::Held | State::Paid | State::Cancelled | State::Expired => {}
        }
        let parts = self.orders.parts(row.from, row.units);
        if end.units != i64::from(row.units) || self.stock.parts(end.warehouses) != parts {
            say(format!("order {order} is {verb} with other units or warehouses than it held"));
        }
        if state == State::Paid {
            self.stock.sell(&parts);
        } else {
            self.stock.release(&parts);
        }
        self.orders.settle(number, state);
        self.count(say);
    }

    fn check_amount(&self, order: Uuid, amount_minor: i64, say: Say<'_>) {
        let Some(row) = self.orders.find(order).map(|row| self.orders.row(row)) else { return };
        let total = i128::from(row.unit_price_minor) * i128::from(row.units);
        if i128::from(amount_minor) != total {
            say(format!(
                "the payment for order {order} is {amount_minor}, but its total is {total}"
            ));
        }
    }

    fn count(&self, say: Say<'_>) {
        if let Err(wrong) = self.stock.check() {
            say(wrong);
        }
    }

    fn time(&mut self, at_ms: i64, say: Say<'_>) {
        if at_ms < self.last_at_ms {
            say(format!("time runs backwards: {at_ms} comes after {}", self.last_at_ms));
        }
        self.last_at_ms = self.last_at_ms.max(at_ms);
    }

    /// An event about an order that a request of its own caused.
    fn requested(&mut self, event: &Event<'_>, order: Uuid, request: Id, say: Say<'_>) {
        self.caused_by(event, request.0, 0, say);
        event.check_story(order, request.0, say);
    }

    /// An event that an operator's request caused, or the request that put the item up.
    fn steered(&mut self, event: &Event<'_>, request: Uuid, say: Say<'_>) {
        let Some(Offer { sale, request: adding, .. }) = self.offer else { return };
        event.check_story(sale, request, say);
        // The events that put the item up are numbered, and their request is theirs already.
        self.adding &= request == adding;
        match u8::try_from(event.revision) {
            Ok(index) if self.adding => {
                if event.id != chain::event_id(self.id, request, index) {
                    say(format!("the event id is not the one that request {request} makes"));
                }
            }
            _ => self.caused_by(event, request, 0, say),
        }
    }

    fn caused_by(&mut self, event: &Event<'_>, request: Uuid, index: u8, say: Say<'_>) {
        if event.id != chain::event_id(self.id, request, index) {
            say(format!("the event id is not the one that request {request} makes"));
        }
        let first = chain::event_id(self.id, request, 0);
        if !self.requests.insert(first) || self.orders.find(first).is_some() {
            say(format!("request id {request} is used twice on this item"));
        }
    }
}

impl State {
    fn verb(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}
