//! What follows from the rows and receipts: deadlines and tables. It is made at once for all of them
//! where many events were applied, or a state was read: in a fraction of the time of as many steps.

use std::{collections::BTreeSet, hash::BuildHasher};

use super::{Index, Orders, ReceiptKind, name};
use crate::{events::OrderState, values::short};

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
    /// Many events follow. Until they end, nothing but events is asked.
    pub fn bulk_begins(&mut self) {
        self.in_bulk = true;
    }

    /// The events have ended.
    pub fn bulk_ends(&mut self) {
        if std::mem::take(&mut self.in_bulk) {
            self.derive_deadlines();
            self.index_receipts();
        }
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
        let held = (0..self.rows).filter(|&row| self.row(row).state == OrderState::Held);
        let deadlines = held.map(|row| (self.deadline(row).in_force(), row));
        self.deadlines = BTreeSet::from_iter(deadlines);
    }

    pub(super) fn index_receipts(&mut self) {
        let Self { hasher, receipts, .. } = &*self;
        let receipt = |number: u32| &receipts[number as usize];
        let all = 0..short(receipts.len());
        let by_request = |number| hasher.hash_one(receipt(number).request_id.0);
        let paid = all.clone().filter(|&number| receipt(number).kind.is_of_payment());
        let by_payment = Index::of(paid, |number| receipt(number).payment);
        (self.by_request, self.by_payment) = (Index::of(all, by_request), by_payment);
    }

    /// Whether each order and each buyer is there once.
    pub(super) fn index_orders(&mut self) -> bool {
        let Self { hasher, buyers, names, .. } = &*self;
        let order = |row: u32| self.row(row).order_id;
        let by_id = |row| hasher.hash_one(order(row).0);
        let by_id = Index::of_distinct(0..self.rows, by_id, |one, two| order(one) == order(two));
        let buyer = |number| name(buyers, names, number);
        let by_buyer = |number| hasher.hash_one(buyer(number));
        let all = 0..short(buyers.len());
        let by_buyer = Index::of_distinct(all, by_buyer, |one, two| buyer(one) == buyer(two));
        let (Some(by_id), Some(by_buyer)) = (by_id, by_buyer) else { return false };
        (self.by_id, self.by_buyer) = (by_id, by_buyer);
        true
    }
}
