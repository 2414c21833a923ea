//! Notices that this process did not run for a while, as after SIGSTOP. A machine that was suspended together
//! with its monotonic clock is not noticed.
//!
//! What waits in a socket meanwhile is read as if it came just now, whoever gave it up, and so is the
//! deadline that it carries. A thread that wakes regularly tells how long the process did not run; until
//! it has woken, its last time does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{threads, values::millis};

/// How often the thread wakes.
const TICK: Duration = Duration::from_millis(50);

/// What came while the process did not run is read within this.
const READS_WITHIN: Duration = Duration::from_millis(200);

/// When this process did not run.
#[derive(Debug)]
pub struct FreezeWatch {
    began: Instant,
    /// What is longer is a freeze.
    longest: Duration,
    ticked_ms: AtomicU64,
    /// What came before this moment came before a freeze was over and all was read.
    read_by_ms: AtomicU64,
}

impl FreezeWatch {
    /// A watch that is told by [`Self::tick`] that the process runs.
    pub fn new(longest: Duration) -> Self {
        Self {
            began: Instant::now(),
            longest,
            ticked_ms: AtomicU64::new(0),
            read_by_ms: AtomicU64::new(0),
        }
    }

    /// A watch where no caller turns elsewhere: nothing is ever late.
    pub fn without() -> Arc<Self> {
        Arc::new(Self::new(Duration::MAX))
    }

    /// A watch with a thread that ticks as long as the watch is used.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(longest: Duration) -> std::io::Result<Arc<Self>> {
        let watch = Arc::new(Self::new(longest));
        let watched = Arc::downgrade(&watch);
        thread::Builder::new().name("freeze-watch".to_owned()).spawn(move || {
            threads::urgent();
            while let Some(watch) = watched.upgrade() {
                watch.tick();
                drop(watch);
                thread::sleep(TICK);
            }
        })?;
        Ok(watch)
    }

    /// The process runs.
    pub fn tick(&self) {
        let now_ms = self.ms_at(Instant::now());
        if self.is_frozen_at(now_ms) {
            let read_by_ms = now_ms + millis(READS_WITHIN).cast_unsigned();
            self.read_by_ms.store(read_by_ms, Ordering::Release);
        }
        self.ticked_ms.store(now_ms, Ordering::Release);
    }

    /// Whether what came at that moment may have been given up while the process did not run.
    pub fn was_frozen_since(&self, moment: Instant) -> bool {
        self.is_frozen_at(self.ms_at(Instant::now()))
            || self.ms_at(moment) < self.read_by_ms.load(Ordering::Acquire)
    }

    fn is_frozen_at(&self, now_ms: u64) -> bool {
        let silent_ms = now_ms.saturating_sub(self.ticked_ms.load(Ordering::Acquire));
        Duration::from_millis(silent_ms) > self.longest
    }

    fn ms_at(&self, moment: Instant) -> u64 {
        millis(moment.saturating_duration_since(self.began)).cast_unsigned()
    }
}
