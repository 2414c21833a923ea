//! What an item remembers, and how each event changes it.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    decide::{self, ItemOutcome},
    orders::{OrderState, Orders, ReceiptKind},
    stock::{Move, Stock},
};
use crate::{
    domain::{Caused, Decider, Decision, Moment},
    events::{
        Act, Event, ItemAdded, ItemEvent, OfferEvent, OrderEvent, Position, StockEvent,
        WarehouseUnits,
    },
    values::{Fingerprint, ItemId, RequestId, UnixMs},
};

/// The state of one item.
#[derive(Debug)]
pub struct Item {
    pub(super) id: ItemId,
    /// `None` until the item was added: there is no such item.
    pub(super) offer: Option<ItemAdded>,
    pub(super) opens_at: UnixMs,
    pub(super) closes_at: UnixMs,
    pub(super) limit_per_buyer: Option<i64>,
    pub(super) limit_per_order: Option<i64>,
    pub(super) paused: bool,
    /// Its sale is paused. An item takes orders while neither is.
    pub(super) sale_paused: bool,
    pub(super) closed: bool,
    pub(super) stock: Stock,
    pub(super) orders: Orders,
    /// What operators did, for those who ask again.
    pub(super) acts: HashMap<RequestId, ActReceipt>,
    /// How many of them have a position.
    acts_landed: usize,
    /// The latest stamp in the stream: stamps never run backwards. Rules do not look at it.
    pub(super) last_at: UnixMs,
    /// Revision of the last event; meaningless before the first.
    pub(super) revision: u64,
    /// Revision the next event gets.
    pub(super) next_revision: u64,
}

/// An operator's command that was carried out.
#[derive(Debug)]
pub(super) struct ActReceipt {
    pub(super) fingerprint: Fingerprint,
    pub(super) revision: u64,
    /// `Position::START` until it is known to stand in the log.
    pub(super) position: Position,
}

impl Decider for Item {
    type Command = super::ItemCommand;
    type Event = ItemEvent;
    type Outcome = ItemOutcome;

    fn initial(id: Uuid) -> Self {
        Self {
            id: ItemId(id),
            offer: None,
            opens_at: UnixMs::default(),
            closes_at: UnixMs::LATEST,
            limit_per_buyer: None,
            limit_per_order: None,
            paused: false,
            sale_paused: false,
            closed: false,
            stock: Stock::default(),
            orders: Orders::default(),
            acts: HashMap::new(),
            acts_landed: 0,
            last_at: UnixMs::default(),
            revision: 0,
            next_revision: 0,
        }
    }

    fn decide(&self, command: Self::Command, now: UnixMs) -> Decision<ItemEvent, ItemOutcome> {
        decide::decide(self, command, Moment::after(self.last_at, now))
    }

    fn evolve(&mut self, event: &ItemEvent, revision: u64) {
        if let Some(at) = event.at() {
            self.last_at = self.last_at.max(at);
        }
        self.revision = revision;
        self.next_revision = revision + 1;
        match event {
            ItemEvent::Offer(OfferEvent::Added(added)) => self.offer = Some(added.clone()),
            ItemEvent::Offer(OfferEvent::Scheduled(window)) => {
                self.opens_at = window.opens_at_ms;
                self.closes_at = window.closes_at_ms;
            }
            ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)) => {
                self.limit_per_buyer = limits.per_buyer;
                self.limit_per_order = limits.per_order;
                if let Some(act) = &limits.act {
                    self.remember(act, revision);
                }
            }
            ItemEvent::Stock(StockEvent::Allocated(added)) => {
                self.stock.apply(Move::Allocate, &added.warehouse, added.units);
                self.remember(&added.act, revision);
            }
            ItemEvent::Stock(StockEvent::ReserveSet(reserve)) => {
                self.stock.set_reserve(&reserve.warehouse, reserve.units);
                self.remember(&reserve.act, revision);
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(released)) => {
                self.stock.apply(Move::ReleaseReserve, &released.warehouse, released.units);
                self.remember(&released.act, revision);
            }
            ItemEvent::Offer(OfferEvent::Paused(paused)) => {
                *self.pause_flag(paused.by_sale) = true;
                self.remember(&paused.act, revision);
            }
            ItemEvent::Offer(OfferEvent::Resumed(resumed)) => {
                *self.pause_flag(resumed.by_sale) = false;
                self.remember(&resumed.act, revision);
            }
            ItemEvent::Offer(OfferEvent::Closed(closed)) => {
                self.closed = true;
                self.remember(&closed.act, revision);
            }
            ItemEvent::Order(OrderEvent::Placed(placed)) => {
                self.move_stock(Move::Hold, &placed.warehouses);
                self.orders.place(placed, revision, |warehouse| self.stock.index(warehouse));
            }
            ItemEvent::Order(OrderEvent::Paid(paid)) => {
                self.move_stock(Move::Sell, &paid.warehouses);
                if let Some(row) = self.orders.find(paid.order_id) {
                    self.orders.settle(row, OrderState::Paid);
                    self.orders.keep(
                        paid.request_id,
                        paid.fingerprint,
                        row,
                        revision,
                        ReceiptKind::Paid,
                        Some(&paid.payment_reference),
                    );
                }
            }
            ItemEvent::Order(OrderEvent::Cancelled(cancelled)) => {
                self.move_stock(Move::Release, &cancelled.warehouses);
                if let Some(row) = self.orders.find(cancelled.order_id) {
                    self.orders.settle(row, OrderState::Cancelled);
                    self.orders.keep(
                        cancelled.request_id,
                        cancelled.fingerprint,
                        row,
                        revision,
                        ReceiptKind::Cancelled,
                        None,
                    );
                }
            }
            ItemEvent::Order(OrderEvent::Expired(expired)) => {
                self.move_stock(Move::Release, &expired.warehouses);
                if let Some(row) = self.orders.find(expired.order_id) {
                    self.orders.settle(row, OrderState::Expired);
                }
            }
            ItemEvent::Order(OrderEvent::RefundDue(due)) => {
                if let Some(row) = self.orders.find(due.order_id) {
                    self.orders.keep(
                        due.request_id,
                        due.fingerprint,
                        row,
                        revision,
                        ReceiptKind::RefundDue(due.cause),
                        Some(&due.payment_reference),
                    );
                }
            }
        }
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.orders.landed(revision, position);
        if self.acts_landed < self.acts.len() {
            let flying = self.acts.values_mut().filter(|act| act.position == Position::START);
            for act in flying.filter(|act| act.revision <= revision) {
                act.position = Position(position.0.saturating_sub(revision - act.revision));
                self.acts_landed += 1;
            }
        }
    }

    fn due(&self, now: UnixMs, max: usize) -> Vec<Caused<ItemEvent>> {
        let at = Moment::after(self.last_at, now);
        let expire = |row| decide::expiry(self, row, at.before_move(self.orders.moved_ms(row)));
        self.orders.due(now, max).into_iter().map(expire).collect()
    }

    fn next_due(&self) -> Option<UnixMs> {
        self.orders.next_deadline()
    }

    fn clock_moved(&mut self, by_ms: i64) {
        self.orders.move_deadlines(by_ms);
    }

    fn pick(event: Event) -> Option<ItemEvent> {
        match event {
            Event::Item(event) => Some(event),
            Event::Sale(_)
            | Event::Demand(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_) => None,
        }
    }
}

impl Item {
    fn move_stock(&mut self, change: Move, warehouses: &[WarehouseUnits]) {
        for WarehouseUnits { warehouse, units } in warehouses {
            self.stock.apply(change, warehouse, *units);
        }
    }

    /// What keeps it from taking orders: itself or its sale.
    fn pause_flag(&mut self, by_sale: bool) -> &mut bool {
        if by_sale { &mut self.sale_paused } else { &mut self.paused }
    }

    fn remember(&mut self, act: &Act, revision: u64) {
        let position = Position::START;
        let receipt = ActReceipt { fingerprint: act.fingerprint, revision, position };
        self.acts.entry(act.request_id).or_insert(receipt);
    }
}
