//! The holds that are open according to the log: which sleeping item has to be woken, and when.
//!
//! An item that is awake ends its own holds. One that is not, because the server was started again,
//! the store did not take what it wrote, or the node that served it is gone, ends none. So the
//! deadlines of all open holds are followed in the log and kept in memory, about 30 bytes each; no
//! read model has to work for it. The follower begins with the holds that the read model of orders
//! knows, where it can be read and is of this log, because reading a long log from its beginning
//! takes a while; else it does that.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_rt::Arbiter;
use tokio::time::sleep;

use super::Tail;
use crate::{
    clock::SharedClock,
    events::{Event, ItemEvent, OrderEvent, Position, Recorded},
    reports::Reports,
    threads,
    values::{ItemId, UnixMs},
};

/// Pause before a log that cannot be read any further is tried again.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(60);

/// The open holds of all items.
pub struct Holds {
    clock: SharedClock,
    tail: Arc<Tail>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The deadlines of each item with open holds, by the revision that placed the order.
    items: HashMap<ItemId, BTreeMap<u64, UnixMs>>,
    position: Position,
    /// When the last event was recorded that is followed.
    recorded_at: Option<UnixMs>,
    /// It has come as far as the log went at the start: before that, holds seem open that are not.
    complete: bool,
    /// The log cannot be read any further: what is known is all that will be.
    stuck: bool,
}

impl Holds {
    /// Follows the log on a thread that gives way to orders.
    pub fn follow(tail: Arc<Tail>, reports: Reports, clock: SharedClock) -> (Arc<Self>, Arbiter) {
        let holds = Arc::new(Self { clock, tail, known: Mutex::default() });
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(|| {
            threads::name("holds");
            threads::idle();
        });
        arbiter.spawn(Arc::clone(&holds).run(reports));
        (holds, arbiter)
    }

    /// Items of which an open hold ends before that long from now.
    pub fn ending_within(&self, ms: i64) -> Vec<ItemId> {
        self.due(|known| known.complete.then(|| self.clock.now().plus(ms)))
    }

    /// Items of which an open hold should have ended that long ago, as far as the log is known: while
    /// it is followed late, later events may say that it did.
    pub fn overdue_by(&self, ms: i64) -> Vec<ItemId> {
        self.due(|known| {
            let now = self.clock.now();
            let is_current = known.stuck || known.position >= self.tail.head();
            let known_until = if is_current { Some(now) } else { known.recorded_at };
            known_until.filter(|_| known.complete).map(|until| until.min(now).plus(-ms))
        })
    }

    fn due(&self, before: impl FnOnce(&Known) -> Option<UnixMs>) -> Vec<ItemId> {
        // Not waited for: whoever follows the log gives way to everybody, also while it holds this.
        let Ok(known) = self.known.try_lock() else { return Vec::new() };
        let Some(before) = before(&known) else { return Vec::new() };
        let due = known.items.iter().filter(|(_, deadlines)| {
            // The time to pay is the item's, so the order placed first ends first.
            deadlines.first_key_value().is_some_and(|(_, deadline)| *deadline <= before)
        });
        due.map(|(item, _)| *item).collect()
    }

    async fn run(self: Arc<Self>, reports: Reports) {
        let end = self.tail.found_end().await;
        let mut position = self.begin(&reports).await;
        self.lock().complete = position >= end;
        loop {
            match self.tail.page_after(position).await {
                Ok(page) => {
                    let mut known = self.lock();
                    for (recorded, event) in page.iter() {
                        if recorded.position > position {
                            known.apply(recorded, event);
                        }
                    }
                    position = known.position;
                    known.complete |= position >= end;
                    known.stuck = false;
                }
                Err(error) => {
                    let was_stuck = {
                        let mut known = self.lock();
                        known.complete = true;
                        std::mem::replace(&mut known.stuck, true)
                    };
                    if !was_stuck {
                        tracing::error!(%error, "holds are ended as far as the log can be read");
                    }
                    sleep(UNREADABLE_PAUSE).await;
                }
            }
        }
    }

    /// What the read model of orders knows, if it is of this log. Gives how far that is.
    async fn begin(&self, reports: &Reports) -> Position {
        let (held, checkpoint) = match reports.open_holds() {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(%error, "open holds are looked for in the whole log");
                return Position::START;
            }
        };
        if !self.tail.holds(checkpoint).await.unwrap_or(false) {
            return Position::START;
        }
        let mut known = self.lock();
        for hold in held {
            known.items.entry(hold.item_id).or_default().insert(hold.revision, hold.pay_by);
        }
        known.position = checkpoint.position;
        known.recorded_at = Some(UnixMs(checkpoint.recorded_at_ms));
        checkpoint.position
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn apply(&mut self, recorded: &Recorded, event: &Event) {
        self.position = recorded.position;
        self.recorded_at = Some(UnixMs(recorded.recorded_at_ms));
        let Some(item) = recorded.stream.item_id() else { return };
        let Event::Item(ItemEvent::Order(event)) = event else { return };
        let step = event.step(recorded.revision);
        if let OrderEvent::Placed(placed) = event {
            let deadlines = self.items.entry(item).or_default();
            deadlines.insert(step.placed_revision, placed.pay_by_ms);
        } else if step.becomes.is_some() {
            self.settled(item, step.placed_revision);
        }
    }

    fn settled(&mut self, item: ItemId, placed_revision: u64) {
        let Some(deadlines) = self.items.get_mut(&item) else { return };
        deadlines.remove(&placed_revision);
        if deadlines.is_empty() {
            self.items.remove(&item);
        }
    }
}
