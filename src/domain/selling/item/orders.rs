//! The orders of an item and their buyers, in little memory: at most 192 bytes for a live order.
//!
//! An item keeps all of its orders, because a repeated request always gets its first answer. Rows
//! are therefore plain numbers in blocks that never move, and are found by open-addressing tables
//! of row numbers.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
};

mod awaited;
mod derived;
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
    story::{Dues, Story},
    terms::{KnownTerms, TermsAt},
};
use super::index::Index;
use crate::{
    events::{OrderPlaced, OrderReferences, OrderState, Position, RefundCause, WarehouseUnits},
    values::{Fingerprint, OrderId, RequestId, UnixMs, narrow, short},
};

/// Rows in one block: large enough that blocks are few, small enough that the last one wastes little.
const BLOCK_ROWS: usize = 2048;

/// Which warehouses an order's units are from: nearly always one.
#[derive(Debug, Clone, Copy)]
pub enum Split {
    One(u16),
    /// Kept beside the rows, by row number.
    Many,
}

/// One order.
#[derive(Debug)]
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
#[derive(Debug)]
pub struct Receipt {
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub order: u32,
    pub revision: u64,
    /// Absent until it is known to stand in the log.
    pub position: Option<Position>,
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

#[derive(Debug)]
struct Buyer {
    /// Where the buyer's id starts in `names`; it ends where the next one starts.
    start: usize,
    /// Units held or paid for. Wider than one order's: a buyer without a limit may have many.
    units: i64,
}

/// All orders of one item.
#[derive(Debug, Default)]
pub struct Orders {
    hasher: RandomState,
    blocks: Vec<Vec<Row>>,
    rows: u32,
    by_id: Index,
    buyers: Vec<Buyer>,
    by_buyer: Index,
    names: Vec<u8>,
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
    receipts: Vec<Receipt>,
    by_request: Index,
    by_payment: Index,
    /// Deadline in force and row of each held order.
    deadlines: BTreeSet<(UnixMs, u32)>,
    /// Many events are applied one after the other: what no event looks at is made at their end.
    in_bulk: bool,
    /// By how much deadlines were moved with the clock, and the first row that was placed later.
    moves: Vec<(u32, i64)>,
    /// Rows and receipts from here on have no position yet.
    landed_rows: u32,
    landed_receipts: usize,
}

impl Orders {
    /// The order's row number.
    pub fn find(&self, order: OrderId) -> Option<u32> {
        let hash = self.hasher.hash_one(order.0);
        self.by_id.find(hash, |row| self.row(row).order_id == order)
    }

    /// The row with that number.
    pub fn row(&self, row: u32) -> &Row {
        &self.blocks[row as usize / BLOCK_ROWS][row as usize % BLOCK_ROWS]
    }

    fn row_mut(&mut self, row: u32) -> &mut Row {
        &mut self.blocks[row as usize / BLOCK_ROWS][row as usize % BLOCK_ROWS]
    }

    /// Where the order stands in the log; `None` until that is known.
    pub fn position(&self, row: u32) -> Option<Position> {
        (row < self.landed_rows).then(|| self.row(row).position)
    }

    /// The row number that the next order gets.
    pub fn next_row(&self) -> u32 {
        self.rows
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
        std::str::from_utf8(name(&self.buyers, &self.names, row.buyer)).unwrap_or_default()
    }

    /// Hash of a buyer's id under this process's key.
    fn buyer_hash(&self, buyer: &str) -> u64 {
        self.hasher.hash_one(buyer.as_bytes())
    }

    fn find_buyer(&self, buyer: &str) -> Option<u32> {
        self.by_buyer.find(self.buyer_hash(buyer), |index| {
            name(&self.buyers, &self.names, index) == buyer.as_bytes()
        })
    }

    /// Units that the buyer holds or has paid for.
    pub fn units_of(&self, buyer: &str) -> i64 {
        self.find_buyer(buyer).map_or(0, |index| self.buyers[index as usize].units)
    }

    /// Adds an order, unless it was placed before. `ladder` is the number of the ladder that its units
    /// count on; `warehouse` gives a warehouse's number.
    pub fn place(
        &mut self,
        event: &OrderPlaced,
        revision: u64,
        ladder: u8,
        warehouse: impl Fn(&str) -> Option<u32>,
    ) -> bool {
        let hash = self.hasher.hash_one(event.order_id.0);
        if self.by_id.find(hash, |row| self.row(row).order_id == event.order_id).is_some() {
            return false;
        }
        // `decode` reads no order of more units than fit.
        let units = short(narrow(event.units.cast_unsigned()));
        let buyer = self.buyer_index(&event.buyer);
        self.buyers[buyer as usize].units += i64::from(units);
        let row = self.rows;
        let split = self.split(row, &event.warehouses, warehouse);
        let terms = self.terms.keep(&self.hasher, row, event);
        if let Some(references) = event.references() {
            self.references.insert(row, Box::new(references));
        }
        self.awaited.add(event, row);
        if (row as usize).is_multiple_of(BLOCK_ROWS) {
            self.blocks.push(Vec::with_capacity(BLOCK_ROWS));
        }
        let last = self.blocks.len() - 1;
        self.blocks[last].push(Row {
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
        self.rows += 1;
        let Self { hasher, blocks, by_id, .. } = self;
        by_id.insert(hash, row, |row| {
            let row = &blocks[row as usize / BLOCK_ROWS][row as usize % BLOCK_ROWS];
            hasher.hash_one(row.order_id.0)
        });
        if !self.in_bulk {
            self.deadlines.insert((event.pay_by_ms, row));
        }
        true
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

    fn buyer_index(&mut self, buyer: &str) -> u32 {
        if let Some(index) = self.find_buyer(buyer) {
            return index;
        }
        let index = short(self.buyers.len());
        self.buyers.push(Buyer { start: self.names.len(), units: 0 });
        self.names.extend_from_slice(buyer.as_bytes());
        let hash = self.buyer_hash(buyer);
        let Self { hasher, buyers, names, by_buyer, .. } = self;
        by_buyer.insert(hash, index, |index| hasher.hash_one(name(buyers, names, index)));
        index
    }

    /// Ends a hold. Units of an order that is not paid are the buyer's no longer.
    pub fn settle(&mut self, order: u32, state: OrderState) {
        let row = self.row_mut(order);
        row.state = state;
        let (buyer, units) = (row.buyer as usize, i64::from(row.units));
        if state != OrderState::Paid {
            self.buyers[buyer].units -= units;
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
        let (buyer, units) = (row.buyer as usize, i64::from(row.units));
        self.buyers[buyer].units += units;
    }

    /// The clock was set by so much: what is held is held so much longer by it.
    pub fn move_deadlines(&mut self, by_ms: i64) {
        self.moves.push((self.rows, by_ms));
        if self.in_bulk {
            return;
        }
        let held = std::mem::take(&mut self.deadlines);
        self.deadlines = held.into_iter().map(|(at, row)| (at.plus(by_ms), row)).collect();
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
        let index = short(self.receipts.len());
        self.receipts.push(Receipt {
            request_id,
            fingerprint,
            order,
            revision,
            position: None,
            kind,
            payment,
        });
        if self.in_bulk {
            return index;
        }
        let hash = self.hasher.hash_one(request_id.0);
        let Self { hasher, receipts, by_request, by_payment, .. } = self;
        by_request
            .insert(hash, index, |index| hasher.hash_one(receipts[index as usize].request_id.0));
        if payment_reference.is_some() {
            by_payment.insert(payment, index, |index| receipts[index as usize].payment);
        }
        index
    }

    /// The answer that a payment or cancellation with this request id got.
    pub fn receipt(&self, request: RequestId) -> Option<&Receipt> {
        let hash = self.hasher.hash_one(request.0);
        let index = self
            .by_request
            .find(hash, |index| self.receipts[index as usize].request_id == request)?;
        Some(&self.receipts[index as usize])
    }

    /// The answer that this payment for this order got, under whatever request id. Compared by a
    /// 64-bit fingerprint of the reference: see the receipt's field.
    pub fn receipt_of_payment(&self, order: u32, reference: &str) -> Option<&Receipt> {
        let hash = payment_of(order, reference);
        let index = self.by_payment.find(hash, |index| {
            let receipt = &self.receipts[index as usize];
            receipt.payment == hash && receipt.order == order
        })?;
        Some(&self.receipts[index as usize])
    }

    /// Held orders whose deadline has come, oldest deadline first, at most `max`.
    pub fn due(&self, now: UnixMs, max: usize) -> Vec<u32> {
        let held = self.deadlines.iter().take_while(|(at, _)| *at <= now);
        held.take(max).map(|&(_, row)| row).collect()
    }

    /// The earliest deadline of a held order.
    pub fn next_deadline(&self) -> Option<UnixMs> {
        self.deadlines.first().map(|&(at, _)| at)
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
        while self.landed_rows < self.rows {
            let next = self.landed_rows;
            let row = self.row_mut(next);
            if row.revision > revision {
                break;
            }
            row.position = place(row.revision);
            self.landed_rows += 1;
        }
        while let Some(receipt) = self.receipts.get_mut(self.landed_receipts) {
            if receipt.revision > revision {
                break;
            }
            receipt.position = Some(place(receipt.revision));
            self.landed_receipts += 1;
        }
    }
}

/// What tells a payment of an order from others of it.
fn payment_of(order: u32, reference: &str) -> u64 {
    Fingerprint::of([&order.to_be_bytes()[..], reference.as_bytes()]).0
}

/// The id of the buyer with that number, as it was given.
fn name<'a>(buyers: &[Buyer], names: &'a [u8], index: u32) -> &'a [u8] {
    let start = buyers[index as usize].start;
    let end = buyers.get(index as usize + 1).map_or(names.len(), |next| next.start);
    &names[start..end]
}
