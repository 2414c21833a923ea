//! Writes the demand of one item: one append of ticks a second, beside the item's own appends and
//! never in their way.

use std::{future::Future, sync::Arc};

use uuid::Uuid;

use super::Shared;
use crate::{
    domain::demand::DemandCounter,
    events::{Attempt, DemandTick, NewEvent, StreamName, encode},
    store::{AppendError, Expected, SharedStore},
    values::{ItemId, UnixMs},
};

/// Ticks in one append: well within every store's limits.
const TICKS_PER_APPEND: usize = 6;

/// A write of ticks: what became of it.
pub(super) type Written = Result<u64, WriteFailure>;

/// The next revision after the write, or why it did not succeed.
#[derive(Debug)]
pub(super) struct WriteFailure {
    /// Where the same ticks have to be sent again; `None` when that has to be found out.
    next_revision: Option<u64>,
    why: String,
}

/// The demand of one item on its way into the log.
pub(super) struct DemandWriter {
    stream: StreamName,
    shared: Arc<Shared>,
    counter: DemandCounter,
    /// Revision of the next tick, once it is known.
    next_revision: Option<u64>,
    /// Ticks taken from the counter and not yet known to be written: sent again as they are.
    unwritten: Vec<DemandTick>,
    scheduled: bool,
    writing: bool,
}

impl DemandWriter {
    pub(super) fn new(item: Uuid, shared: Arc<Shared>) -> Self {
        Self {
            stream: StreamName::demand(ItemId(item)),
            shared,
            counter: DemandCounter::default(),
            next_revision: None,
            unwritten: Vec::new(),
            scheduled: false,
            writing: false,
        }
    }

    /// Counts attempts. True when a tick has to be scheduled for them.
    pub(super) fn count(&mut self, attempts: Vec<(Attempt, UnixMs)>) -> bool {
        for (attempt, arrived) in attempts {
            self.counter.count(attempt, arrived);
        }
        !std::mem::replace(&mut self.scheduled, true)
    }

    /// When the running second is over.
    pub(super) fn next_tick_at(&self) -> UnixMs {
        UnixMs(self.shared.clock.now().second().saturating_add(1).saturating_mul(1000))
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.unwritten.is_empty() || !self.counter.is_empty()
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Writes the ticks of the seconds before `second`. `None` when there is nothing to write or a
    /// write is under way.
    pub(super) fn write(
        &mut self,
        second: i64,
    ) -> Option<impl Future<Output = Written> + Send + 'static> {
        if self.writing {
            return None;
        }
        if self.unwritten.is_empty() {
            self.unwritten = self.counter.take_before(second, TICKS_PER_APPEND);
        }
        if self.unwritten.is_empty() {
            return None;
        }
        self.writing = true;
        let store = Arc::clone(&self.shared.store);
        Some(append(store, self.stream, self.next_revision, self.unwritten.clone()))
    }

    /// Takes note of what became of a write. True when another has to be scheduled.
    pub(super) fn wrote(&mut self, written: Written) -> bool {
        self.writing = false;
        match written {
            Ok(next_revision) => {
                self.next_revision = Some(next_revision);
                self.unwritten.clear();
            }
            Err(WriteFailure { next_revision, why }) => {
                self.next_revision = next_revision;
                tracing::warn!(stream = %self.stream, why, "demand was not written; trying again");
            }
        }
        self.reschedule()
    }

    /// The scheduled moment came. True when another has to be scheduled.
    pub(super) fn reschedule(&mut self) -> bool {
        self.scheduled = self.is_pending();
        self.scheduled
    }
}

async fn append(
    store: SharedStore,
    stream: StreamName,
    known: Option<u64>,
    ticks: Vec<DemandTick>,
) -> Written {
    let next = match known {
        Some(next) => next,
        None => match store.last_revision(stream).await {
            Ok(last) => last.map_or(0, |last| last + 1),
            Err(error) => {
                return Err(WriteFailure { next_revision: None, why: error.to_string() });
            }
        },
    };
    let events: Vec<NewEvent> = (next..)
        .zip(ticks)
        .map(|(revision, tick)| {
            let id = Uuid::new_v5(&stream.id, &tick_name(revision, tick.second));
            encode(id, &tick, stream.id, stream.id)
        })
        .collect();
    match store.append(stream, Expected::before(next), events.into()).await {
        Ok(appended) => Ok(appended.last_revision + 1),
        // Another node wrote ticks of this item: ours come after them.
        Err(error @ AppendError::Conflict) => {
            Err(WriteFailure { next_revision: None, why: error.to_string() })
        }
        // The same ticks at the same place: if they are there already, the store says so.
        Err(error @ (AppendError::NotWritten(_) | AppendError::Unknown(_))) => {
            Err(WriteFailure { next_revision: Some(next), why: error.to_string() })
        }
    }
}

fn tick_name(revision: u64, second: i64) -> [u8; 16] {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&revision.to_be_bytes());
    name[8..].copy_from_slice(&second.to_be_bytes());
    name
}
