//! How the story of an order goes on.

use super::{
    Orders, Receipt,
    awaited::Awaited,
    story::{Deadline, Due, Settled, Story},
};
use crate::{
    events::OrderState,
    values::{DueId, UnixMs},
};

impl Orders {
    pub(super) fn story(&self, order: u32) -> Option<&Story> {
        if self.stories.is_empty() {
            return None;
        }
        self.stories.get(&order)
    }

    /// When the hold of the order ends.
    pub fn deadline(&self, order: u32) -> Deadline {
        match self.story(order).and_then(|story| story.extended) {
            Some((at, before)) => {
                let since = self.moves.iter().skip(before);
                let moved_ms = since.fold(0_i64, |sum, (_, by_ms)| sum.saturating_add(*by_ms));
                Deadline { at, moved_ms }
            }
            None => {
                let since = self.moves.iter().filter(|(rows, _)| order < *rows);
                let moved_ms = since.fold(0_i64, |sum, (_, by_ms)| sum.saturating_add(*by_ms));
                Deadline { at: self.row(order).pay_by, moved_ms }
            }
        }
    }

    /// Whether its hold ends at another moment than it was placed with.
    pub(super) fn is_extended(&self, order: u32) -> bool {
        self.story(order).is_some_and(|story| story.extended.is_some())
    }

    /// What the order waits or waited for; `None` where it never did.
    pub fn awaited(&self, order: u32) -> Option<&Awaited> {
        self.awaited.of(order)
    }

    /// The same, to be changed.
    pub fn awaited_mut(&mut self, order: u32) -> Option<&mut Awaited> {
        self.awaited.of_mut(order)
    }

    /// Another total is to be paid.
    pub fn reprice(&mut self, order: u32, total_minor: i64) {
        self.row_mut(order).total_minor = total_minor;
    }

    /// Moves the deadline of a held order.
    pub fn extend(&mut self, order: u32, until: UnixMs) {
        self.drop_deadline(order);
        self.stories.entry(order).or_default().extended = Some((until, self.moves.len()));
        if self.bulk.is_none() {
            self.holds.add(until, order, true);
        }
    }

    /// The hold of the order ends at no moment any more.
    pub(super) fn drop_deadline(&mut self, order: u32) {
        if self.bulk.is_none() {
            self.holds.remove(self.deadline(order).in_force(), order);
        }
    }

    /// The order prefers the warehouses of that region of its item, should it come back.
    pub fn prefer(&mut self, order: u32, region: usize) {
        if let Ok(region) = u16::try_from(region) {
            self.regions.insert(order, region);
        }
    }

    /// Number of the region that an order prefers which may come back.
    pub fn region(&self, order: u32) -> Option<usize> {
        self.regions.get(&order).map(|region| usize::from(*region))
    }

    /// How many payments of the order failed.
    pub fn failed_payments(&self, order: u32) -> u8 {
        self.story(order).map_or(0, |story| story.failed_payments)
    }

    /// Another payment of the order failed.
    pub fn payment_failed(&mut self, order: u32) {
        let story = self.stories.entry(order).or_default();
        story.failed_payments = story.failed_payments.saturating_add(1);
    }

    /// Units of the order that came back after it was paid, and the money for them.
    pub fn refunded(&self, order: u32) -> (i64, i64) {
        self.story(order).map_or((0, 0), |story| (story.refunded_units, story.refunded_minor))
    }

    /// Units of a paid order come back. With the last one the order is refunded.
    pub fn refund(&mut self, order: u32, units: i64, amount_minor: i64) {
        let story = self.stories.entry(order).or_default();
        story.refunded_units += units;
        story.refunded_minor += amount_minor;
        let all = story.refunded_units;
        let row = self.row_mut(order);
        if all == i64::from(row.units) {
            row.state = OrderState::Refunded;
        }
        let buyer = row.buyer;
        self.buyers.add(buyer, -units);
    }

    /// What has to go back, or had to.
    pub fn due_back(&self, due: DueId) -> Option<&Due> {
        self.dues.get(&due)
    }

    /// All money of an order that has to go back, or had to; the oldest first.
    pub fn dues_of(&self, order: u32) -> impl Iterator<Item = (DueId, &Due)> {
        let dues = self.story(order).map_or(&[][..], |story| &story.dues);
        dues.iter().filter_map(|id| Some((*id, self.dues.get(id)?)))
    }

    /// The answer that its settlement got.
    pub fn receipt_of_due(&self, due: &Due) -> Option<&Receipt> {
        let settled = due.settled.as_ref()?;
        self.receipts.get(settled.receipt)
    }

    /// Money has to go back.
    pub fn owe(&mut self, due: DueId, order: u32, amount_minor: i64) {
        self.dues.insert(due, Due { order, amount_minor, settled: None });
        self.stories.entry(order).or_default().dues.push(due);
    }

    /// Money that was due is on its way; `receipt` is the number of the answer.
    pub fn pay_back(&mut self, due: DueId, reference: &str, receipt: u32) {
        if let Some(due) = self.dues.get_mut(&due) {
            due.settled = Some(Settled { reference: reference.to_owned(), receipt });
        }
    }
}
