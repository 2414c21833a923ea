//! What happened to an order beyond being placed and settled: failed payments, another deadline, units
//! and money that came back. Only few orders have any of it.

use std::collections::HashMap;

use crate::values::{DueId, UnixMs};

/// More about one order.
#[derive(Debug, Clone, Default)]
pub(super) struct Story {
    pub(super) failed_payments: u8,
    /// The deadline that an operator set, and how often the clock had been set before.
    pub(super) extended: Option<(UnixMs, usize)>,
    pub(super) refunded_units: i64,
    pub(super) refunded_minor: i64,
    /// Money that has to go back, or had to; the oldest first.
    pub(super) dues: Vec<DueId>,
}

/// When a hold ends.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// By the clock as it was when the deadline was set.
    pub at: UnixMs,
    /// By how much the clock was set since.
    pub moved_ms: i64,
}

impl Deadline {
    /// By the clock as it is.
    pub fn in_force(self) -> UnixMs {
        self.at.plus(self.moved_ms)
    }
}

/// By the id of the event by which it became due.
pub(super) type Dues = HashMap<DueId, Due>;

/// Money that has to go back.
#[derive(Debug, Clone)]
pub struct Due {
    pub order: u32,
    pub amount_minor: i64,
    pub(super) settled: Option<Settled>,
}

#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) reference: String,
    /// Number of the receipt.
    pub(super) receipt: u32,
}

impl Due {
    /// The reference by which it was settled.
    pub fn reference(&self) -> Option<&str> {
        self.settled.as_ref().map(|settled| &*settled.reference)
    }
}
