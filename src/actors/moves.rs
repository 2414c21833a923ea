//! The steps of the clock in this process, and the end of the log at each of them.
//!
//! Live deadlines move with a step of the clock, so that a buyer keeps the promised time to pay. A
//! running actor moves its own deadlines; one that is rebuilt from the log must move exactly those
//! set before the step, which are before that position in the log. A restart begins without steps:
//! the stored deadlines apply then.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use crate::{
    clock::{Reading, SharedClock},
    snapshots::ClockMove,
    store::SharedStore,
};

/// All of them, oldest first.
#[derive(Debug)]
pub struct Moves {
    /// By how much the clock had been set at the last of them.
    sum_ms: AtomicI64,
    all: Mutex<Vec<ClockMove>>,
}

impl Moves {
    /// None yet, by that clock.
    pub fn since(clock: &SharedClock) -> Self {
        Self { sum_ms: AtomicI64::new(clock.reading().moved_ms), all: Mutex::default() }
    }

    /// The time of the clock. The first caller that sees a step records the end of the log.
    pub(super) fn reading(&self, clock: &SharedClock, store: &SharedStore) -> Reading {
        let reading = clock.reading();
        if self.sum_ms.load(Ordering::SeqCst) != reading.moved_ms {
            let mut all = self.lock();
            // Another actor may have noted it meanwhile, or the clock was set once more.
            let moved_ms = clock.reading().moved_ms;
            let by_ms = moved_ms.saturating_sub(self.sum_ms.load(Ordering::SeqCst));
            if by_ms != 0 {
                all.push(ClockMove { after: store.head(), by_ms });
                self.sum_ms.store(moved_ms, Ordering::SeqCst);
            }
        }
        reading
    }

    /// All so far, and by how much the clock had been set at the last of them.
    pub(super) fn all(&self, clock: &SharedClock, store: &SharedStore) -> (Vec<ClockMove>, i64) {
        self.reading(clock, store);
        let all = self.lock();
        (all.clone(), self.sum_ms.load(Ordering::SeqCst))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ClockMove>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
