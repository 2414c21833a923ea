//! The orders of an item as they are written down. What follows from other values is not written:
//! tables, units of buyers, deadlines.

use std::collections::HashMap;

use super::{
    Orders, Receipt, ReceiptKind, Row, Split,
    awaited::AwaitedOrders,
    blocks::BLOCK_ROWS,
    story::{Due, Settled, Story},
    terms::KnownTerms,
};
use crate::{
    domain::snapshot::{Coded, Read, Reader, Writer, coded, hold},
    events::{OrderReferences, OrderState, Position, RefundCause, WarehouseUnits},
    values::{DueId, Fingerprint, OrderId, RequestId, UnixMs},
};

coded! { OrderState {
    OrderState::Held => 0,
    OrderState::Paid => 1,
    OrderState::Cancelled => 2,
    OrderState::Expired => 3,
    OrderState::Refunded => 4,
} }

coded! { RefundCause {
    RefundCause::OrderExpired => 0,
    RefundCause::OrderCancelled => 1,
    RefundCause::AlreadyPaid => 2,
} }

impl Coded for ReceiptKind {
    fn code(self) -> u8 {
        match self {
            Self::Paid => 0,
            Self::Cancelled => 1,
            Self::AsItStands => 2,
            Self::RefundDue(cause) => 3 + cause.code(),
        }
    }

    fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Paid),
            1 => Some(Self::Cancelled),
            2 => Some(Self::AsItStands),
            due => RefundCause::of(due - 3).map(Self::RefundDue),
        }
    }
}

/// What is written as a difference to the entry before.
#[derive(Default)]
struct Before {
    at: i64,
    revision: u64,
    position: u64,
}

impl Before {
    fn write_place(&mut self, to: &mut Writer<'_>, revision: u64, position: Position) {
        to.signed(revision.wrapping_sub(self.revision).cast_signed());
        to.signed(position.0.wrapping_sub(self.position).cast_signed());
        (self.revision, self.position) = (revision, position.0);
    }

    fn read_place(&mut self, from: &mut Reader<'_>) -> Read<(u64, Position)> {
        self.revision = self.revision.wrapping_add(from.signed()?.cast_unsigned());
        self.position = self.position.wrapping_add(from.signed()?.cast_unsigned());
        Ok((self.revision, Position(self.position)))
    }
}

impl Orders {
    /// Writes down all of it. `false` where some of it is not in the log yet, or was moved with a
    /// clock that was set: then it is not what the events alone come to.
    pub fn write(&self, to: &mut Writer<'_>) -> bool {
        let landed =
            self.landed_rows == self.rows.len() && self.landed_receipts == self.receipts.len();
        if !landed || self.bulk.is_some() || !self.moves.is_empty() {
            return false;
        }
        self.terms.write(to);
        to.number(self.buyers.len().into());
        for buyer in 0..self.buyers.len() {
            to.text(self.buyers.id(buyer));
        }
        self.write_rows(to);
        self.write_receipts(to);
        self.write_beside(to);
        self.write_dues(to);
        self.awaited.write(to);
        true
    }

    fn write_rows(&self, to: &mut Writer<'_>) {
        to.number(self.rows.len().into());
        let mut before = Before::default();
        for row in self.rows.iter() {
            to.id(row.order_id.0);
            to.bits(row.fingerprint.0);
            to.signed(row.placed_at.0.wrapping_sub(before.at));
            before.at = row.placed_at.0;
            to.signed(row.pay_by.0.wrapping_sub(row.placed_at.0));
            to.signed(row.total_minor);
            before.write_place(to, row.revision, row.position);
            to.number(row.buyer.into());
            to.number(row.units.into());
            to.number(match row.split {
                Split::Many => 0,
                Split::One(warehouse) => u64::from(warehouse) + 1,
            });
            to.coded(row.state);
            to.byte(row.ladder);
            row.terms.write(to);
        }
    }

    fn write_receipts(&self, to: &mut Writer<'_>) {
        to.number(self.receipts.len().into());
        let mut before = Before::default();
        for receipt in self.receipts.iter() {
            to.id(receipt.request_id.0);
            to.bits(receipt.fingerprint.0);
            to.number(receipt.order.into());
            before.write_place(to, receipt.revision, receipt.position);
            to.coded(receipt.kind);
            if receipt.kind.is_of_payment() {
                to.bits(receipt.payment);
            }
        }
    }

    fn write_beside(&self, to: &mut Writer<'_>) {
        write_by_row(to, &self.splits, |to, units| {
            to.count(units.len());
            for at in units {
                to.text(&at.warehouse);
                to.signed(at.units);
            }
        });
        write_by_row(to, &self.references, |to, references| {
            to.text(&references.shop_order_id);
            to.count(references.labels.len());
            for (name, value) in &references.labels {
                to.text(name);
                to.text(value);
            }
        });
        write_by_row(to, &self.regions, |to, region| to.number((*region).into()));
        write_by_row(to, &self.stories, |to, story| {
            to.byte(story.failed_payments);
            to.flag(story.extended.is_some());
            if let Some((until, _)) = story.extended {
                to.signed(until.0);
            }
            to.signed(story.refunded_units);
            to.signed(story.refunded_minor);
            to.count(story.dues.len());
            for due in &story.dues {
                to.id(due.0);
            }
        });
    }

    fn write_dues(&self, to: &mut Writer<'_>) {
        let mut dues: Vec<(&DueId, &Due)> = self.dues.iter().collect();
        dues.sort_unstable_by_key(|(id, _)| **id);
        to.count(dues.len());
        for (id, due) in dues {
            to.id(id.0);
            to.number(due.order.into());
            to.signed(due.amount_minor);
            to.flag(due.settled.is_some());
            if let Some(settled) = &due.settled {
                to.text(&settled.reference);
                to.number(settled.receipt.into());
            }
        }
    }

    /// Reads back what was written, of an item with so many warehouses and events up to a revision.
    pub fn read(from: &mut Reader<'_>, warehouses: usize, revision: u64) -> Read<Self> {
        let mut orders = Self::default();
        orders.terms = KnownTerms::read(from, &orders.hasher)?;
        orders.read_buyers(from)?;
        orders.read_rows(from, warehouses, revision)?;
        orders.read_receipts(from, revision)?;
        orders.read_beside(from)?;
        orders.read_dues(from)?;
        orders.awaited = AwaitedOrders::read(from, orders.rows.len())?;
        orders.derive()?;
        Ok(orders)
    }

    fn read_buyers(&mut self, from: &mut Reader<'_>) -> Read<()> {
        let count: u32 = from.small()?;
        for _ in 0..count {
            self.buyers.push(from.text()?);
        }
        Ok(())
    }

    fn read_rows(&mut self, from: &mut Reader<'_>, warehouses: usize, revision: u64) -> Read<()> {
        let rows: u32 = from.small()?;
        let mut before = Before::default();
        for number in 0..rows {
            let order_id = OrderId(from.id()?);
            let fingerprint = Fingerprint(from.bits()?);
            before.at = before.at.wrapping_add(from.signed()?);
            let pay_by = UnixMs(before.at.wrapping_add(from.signed()?));
            let total_minor = from.signed()?;
            let last = (number > 0).then_some(before.revision);
            let (placed, position) = before.read_place(from)?;
            hold(last < Some(placed) && placed <= revision, "has an order out of sequence")?;
            let row = Row {
                order_id,
                fingerprint,
                placed_at: UnixMs(before.at),
                pay_by,
                total_minor,
                revision: placed,
                position,
                buyer: from.small()?,
                units: from.small()?,
                split: match from.small::<u16>()?.checked_sub(1) {
                    None => Split::Many,
                    Some(warehouse) => Split::One(warehouse),
                },
                state: from.coded()?,
                ladder: from.byte()?,
                terms: self.terms.read_place(from, number)?,
            };
            hold(row.buyer < self.buyers.len(), "has an order of nobody")?;
            let drawn = match row.split {
                Split::Many => true,
                Split::One(warehouse) => usize::from(warehouse) < warehouses,
            };
            hold(drawn, "has an order from no warehouse")?;
            self.rows.push(row);
        }
        self.landed_rows = rows;
        Ok(())
    }

    fn read_receipts(&mut self, from: &mut Reader<'_>, revision: u64) -> Read<()> {
        let count: u32 = from.small()?;
        let mut before = Before::default();
        for _ in 0..count {
            let request_id = RequestId(from.id()?);
            let fingerprint = Fingerprint(from.bits()?);
            let order = self.read_row(from)?;
            let (answered, position) = before.read_place(from)?;
            hold(answered <= revision, "has a receipt from later")?;
            let kind: ReceiptKind = from.coded()?;
            let payment = if kind.is_of_payment() { from.bits()? } else { 0 };
            let revision = answered;
            let receipt =
                Receipt { request_id, fingerprint, order, revision, position, kind, payment };
            self.receipts.push(receipt);
        }
        self.landed_receipts = count;
        Ok(())
    }

    fn read_beside(&mut self, from: &mut Reader<'_>) -> Read<()> {
        self.splits = self.read_by_row(from, |from| {
            let (count, room) = from.count()?;
            let mut units = Vec::with_capacity(room.min(BLOCK_ROWS));
            for _ in 0..count {
                let warehouse = from.text()?.to_owned();
                units.push(WarehouseUnits { warehouse, units: from.signed()? });
            }
            Ok(units)
        })?;
        self.references = self.read_by_row(from, |from| {
            let mut references = OrderReferences {
                shop_order_id: from.text()?.to_owned(),
                ..OrderReferences::default()
            };
            for _ in 0..from.count()?.0 {
                let name = from.text()?.to_owned();
                references.labels.insert(name, from.text()?.to_owned());
            }
            Ok(Box::new(references))
        })?;
        self.regions = self.read_by_row(from, |from| from.small())?;
        self.stories = self.read_by_row(from, |from| {
            let failed_payments = from.byte()?;
            let extended = if from.flag()? { Some((UnixMs(from.signed()?), 0)) } else { None };
            let (refunded_units, refunded_minor) = (from.signed()?, from.signed()?);
            let (count, room) = from.count()?;
            let mut dues = Vec::with_capacity(room.min(BLOCK_ROWS));
            for _ in 0..count {
                dues.push(DueId(from.id()?));
            }
            Ok(Story { failed_payments, extended, refunded_units, refunded_minor, dues })
        })?;
        Ok(())
    }

    fn read_dues(&mut self, from: &mut Reader<'_>) -> Read<()> {
        let (count, room) = from.count()?;
        self.dues.reserve(room.min(BLOCK_ROWS));
        for _ in 0..count {
            let id = DueId(from.id()?);
            let order = self.read_row(from)?;
            let amount_minor = from.signed()?;
            let settled = if from.flag()? {
                let reference = from.text()?.to_owned();
                let receipt: u32 = from.small()?;
                hold(receipt < self.receipts.len(), "settles without a receipt")?;
                Some(Settled { reference, receipt })
            } else {
                None
            };
            let before = self.dues.insert(id, Due { order, amount_minor, settled });
            hold(before.is_none(), "owes the same twice")?;
        }
        let owed = self.stories.values().flat_map(|story| &story.dues);
        hold(owed.clone().all(|due| self.dues.contains_key(due)), "owes what is not due")?;
        hold(owed.count() == self.dues.len(), "has money due that nobody owes")
    }

    fn read_row(&self, from: &mut Reader<'_>) -> Read<u32> {
        let row = from.small()?;
        hold(row < self.rows.len(), "speaks of an order that is not there")?;
        Ok(row)
    }

    fn read_by_row<V>(
        &self,
        from: &mut Reader<'_>,
        mut value: impl FnMut(&mut Reader<'_>) -> Read<V>,
    ) -> Read<HashMap<u32, V>> {
        let (count, room) = from.count()?;
        let mut all = HashMap::with_capacity(room.min(BLOCK_ROWS));
        for _ in 0..count {
            let row = self.read_row(from)?;
            hold(all.insert(row, value(from)?).is_none(), "says the same twice")?;
        }
        Ok(all)
    }

    /// What follows from what was read: units of buyers, deadlines, tables.
    fn derive(&mut self) -> Read<()> {
        let mut split = 0;
        for number in 0..self.rows.len() {
            let (row, refunded) = (self.row(number), self.refunded(number).0);
            let units = i64::from(row.units);
            let possible = match row.state {
                OrderState::Paid => 0..=units - 1,
                OrderState::Refunded => units..=units,
                OrderState::Held | OrderState::Cancelled | OrderState::Expired => 0..=0,
            };
            hold(possible.contains(&refunded), "took other units back than were paid")?;
            if let Split::Many = row.split {
                let units = self.splits.get(&number).map(|units| units.iter().map(|at| at.units));
                let units = units.map(|units| units.fold(0, i64::saturating_add));
                hold(units == Some(row.units.into()), "has an order of other units than drawn")?;
                split += 1;
            }
            let (buyer, units) = (row.buyer, self.live_units(number));
            self.buyers.add(buyer, units);
        }
        hold(split == self.splits.len(), "splits an order that is whole")?;
        self.derive_deadlines();
        self.index_receipts();
        hold(self.index_orders(), "has an order or a buyer twice")
    }
}

/// Writes what is kept beside the rows, in the sequence of the rows.
fn write_by_row<V>(
    to: &mut Writer<'_>,
    all: &HashMap<u32, V>,
    mut value: impl FnMut(&mut Writer<'_>, &V),
) {
    let mut rows: Vec<(&u32, &V)> = all.iter().collect();
    rows.sort_unstable_by_key(|(row, _)| **row);
    to.count(rows.len());
    for (row, of) in rows {
        to.number((*row).into());
        value(to, of);
    }
}
