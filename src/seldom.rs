//! Rate-limited logging of repeated events: the first one at once, then with a count.

use std::sync::{Mutex, PoisonError};

use crate::values::UnixMs;

/// How often one thing is said at most, in milliseconds.
const SAID_EVERY_MS: i64 = 60_000;

/// Something that is worth a line in the log, but not a line each time.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Happened>);

#[derive(Debug, Default)]
struct Happened {
    said_at: Option<UnixMs>,
    unsaid: u64,
    all: u64,
}

impl Seldom {
    /// It happened so many times. Where it is to be said now, how often since it was last said.
    pub fn happened(&self, now: UnixMs, times: u64) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.all = known.all.saturating_add(times);
        known.unsaid = known.unsaid.saturating_add(times);
        // Also after a clock that went back.
        let rests = known.said_at.is_some_and(|at| (0..SAID_EVERY_MS).contains(&now.since(at)));
        if rests {
            return None;
        }
        known.said_at = Some(now);
        Some(std::mem::take(&mut known.unsaid))
    }

    /// It does not happen any more: how often it did, where it did at all. The next time is a first.
    pub fn ended(&self) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = std::mem::take(&mut *known).all;
        (all > 0).then_some(all)
    }
}
