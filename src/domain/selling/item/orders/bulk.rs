//! Orders while many events are applied one after the other: they are found by the revision that placed
//! them, which every later event of theirs names, so that the table of their ids is made only once.

use crate::values::{OrderId, narrow};

/// No order was placed at that revision.
const NONE: u32 = u32::MAX;

/// What is known only until the events end.
#[derive(Debug, Clone)]
pub(super) struct Bulk {
    /// Revision of the first of the events.
    first: u64,
    /// The row of the order that was placed at each revision from there on.
    placed: Vec<u32>,
    /// The table of ids is complete: an event named another revision than that of its order.
    by_id: bool,
    /// An order that was placed twice.
    twice: Option<OrderId>,
}

impl Bulk {
    pub(super) fn from(revision: u64) -> Self {
        Self { first: revision, placed: Vec::new(), by_id: false, twice: None }
    }

    /// Whether the table of ids lacks the orders of these events.
    pub(super) fn is_without_ids(&self) -> bool {
        !self.by_id
    }

    /// The table of ids was made; an order of it is there twice, where one is named.
    pub(super) fn has_ids(&mut self, twice: Option<OrderId>) {
        (self.by_id, self.twice) = (true, twice);
    }

    /// An order that was found to be placed twice.
    pub(super) fn twice(&self) -> Option<OrderId> {
        self.twice
    }

    /// An order was placed at a revision.
    pub(super) fn note(&mut self, revision: u64, row: u32) {
        let place = narrow(revision.saturating_sub(self.first));
        self.placed.resize(place.max(self.placed.len()), NONE);
        self.placed.push(row);
    }

    /// Revision of the first of the events.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The row of the order that was placed at that revision, as far as it is one of the events.
    pub(super) fn row(&self, revision: u64) -> Option<u32> {
        let place = narrow(revision.checked_sub(self.first)?);
        self.placed.get(place).copied().filter(|&row| row != NONE)
    }
}
