//! Sleeping items with unpaid orders are woken, so that holds end at their deadlines.
//!
//! An item that is awake ends its own holds. One that sleeps, because the server was started again,
//! the store did not take what it wrote, or the node that served it is gone, ends none. The deadlines
//! of all open holds are kept in memory, about 30 bytes each. The read model of orders keeps the open
//! holds with its own checkpoint, so this process begins with them; where that read model cannot be
//! used, the log is read from its beginning.

use std::collections::{BTreeMap, HashMap};

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

/// The deadlines of each item with open holds, by the revision that placed the order.
#[derive(Debug, Default)]
pub struct WakeItems {
    holds: HashMap<ItemId, BTreeMap<u64, UnixMs>>,
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
        if let OrderEvent::Placed(placed) = event {
            let deadlines = self.holds.entry(item).or_default();
            deadlines.insert(step.placed_revision, placed.pay_by_ms);
        } else if step.becomes.is_some() {
            self.settled(item, step.placed_revision);
        }
    }

    fn due(&self, known: &Known<'_>) -> Vec<ItemId> {
        let before =
            if known.is_shared { known.until.plus(-GRACE_MS) } else { known.now.plus(AHEAD_MS) };
        let due = self.holds.iter().filter(|(item, deadlines)| {
            // The time to pay is the item's, so the order placed first ends first.
            deadlines.first_key_value().is_some_and(|(_, deadline)| *deadline <= before)
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
        let mut holds: HashMap<_, BTreeMap<_, _>> = HashMap::new();
        for hold in open {
            holds.entry(hold.item_id).or_default().insert(hold.revision, hold.pay_by);
        }
        Ok(Some((Self { holds }, checkpoint)))
    }
}

impl WakeItems {
    fn settled(&mut self, item: ItemId, placed_revision: u64) {
        let Some(deadlines) = self.holds.get_mut(&item) else { return };
        deadlines.remove(&placed_revision);
        if deadlines.is_empty() {
            self.holds.remove(&item);
        }
    }
}
