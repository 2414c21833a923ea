//! When a sale and its items are on sale: what a sale may be rescheduled to, and what window each of its
//! items then has.

use std::collections::HashMap;

use uuid::Uuid;

use super::{auditor::Event, bodies::SaleRescheduled};

/// From when until when something is on sale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub opens_at_ms: i64,
    pub closes_at_ms: i64,
}

/// The window of an item from an event of its sale on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scheduled {
    pub sale_revision: u64,
    pub window: Window,
    /// By how much its prices and offers moved since they were planned.
    pub moved_ms: i64,
}

/// The windows of each item, in the order of the log.
pub(super) type Schedules = HashMap<Uuid, Vec<Scheduled>>;

/// The windows of one sale.
#[derive(Default)]
pub(super) struct SaleWindows {
    sale: Window,
    items: Vec<(Uuid, Window)>,
    moved_ms: i64,
}

impl SaleWindows {
    pub(super) fn planned(sale: Window, items: Vec<(Uuid, Window)>) -> Self {
        Self { sale, items, moved_ms: 0 }
    }

    /// The sale gets another window, and its items with it.
    pub(super) fn reschedule(
        &mut self,
        event: &Event<'_>,
        to: &SaleRescheduled,
        schedules: &mut Schedules,
        say: &mut dyn FnMut(String),
    ) {
        let now_ms = event.judged_at(to.rescheduled_at_ms);
        let before =
            Window { opens_at_ms: to.opens_at_ms_before, closes_at_ms: to.closes_at_ms_before };
        let after = Window { opens_at_ms: to.opens_at_ms, closes_at_ms: to.closes_at_ms };
        if before != self.sale {
            say(format!("the sale is moved from {before:?}, and had {:?}", self.sale));
        }
        if after == self.sale {
            say("the sale is moved to where it was".to_owned());
        }
        if after.opens_at_ms >= after.closes_at_ms {
            say("the sale closes before it opens".to_owned());
        }
        let opens = self.items.iter().map(|(_, item)| item.opens_at_ms);
        let first_ms = opens.fold(self.sale.opens_at_ms, i64::min);
        let moves_opening = after.opens_at_ms != self.sale.opens_at_ms;
        if moves_opening && (first_ms <= now_ms || after.opens_at_ms <= now_ms) {
            say(format!(
                "an opening that has passed is moved, or one is moved into the past: {after:?}"
            ));
        }
        if after.closes_at_ms != self.sale.closes_at_ms && after.closes_at_ms <= now_ms {
            say(format!("the closing of the sale is moved into the past: {after:?}"));
        }
        let by_ms = after.opens_at_ms.saturating_sub(self.sale.opens_at_ms);
        self.moved_ms = self.moved_ms.saturating_add(by_ms);
        for (item, window) in &mut self.items {
            let closes_at_ms = if window.closes_at_ms == self.sale.closes_at_ms {
                after.closes_at_ms
            } else {
                window.closes_at_ms.saturating_add(by_ms).min(after.closes_at_ms)
            };
            let opens_at_ms = window.opens_at_ms.saturating_add(by_ms).max(after.opens_at_ms);
            *window = Window { opens_at_ms, closes_at_ms };
            if opens_at_ms >= closes_at_ms {
                say(format!("the sale is moved so that item {item} closes before it opens"));
            }
            let (window, moved_ms) = (*window, self.moved_ms);
            let scheduled = Scheduled { sale_revision: event.revision, window, moved_ms };
            schedules.entry(*item).or_default().push(scheduled);
        }
        self.sale = after;
    }
}
