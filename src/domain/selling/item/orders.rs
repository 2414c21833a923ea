//! The orders of an item and their buyers, in little memory: at most 128 bytes for a live order.
//!
//! An item keeps all of its orders, because a repeated request always gets its first answer. Rows
//! are therefore plain numbers in blocks that never move, and are found by open-addressing tables
//! of row numbers.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

mod awaited;
mod blocks;
mod bulk;
mod buyers;
mod derived;
mod holds;
mod id_hash;
mod life;
mod prices;
mod snapshot;
mod story;
mod terms;

pub use awaited::Awaited;
pub use story::Due;
pub use terms::Terms;

use self::{
    awaited::AwaitedOrders,
    blocks::Blocks,
    bulk::Bulk,
    buyers::Buyers,
    holds::Holds,
    id_hash::IdHash,
    story::{Dues, Story},
    terms::{KnownTerms, TermsAt},
};
use super::index::Index;
use crate::{
    events::{OrderPlaced, OrderReferences, OrderState, Position, RefundCause, WarehouseUnits},
    values::{Fingerprint, OrderId, RequestId, UnixMs, narrow, short},
};

/// Which warehouses an order's units are from: nearly always one.
#[derive(Debug, Clone, Copy)]
pub enum Split {
    One(u16),
    /// Kept beside the rows, by row number.
    Many,
}

/// One order.
#[derive(Debug, Clone)]
pub struct Row {
    pub order_id: OrderId,
    pub fingerprint: Fingerprint,
    pub placed_at: UnixMs,
    pub pay_by: UnixMs,
    /// What is to be paid.
    pub total_minor: i64,
    pub revision: u64,
    /// Meaningless before the row has landed: see [`Orders::position`].
    position: Position,
    pub buyer: u32,
    pub units: u32,
    pub split: Split,
    pub state: OrderState,
    /// Number of the ladder that its units count on; 0 where the item had none.
    pub ladder: u8,
    terms: TermsAt,
}

/// The outcome of a payment or a cancellation, kept for repeated requests.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub order: u32,
    pub revision: u64,
    /// [`Position::START`] until it is known to stand in the log.
    position: Position,
    pub kind: ReceiptKind,
    /// Fingerprint of order and payment reference; 0 for cancellations. Without a key of this process,
    /// because it is written down and the reference is not.
    payment: u64,
}

/// Which kind of answer a receipt repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptKind {
    Paid,
    Cancelled,
    RefundDue(RefundCause),
    /// The order as it stands: to whoever asks for such a thing, that is the answer.
    AsItStands,
}

impl Receipt {
    /// Absent until it is known to stand in the log.
    pub fn position(&self) -> Option<Position> {
        (self.position != Position::START).then_some(self.position)
    }
}

/// All orders of one item.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    hasher: RandomState,
    rows: Blocks<Row>,
    id_hash: IdHash,
    by_id: Index,
    buyers: Buyers,
    /// Parts of the orders that span warehouses.
    splits: HashMap<u32, Vec<WarehouseUnits>>,
    terms: KnownTerms,
    /// What the shop calls the orders for which it gave references.
    references: HashMap<u32, Box<OrderReferences>>,
    /// Number of the region, among those of the item, of each order that named one and may come back.
    regions: HashMap<u32, u16>,
    /// Of the orders to which more happened than that they were placed and settled.
    stories: HashMap<u32, Story>,
    awaited: AwaitedOrders,
    dues: Dues,
    receipts: Blocks<Receipt>,
    by_request: Index,
    by_payment: Index,
    /// When held orders expire.
    holds: Holds,
    /// While many events are applied one after the other.
    bulk: Option<Bulk>,
    /// By how much deadlines were moved with the clock, and the first row that was placed later.
    moves: Vec<(u32, i64)>,
    /// Rows and receipts from here on have no position yet.
    landed_rows: u32,
    landed_receipts: u32,
}

impl Orders {
    /// The order's row number.
    pub fn find(&self, order: OrderId) -> Option<u32> {
        let hash = self.id_hash.of(order);
        self.by_id.find(hash, |row| self.row(row).order_id == order)
    }

    /// The row with that number.
    pub fn row(&self, row: u32) -> &Row {
        &self.rows[row]
    }

    fn row_mut(&mut self, row: u32) -> &mut Row {
        &mut self.rows[row]
    }

    /// Where the order stands in the log; `None` until that is known.
    pub fn position(&self, row: u32) -> Option<Position> {
        (row < self.landed_rows).then(|| self.row(row).position)
    }

    /// The row number that the next order gets.
    pub fn next_row(&self) -> u32 {
        self.rows.len()
    }

    /// What the shop calls the order; `None` where it gave no references.
    pub fn references(&self, row: u32) -> Option<&OrderReferences> {
        if self.references.is_empty() {
            return None;
        }
        self.references.get(&row).map(Box::as_ref)
    }

    /// The buyer's id, as it was given.
    pub fn buyer(&self, row: &Row) -> &str {
        self.buyers.id(row.buyer)
    }

    /// Units that the buyer holds or has paid for.
    pub fn units_of(&self, buyer: &str) -> i64 {
        self.buyers.find(&self.hasher, buyer).map_or(0, |buyer| self.buyers.units(buyer))
    }

    /// Adds an order, unless it was placed before; among many events that is seen at their end. `ladder` is the number of the ladder that its units
    /// count on; `warehouse` gives a warehouse's number.
    pub fn place(
        &mut self,
        event: &OrderPlaced,
        revision: u64,
        ladder: u8,
        warehouse: impl Fn(&str) -> Option<u32>,
    ) -> bool {
        let hash = self.id_hash.of(event.order_id);
        let is_known = |row| self.row(row).order_id == event.order_id;
        if !self.is_without_ids() && self.by_id.find(hash, is_known).is_some() {
            return false;
        }
        // `decode` reads no order of more units than fit.
        let units = short(narrow(event.units.cast_unsigned()));
        let buyer = self.buyers.number(&self.hasher, &event.buyer);
        self.buyers.add(buyer, units.into());
        let row = self.rows.len();
        let split = self.split(row, &event.warehouses, warehouse);
        let terms = self.terms.keep(&self.hasher, row, event);
        if let Some(references) = event.references() {
            self.references.insert(row, Box::new(references));
        }
        self.awaited.add(event, row);
        self.rows.push(Row {
            order_id: event.order_id,
            fingerprint: event.fingerprint,
            placed_at: event.placed_at_ms,
            pay_by: event.pay_by_ms,
            total_minor: event.total(),
            revision,
            position: Position::default(),
            buyer,
            units,
            split,
            state: OrderState::Held,
            ladder,
            terms,
        });
        let Self { id_hash, rows, by_id, .. } = self;
        match &mut self.bulk {
            Some(bulk) if bulk.is_without_ids() => bulk.note(revision, row),
            _ => by_id.insert(hash, row, |row| id_hash.of(rows[row].order_id)),
        }
        if self.bulk.is_none() {
            self.holds.add(event.pay_by_ms, row, false);
        }
        true
    }

    fn is_without_ids(&self) -> bool {
        self.bulk.as_ref().is_some_and(Bulk::is_without_ids)
    }

    fn split(
        &mut self,
        row: u32,
        units: &[WarehouseUnits],
        warehouse: impl Fn(&str) -> Option<u32>,
    ) -> Split {
        let index = match units {
            [only] => warehouse(&only.warehouse).and_then(|index| u16::try_from(index).ok()),
            _ => None,
        };
        index.map(Split::One).unwrap_or_else(|| {
            self.splits.insert(row, units.to_vec());
            Split::Many
        })
    }

    /// Whether these are the units that the order was placed with. `warehouse` gives a warehouse's
    /// number.
    pub fn has_units(
        &self,
        order: u32,
        units: &[WarehouseUnits],
        warehouse: impl Fn(&str) -> Option<u32>,
    ) -> bool {
        let row = self.row(order);
        match (row.split, units) {
            (Split::One(index), [only]) => {
                only.units == i64::from(row.units)
                    && warehouse(&only.warehouse) == Some(u32::from(index))
            }
            (Split::One(_), _) => false,
            (Split::Many, units) => self.splits.get(&order).is_some_and(|split| split == units),
        }
    }

    /// Ends a hold. Units of an order that is not paid are the buyer's no longer.
    pub fn settle(&mut self, order: u32, state: OrderState) {
        let row = self.row_mut(order);
        row.state = state;
        let (buyer, units) = (row.buyer, i64::from(row.units));
        if state != OrderState::Paid {
            self.buyers.add(buyer, -units);
        }
        // Of the ends of a hold only its expiry is taken back.
        if state != OrderState::Expired {
            self.regions.remove(&order);
        }
        self.drop_deadline(order);
    }

    /// Holds the units of an order again that expired, from these warehouses. Its payment settles it
    /// before any deadline.
    pub fn reinstate(
        &mut self,
        order: u32,
        units: &[WarehouseUnits],
        warehouse: impl Fn(&str) -> Option<u32>,
    ) {
        self.splits.remove(&order);
        let split = self.split(order, units, warehouse);
        let row = self.row_mut(order);
        (row.split, row.state) = (split, OrderState::Held);
        let (buyer, units) = (row.buyer, i64::from(row.units));
        self.buyers.add(buyer, units);
    }

    /// The clock was set by so much: what is held is held so much longer by it.
    pub fn move_deadlines(&mut self, by_ms: i64) {
        self.moves.push((self.rows.len(), by_ms));
        self.holds.shift(by_ms);
    }

    /// Keeps the answer to a payment, a cancellation or an act on an order; gives its number.
    pub fn keep(
        &mut self,
        (request_id, fingerprint): (RequestId, Fingerprint),
        order: u32,
        revision: u64,
        kind: ReceiptKind,
        payment_reference: Option<&str>,
    ) -> u32 {
        let payment = payment_reference.map_or(0, |reference| payment_of(order, reference));
        let index = self.receipts.len();
        self.receipts.push(Receipt {
            request_id,
            fingerprint,
            order,
            revision,
            position: Position::START,
            kind,
            payment,
        });
        if self.bulk.is_some() {
            return index;
        }
        let hash = self.hasher.hash_one(request_id.0);
        let Self { hasher, receipts, by_request, by_payment, .. } = self;
        by_request.insert(hash, index, |index| hasher.hash_one(receipts[index].request_id.0));
        if payment_reference.is_some() {
            by_payment.insert(payment, index, |index| receipts[index].payment);
        }
        index
    }

    /// The answer that a payment or cancellation with this request id got.
    pub fn receipt(&self, request: RequestId) -> Option<&Receipt> {
        let hash = self.hasher.hash_one(request.0);
        let index =
            self.by_request.find(hash, |index| self.receipts[index].request_id == request)?;
        Some(&self.receipts[index])
    }

    /// The answer that this payment for this order got, under whatever request id. Compared by a
    /// 64-bit fingerprint of the reference: see the receipt's field.
    pub fn receipt_of_payment(&self, order: u32, reference: &str) -> Option<&Receipt> {
        let hash = payment_of(order, reference);
        let index = self.by_payment.find(hash, |index| {
            let receipt = &self.receipts[index];
            receipt.payment == hash && receipt.order == order
        })?;
        Some(&self.receipts[index])
    }

    /// Held orders whose deadline has come, oldest deadline first, at most `max`.
    pub fn due(&self, now: UnixMs, max: usize) -> Vec<u32> {
        let held = self.holds.in_sequence(|row| self.deadline(row).in_force());
        let due = held.take_while(|(at, _)| *at <= now);
        due.take(max).map(|(_, row)| row).collect()
    }

    /// The earliest deadline of a held order.
    pub fn next_deadline(&self) -> Option<UnixMs> {
        self.holds.first(|row| self.deadline(row).in_force()).map(|(at, _)| at)
    }

    /// Where the order's units are from; `name` gives a warehouse's name.
    pub fn warehouses(&self, order: u32, name: impl Fn(u16) -> String) -> Vec<WarehouseUnits> {
        let row = self.row(order);
        match row.split {
            Split::One(index) => {
                vec![WarehouseUnits { warehouse: name(index), units: i64::from(row.units) }]
            }
            Split::Many => self.splits.get(&order).cloned().unwrap_or_default(),
        }
    }

    /// Everything up to `revision` stands in the log, the last of it at `position`, without gaps
    /// between positions back to the last landing.
    pub fn landed(&mut self, revision: u64, position: Position) {
        let place = |of: u64| position.back(revision - of);
        while self.landed_rows < self.rows.len() {
            let next = self.landed_rows;
            let row = self.row_mut(next);
            if row.revision > revision {
                break;
            }
            row.position = place(row.revision);
            self.landed_rows += 1;
        }
        while self.landed_receipts < self.receipts.len() {
            let receipt = &mut self.receipts[self.landed_receipts];
            if receipt.revision > revision {
                break;
            }
            receipt.position = place(receipt.revision);
            self.landed_receipts += 1;
        }
    }
}

/// What tells a payment of an order from others of it.
fn payment_of(order: u32, reference: &str) -> u64 {
    Fingerprint::of([&order.to_be_bytes()[..], reference.as_bytes()]).0
}
