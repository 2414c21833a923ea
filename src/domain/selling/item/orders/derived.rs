//! What follows from the rows and receipts: deadlines and tables. It is made at once for all of them
//! where many events were applied, or a state was read: in a fraction of the time of as many steps.

use std::hash::BuildHasher;

use super::{Bulk, Holds, Index, Orders, ReceiptKind};
use crate::{events::OrderState, values::OrderId};

impl ReceiptKind {
    /// Whether it answers a payment, which has a reference.
    pub(super) fn is_of_payment(self) -> bool {
        match self {
            Self::Paid | Self::RefundDue(_) => true,
            Self::Cancelled | Self::AsItStands => false,
        }
    }
}

impl Orders {
    /// Many events follow, from that revision on. Until they end, nothing but events is asked.
    pub fn bulk_begins(&mut self, revision: u64) {
        self.bulk = Some(Bulk::from(revision));
    }

    /// The events have ended.
    ///
    /// # Errors
    /// Names an order that was placed twice.
    pub fn bulk_ends(&mut self) -> Result<(), OrderId> {
        if self.bulk.as_ref().is_some_and(Bulk::is_without_ids) {
            self.index_ids()?;
        }
        if let Some(twice) = self.bulk.take().and_then(|bulk| bulk.twice()) {
            return Err(twice);
        }
        self.derive_deadlines();
        self.index_receipts();
        Ok(())
    }

    /// The row number of an order by the revision that an event says it was placed at.
    pub fn find_placed(&mut self, order: OrderId, revision: u64) -> Option<u32> {
        let Some(bulk) = self.bulk.as_ref().filter(|bulk| bulk.is_without_ids()) else {
            return self.find(order);
        };
        let row = if revision < bulk.first() {
            self.find(order)
        } else {
            bulk.row(revision).filter(|&row| self.row(row).order_id == order)
        };
        if row.is_some() {
            return row;
        }
        let twice = self.index_ids().err();
        if let Some(bulk) = &mut self.bulk {
            bulk.has_ids(twice);
        }
        self.find(order)
    }

    /// Makes the table of ids.
    ///
    /// # Errors
    /// Names an order that is there twice.
    pub(super) fn index_ids(&mut self) -> Result<(), OrderId> {
        let Self { id_hash, rows, .. } = self;
        let order = |row: u32| rows[row].order_id;
        let hash = |row| id_hash.of(order(row));
        let same = |one, two| order(one) == order(two);
        self.by_id = Index::of_distinct(0..rows.len(), hash, same).map_err(order)?;
        Ok(())
    }

    /// Units of an order that are held or paid for.
    pub fn live_units(&self, order: u32) -> i64 {
        let row = self.row(order);
        match row.state {
            OrderState::Held | OrderState::Paid | OrderState::Refunded => {
                i64::from(row.units) - self.refunded(order).0
            }
            OrderState::Cancelled | OrderState::Expired => 0,
        }
    }

    pub(super) fn derive_deadlines(&mut self) {
        let mut holds = Holds::default();
        for (row, _) in (0..).zip(self.rows.iter()).filter(|(_, row)| row.state == OrderState::Held)
        {
            holds.add(self.deadline(row).in_force(), row, self.is_extended(row));
        }
        self.holds = holds;
    }

    pub(super) fn index_receipts(&mut self) {
        let Self { hasher, receipts, .. } = &*self;
        let all = 0..receipts.len();
        let by_request = |number| hasher.hash_one(receipts[number].request_id.0);
        let paid = all.clone().filter(|&number| receipts[number].kind.is_of_payment());
        let by_payment = Index::of(paid, |number| receipts[number].payment);
        (self.by_request, self.by_payment) = (Index::of(all, by_request), by_payment);
    }

    /// Whether each order and each buyer is there once.
    pub(super) fn index_orders(&mut self) -> bool {
        let Self { hasher, buyers, .. } = self;
        buyers.index(hasher) && self.index_ids().is_ok()
    }
}
