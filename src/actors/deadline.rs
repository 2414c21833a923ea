//! The deadline of a call, and whether the decision or the deadline was first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Instant,
};

const OPEN: u8 = 0;
const DECIDED: u8 = 1;
const MISSED: u8 = 2;

/// When a call is answered that it took too long. Clones are the same call.
///
/// A command is decided before its deadline or never. A call whose command was decided is not told that it
/// took too long: its events are on their way into the log. Only where another node wrote first, so that
/// nothing of it is in the log, it is told so after all.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    state: Arc<AtomicU8>,
}

impl Deadline {
    /// A deadline at that moment.
    pub fn at(at: Instant) -> Self {
        Self { at, state: Arc::new(AtomicU8::new(OPEN)) }
    }

    /// Whether a command of the call may be decided. From the first that may, all may.
    pub fn decide(&self) -> bool {
        if self.is_over() {
            self.miss();
        }
        self.turn(DECIDED)
    }

    /// Its moment.
    pub fn moment(&self) -> Instant {
        self.at
    }

    /// Whether its moment has come.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.at
    }

    /// Whether the call may be answered that it took too long. If so nothing of it is decided any
    /// more.
    pub fn miss(&self) -> bool {
        self.turn(MISSED)
    }

    fn turn(&self, to: u8) -> bool {
        let turned = self.state.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire);
        turned.map_or_else(|found| found == to, |_open| true)
    }
}
