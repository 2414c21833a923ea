//! The lag of a read model: one definition for answers, metrics, board and alerts.
//!
//! The lag is the age of the oldest event that is not applied. If that event was not read yet, its
//! age is at least the time since the log was first seen to be longer, which is kept here for the
//! last minutes.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Progress, pulse::Heads};
use crate::{
    clock::{Reading, SharedClock},
    events::Position,
    store::SharedStore,
    values::UnixMs,
};

/// Minimum interval between two reads of the log's end, whatever the number of queries.
const LOOK_EVERY_MS: i64 = 250;

/// Knows how old what read models lack is.
pub struct Freshness {
    store: SharedStore,
    clock: SharedClock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    heads: Heads,
    at: Option<UnixMs>,
    /// By how much the clock had been set.
    moved_ms: i64,
}

impl Freshness {
    /// Of the read models of that log.
    pub fn new(store: SharedStore, clock: SharedClock) -> Arc<Self> {
        let freshness = Self { store, clock, seen: Mutex::default() };
        freshness.age_after(Position::START);
        Arc::new(freshness)
    }

    /// Position of the log's last event, as far as it is known.
    pub fn head(&self) -> Position {
        self.store.head()
    }

    /// Age in milliseconds of the oldest event that a read model lacks: 0 where it lacks none, at
    /// least 1 where it does.
    pub fn lag_ms(&self, progress: &Progress) -> i64 {
        self.lag_after_ms(progress.position, progress)
    }

    /// The same of an answer of that read model, which may have gone on since.
    pub fn lag_after_ms(&self, answered: Position, progress: &Progress) -> i64 {
        let age = self.age_after(answered);
        if answered >= self.head() {
            return 0;
        }
        let pending = progress.oldest_pending_ms.filter(|_| progress.position <= answered);
        let pending = pending.map_or(0, |at| self.clock.now().0.saturating_sub(at));
        age.max(pending).max(1)
    }

    /// How long ago the log was first seen to go on after that position.
    fn age_after(&self, position: Position) -> i64 {
        let Reading { now, moved_ms } = self.clock.reading();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.moved_ms != moved_ms {
            // Ages by two clocks are none.
            *seen = Seen { moved_ms, ..Seen::default() };
        }
        let head = self.store.head();
        if seen.at.is_none_or(|at| now.since(at) >= LOOK_EVERY_MS || now < at) {
            seen.heads.saw(now, head);
            seen.at = Some(now);
        }
        seen.heads.age_after(position, now)
    }
}
