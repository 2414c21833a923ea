//! When a sale and its items are on sale after it was rescheduled.
//!
//! Items with a window of their own, time prices and the moments of offers move with the opening of their
//! sale. What closes with the sale does so at its new closing, and nothing closes after it. Coupons were
//! promised to their holders and stay where they are.
//!
//! All of that follows from the plan and the newest window alone, so that a sale that is shortened and then
//! extended gives its items their own closings back.

use serde::{Deserialize, Serialize};

use crate::{
    events::{Act, ItemPlan, SaleCreated, SaleRescheduled},
    values::UnixMs,
};

/// From when until when something is on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
}

/// How a sale was rescheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub window: Window,
    /// Of the newest event about it.
    pub revision: u64,
    pub act: Act,
    pub at: UnixMs,
}

impl Window {
    pub(super) fn planned(plan: &SaleCreated) -> Self {
        Self { opens_at: plan.opens_at_ms, closes_at: plan.closes_at_ms }
    }

    /// By how much a sale with that plan and this window opens later than planned.
    pub(super) fn moved_ms(self, plan: &SaleCreated) -> i64 {
        self.opens_at.since(plan.opens_at_ms)
    }

    /// The window of an item in a sale with that plan and this window.
    pub(super) fn of_item(self, plan: &SaleCreated, item: &ItemPlan) -> Self {
        let moved_ms = self.moved_ms(plan);
        let closes_at = if item.closes_at_ms == plan.closes_at_ms {
            self.closes_at
        } else {
            item.closes_at_ms.plus(moved_ms).min(self.closes_at)
        };
        Self { opens_at: item.opens_at_ms.plus(moved_ms), closes_at }
    }
}

impl Schedule {
    /// After that event, at that revision of the sale.
    pub(super) fn of(event: &SaleRescheduled, revision: u64) -> Self {
        let (opens_at, closes_at) = (event.opens_at_ms, event.closes_at_ms);
        let (act, at) = (event.act.clone(), event.rescheduled_at_ms);
        Self { window: Window { opens_at, closes_at }, revision, act, at }
    }
}
