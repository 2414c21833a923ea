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
    planned: Window,
    items: Vec<(Uuid, Window)>,
    /// Absent until it is rescheduled.
    newest: Option<Window>,
}

impl SaleWindows {
    pub(super) fn planned(sale: Window, items: Vec<(Uuid, Window)>) -> Self {
        Self { planned: sale, items, newest: None }
    }

    /// The window of an item: that of the plan, or what follows from it and the sale's newest window.
    fn item(&self, planned: Window) -> Window {
        let Some(sale) = self.newest else { return planned };
        let moved_ms = self.moved_ms();
        let closes_at_ms = if planned.closes_at_ms == self.planned.closes_at_ms {
            sale.closes_at_ms
        } else {
            planned.closes_at_ms.saturating_add(moved_ms).min(sale.closes_at_ms)
        };
        Window { opens_at_ms: planned.opens_at_ms.saturating_add(moved_ms), closes_at_ms }
    }

    fn moved_ms(&self) -> i64 {
        let sale = self.newest.unwrap_or(self.planned);
        sale.opens_at_ms.saturating_sub(self.planned.opens_at_ms)
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
        let sale = self.newest.unwrap_or(self.planned);
        if before != sale {
            say(format!("the sale is moved from {before:?}, and had {sale:?}"));
        }
        if after == sale {
            say("the sale is moved to where it was".to_owned());
        }
        if after.opens_at_ms >= after.closes_at_ms {
            say("the sale closes before it opens".to_owned());
        }
        let items = || self.items.iter().map(|(_, planned)| self.item(*planned));
        // Items of earlier versions may open before their sale, and close after it.
        let first_ms = items().map(|item| item.opens_at_ms).fold(sale.opens_at_ms, i64::min);
        let last_ms = items().map(|item| item.closes_at_ms).fold(sale.closes_at_ms, i64::max);
        if last_ms <= now_ms {
            say(format!("the sale is moved at {now_ms}, and was over at {last_ms}"));
        }
        let moves_opening = after.opens_at_ms != sale.opens_at_ms;
        if moves_opening && (first_ms <= now_ms || after.opens_at_ms <= now_ms) {
            say(format!(
                "an opening that has passed is moved, or one is moved into the past: {after:?}"
            ));
        }
        if after.closes_at_ms != sale.closes_at_ms && after.closes_at_ms <= now_ms {
            say(format!("the closing of the sale is moved into the past: {after:?}"));
        }
        self.newest = Some(after);
        let (moved_ms, sale_revision) = (self.moved_ms(), event.revision);
        for (item, planned) in &self.items {
            let window = self.item(*planned);
            if window.opens_at_ms >= window.closes_at_ms {
                say(format!("the sale is moved so that item {item} closes before it opens"));
            }
            let scheduled = Scheduled { sale_revision, window, moved_ms };
            schedules.entry(*item).or_default().push(scheduled);
        }
    }
}
