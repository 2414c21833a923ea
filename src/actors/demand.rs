//! Writes the demand of all items of a node: one append of ticks an item and second, beside the
//! items' own appends and never in their way.
//!
//! It belongs to the node and not to the items' actors, because those come and go: an actor that
//! lost its stream to another node has counted attempts that were answered, and no crash is an
//! excuse for losing them. Other nodes write ticks of the same item for the same second; the writer
//! that finds the stream further than expected appends at its new end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use crate::{
    clock::{self, SharedClock},
    domain::demand::DemandCounter,
    events::{Attempt, DemandTick, NewEvent, StreamName, encode},
    store::{AppendError, Expected, SharedStore},
    values::{ItemId, UnixMs},
};

/// Ticks in one append: well within every store's limits.
const TICKS_PER_APPEND: usize = 6;

/// A lost race for the end of a stream is run again at once, because all who race write once a
/// second; only this often, so that nothing spins.
const RACES_MAX: u32 = 8;

/// First and longest pause before a write that failed is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The demand of a node on its way into the log.
pub struct DemandDesk {
    store: SharedStore,
    clock: SharedClock,
    runtime: tokio::runtime::Handle,
    /// Whose ticks these are, where other nodes write, too.
    writer: Option<Uuid>,
    /// Each with a task that writes it and ends when it is empty.
    items: Mutex<HashMap<Uuid, DemandCounter>>,
    writing: watch::Sender<usize>,
    stopping: watch::Sender<bool>,
    me: Weak<Self>,
}

impl DemandDesk {
    /// A desk whose ticks go into that store; `runtime` is where they are written.
    pub fn new(
        store: SharedStore,
        clock: SharedClock,
        runtime: tokio::runtime::Handle,
    ) -> Arc<Self> {
        let writer = store.is_shared().then(clock::new_writer_id);
        Arc::new_cyclic(|me| Self {
            store,
            clock,
            runtime,
            writer,
            items: Mutex::new(HashMap::new()),
            writing: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            me: Weak::clone(me),
        })
    }

    /// Counts attempts on an item.
    pub(super) fn count(&self, item: Uuid, attempts: Vec<(Attempt, UnixMs)>) {
        if attempts.is_empty() {
            return;
        }
        let mut items = self.lock();
        let counter = items.entry(item).or_insert_with(|| {
            if let Some(desk) = self.me.upgrade() {
                self.writing.send_modify(|writing| *writing += 1);
                self.runtime.spawn(write_item(desk, item));
            }
            DemandCounter::default()
        });
        for (attempt, arrived) in attempts {
            counter.count(attempt, arrived);
        }
    }

    /// Writes what was counted so far, also of the running second, and waits until that is done.
    pub async fn drain(&self) {
        self.stopping.send_replace(true);
        // The sender is ours, so there is no error.
        let _ = self.writing.subscribe().wait_for(|writing| *writing == 0).await;
    }

    /// Waits until the earliest second that was counted is over, and gives the one that runs then.
    /// When the server stops all seconds are over.
    async fn running_second(&self, item: Uuid) -> i64 {
        let counted = self.lock().get(&item).and_then(DemandCounter::first_second);
        let running = self.clock.now().second();
        // What was counted before the clock was set back is over with the second that runs.
        let first = counted.map_or(running, |first| first.min(running));
        let over = UnixMs(first.saturating_add(1).saturating_mul(1000));
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => i64::MAX,
            () = self.clock.sleep_until(over) => self.clock.now().second(),
        }
    }

    /// Takes the attempts of all seconds that are over. They may be none.
    fn take_over(&self, item: Uuid, running: i64) -> DemandCounter {
        self.lock().get_mut(&item).map(|counter| counter.split_over(running)).unwrap_or_default()
    }

    /// Forgets an item of which nothing is left to write.
    fn forget_if_empty(&self, item: Uuid) -> bool {
        let mut items = self.lock();
        let empty = items.get(&item).is_none_or(DemandCounter::is_empty);
        if empty {
            items.remove(&item);
        }
        empty
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, DemandCounter>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the demand of one item until there is none left.
async fn write_item(desk: Arc<DemandDesk>, item: Uuid) {
    let mut stream = DemandStream { name: StreamName::demand(ItemId(item)), next_revision: None };
    loop {
        let running = desk.running_second(item).await;
        let mut over = desk.take_over(item, running);
        while !over.is_empty() {
            // One second alone may have more ticks than an append takes.
            for ticks in over.take_before(i64::MAX, TICKS_PER_APPEND).chunks(TICKS_PER_APPEND) {
                stream.write(&desk, ticks).await;
            }
        }
        if desk.forget_if_empty(item) {
            break;
        }
    }
    desk.writing.send_modify(|writing| *writing -= 1);
}

/// The stream of one item's ticks.
struct DemandStream {
    name: StreamName,
    /// Revision of the next tick, once it is known.
    next_revision: Option<u64>,
}

impl DemandStream {
    /// Writes ticks, however long that takes: they were taken from the counter.
    async fn write(&mut self, desk: &DemandDesk, ticks: &[DemandTick]) {
        let mut pause = PAUSE_MIN;
        let mut races = 0;
        while let Err(failure) = self.append(desk, ticks).await {
            let stream = self.name;
            match failure {
                DemandNotWritten::Raced => {
                    tracing::debug!(%stream, "another node wrote demand first");
                    races += 1;
                    if races % RACES_MAX != 0 {
                        continue;
                    }
                }
                DemandNotWritten::Store(why) if pause == PAUSE_MIN => {
                    tracing::warn!(%stream, why, "demand was not written; retrying");
                }
                DemandNotWritten::Store(why) => {
                    tracing::debug!(%stream, why, "demand was not written")
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn append(
        &mut self,
        desk: &DemandDesk,
        ticks: &[DemandTick],
    ) -> Result<(), DemandNotWritten> {
        let next = match self.next_revision {
            Some(next) => next,
            None => {
                let last = desk.store.last_revision(self.name).await;
                last.map_err(|error| DemandNotWritten::Store(error.to_string()))?
                    .map_or(0, |last| last + 1)
            }
        };
        // Until it is known what became of the append, the same ticks go to the same place: if they
        // are there already, the store says so.
        self.next_revision = Some(next);
        let events = (next..).zip(ticks).map(|(revision, tick)| self.event(desk, revision, tick));
        let events: Vec<NewEvent> = events.collect();
        match desk.store.append(self.name, Expected::before(next), events.into()).await {
            Ok(appended) => {
                self.next_revision = Some(appended.last_revision + 1);
                Ok(())
            }
            Err(AppendError::Conflict(_)) => {
                self.next_revision = None;
                Err(DemandNotWritten::Raced)
            }
            Err(error @ (AppendError::NotWritten(_) | AppendError::Unknown(_))) => {
                Err(DemandNotWritten::Store(error.to_string()))
            }
        }
    }

    /// A tick at its revision. Two nodes have different ticks for one second and one revision.
    fn event(&self, desk: &DemandDesk, revision: u64, tick: &DemandTick) -> NewEvent {
        let DemandStream { name, .. } = self;
        let id = Uuid::new_v5(&name.id, &tick_name(revision, tick.second));
        let event = encode(id, tick, name.id, name.id);
        match desk.writer {
            Some(writer) => event.by(writer),
            None => event,
        }
    }
}

/// Why ticks are not written yet.
enum DemandNotWritten {
    /// Another node wrote ticks of this item: ours come after them.
    Raced,
    /// The store did not take them, or did not say.
    Store(String),
}

fn tick_name(revision: u64, second: i64) -> [u8; 16] {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&revision.to_be_bytes());
    name[8..].copy_from_slice(&second.to_be_bytes());
    name
}
