//! Sleeping items with unpaid orders are woken, so that holds end at their deadlines.
//!
//! An item that is awake ends its own holds. One that sleeps, because the server was started again,
//! the store did not take what it wrote, or the node that served it is gone, ends none. The deadlines
//! of all open holds are kept in memory, about 30 bytes each. The read model of orders keeps the open
//! holds with its own checkpoint, so this process begins with them; where that read model cannot be
//! used, the log is read from its beginning.

use std::collections::{BTreeSet, HashMap};

use super::{
    ask::Ask,
    contract::{Known, Process},
};
use crate::{
    domain::{item::ItemCommand, sale::SaleView},
    events::{Event, ItemEvent, OrderEvent, Position, Recorded},
    projections::Checkpoint,
    reports::{ReportError, Reports},
    values::{ItemId, UnixMs},
};

/// On a store of its own a node wakes an item this long before its next hold ends, so that the hold ends
/// in time. Rebuilding an item of a million orders takes less.
const AHEAD_MS: i64 = 5_000;

/// On a shared store a hold whose deadline passed less than this ago may be ending right now at another
/// node. Clocks of nodes differ by less, too.
const GRACE_MS: i64 = 3_000;

/// The open holds of each item.
#[derive(Debug, Default)]
pub struct WakeItems {
    holds: HashMap<ItemId, Holds>,
}

/// Deadlines of holds, by the revision that placed the order and in their own order.
#[derive(Debug, Default)]
struct Holds {
    deadlines: HashMap<u64, UnixMs>,
    in_order: BTreeSet<(UnixMs, u64)>,
}

impl Holds {
    fn set(&mut self, placed_revision: u64, deadline: Option<UnixMs>) {
        let known = match deadline {
            Some(at) => self.deadlines.insert(placed_revision, at),
            None => self.deadlines.remove(&placed_revision),
        };
        if let Some(known) = known {
            self.in_order.remove(&(known, placed_revision));
        }
        self.in_order.extend(deadline.map(|at| (at, placed_revision)));
    }
}

impl Process for WakeItems {
    const NAME: &'static str = "wake-items";
    type Work = ItemId;
    type Key = ItemId;

    fn key(work: &ItemId) -> ItemId {
        *work
    }

    fn observe(&mut self, recorded: &Recorded, event: &Event) {
        let Some(item) = recorded.stream.item_id() else { return };
        let Event::Item(ItemEvent::Order(event)) = event else { return };
        let step = event.step(recorded.revision);
        match event {
            OrderEvent::Placed(placed) => {
                self.hold(item, step.placed_revision, Some(placed.pay_by_ms));
            }
            OrderEvent::HoldExtended(extended) => {
                self.hold(item, step.placed_revision, Some(extended.pay_by_ms));
            }
            OrderEvent::Paid(_) | OrderEvent::Cancelled(_) | OrderEvent::Expired(_) => {
                self.hold(item, step.placed_revision, None);
            }
            // An order that comes back is paid by the next event.
            OrderEvent::Reinstated(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::RefundDue(_)
            | OrderEvent::Refunded(_)
            | OrderEvent::RefundSettled(_) => {}
        }
    }

    fn due(&self, known: &Known<'_>) -> Vec<ItemId> {
        let before =
            if known.is_shared { known.until.plus(-GRACE_MS) } else { known.now.plus(AHEAD_MS) };
        let due = self.holds.iter().filter(|(item, holds)| {
            holds.in_order.first().is_some_and(|(deadline, _)| *deadline <= before)
                && (known.is_owned_here)(**item)
                && (known.is_shared || !(known.is_awake)(**item))
        });
        due.map(|(item, _)| *item).collect()
    }

    fn decide(item: &ItemId, _: Option<&SaleView>, _: UnixMs) -> Vec<Ask> {
        // An item that is awake ends its holds before it looks at a command.
        vec![Ask::Item(*item, vec![ItemCommand::Show])]
    }

    /// The hold is gone when the log says so.
    fn done(&mut self, _: &ItemId) {}

    /// The read model of orders is the checkpoint.
    fn oldest(&self) -> Option<Position> {
        Some(Position::START)
    }

    fn from_read_model(reports: &Reports) -> Result<Option<(Self, Checkpoint)>, ReportError> {
        let (open, checkpoint) = reports.open_holds()?;
        let mut process = Self::default();
        for hold in open {
            process.hold(hold.item_id, hold.revision, Some(hold.pay_by));
        }
        Ok(Some((process, checkpoint)))
    }
}

impl WakeItems {
    /// The deadline of an order; `None` once it is not held any more.
    fn hold(&mut self, item: ItemId, placed_revision: u64, deadline: Option<UnixMs>) {
        let holds = self.holds.entry(item).or_default();
        holds.set(placed_revision, deadline);
        if holds.in_order.is_empty() {
            self.holds.remove(&item);
        }
    }
}
