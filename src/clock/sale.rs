//! The sale clock: what a node's rules read. It costs one reading of the time since boot and one
//! atomic load; a thread compares it with the wall clock and steers it.
//!
//! The time since boot advances while the machine is suspended, but timers do not: the thread
//! detects this as well and wakes all waiting timers.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

use super::{
    Clock, Reading,
    steering::{Change, ClockLook, Sample, Steering},
};
use crate::values::{UnixMs, millis, nanos};

/// The time since boot, also while the machine sleeps where the system can tell.
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// Pause between two comparisons: a jump of a second is seen several times.
const COMPARE_EVERY: Duration = Duration::from_millis(200);

/// Two clocks that were read further apart than this say nothing of each other, in nanoseconds.
const READ_WITHIN_NS: i64 = 50_000_000;

/// By how much more than the sleeping threads the time since boot has moved on after a suspension.
const SUSPENDED: Duration = Duration::from_secs(1);

/// Longest sleep at a time: what is slewed meanwhile is noticed.
const NAP_MAX_MS: i64 = 3_600_000;

/// The clock of a node that sells. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SaleClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Odd while the two below are being changed together.
    turn: AtomicU64,
    offset_ns: AtomicI64,
    moved_ms: AtomicI64,
    steering: Mutex<Steering>,
    /// Counts what makes sleepers look at the clock again.
    disturbed: watch::Sender<u64>,
}

impl SaleClock {
    /// Starts with the wall clock as it is. A jump of the wall clock must hold for that long before
    /// it is taken over.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(hold: Duration) -> std::io::Result<Self> {
        let hold_ms = millis(hold);
        let steering = Steering::new(sample_surely(), hold_ms);
        let inner = Arc::new(Inner {
            turn: AtomicU64::new(0),
            offset_ns: AtomicI64::new(steering.offset_ns()),
            moved_ms: AtomicI64::new(0),
            steering: Mutex::new(steering),
            disturbed: watch::Sender::new(0),
        });
        let watched = Arc::downgrade(&inner);
        thread::Builder::new().name("clock".to_owned()).spawn(move || compare(&watched))?;
        Ok(Self(inner))
    }
}

impl Clock for SaleClock {
    fn now(&self) -> UnixMs {
        moment(self.0.offset_ns.load(Ordering::SeqCst))
    }

    fn reading(&self) -> Reading {
        loop {
            let turn = self.0.turn.load(Ordering::SeqCst);
            let now = self.now();
            let moved_ms = self.0.moved_ms.load(Ordering::SeqCst);
            // A clock of before a step with the sum of after it would end every hold at once.
            if turn.is_multiple_of(2) && self.0.turn.load(Ordering::SeqCst) == turn {
                return Reading { now, moved_ms };
            }
            std::hint::spin_loop();
        }
    }

    fn look(&self) -> ClockLook {
        self.0.lock().look()
    }

    fn log_ends_at(&self, recorded: UnixMs) {
        let ahead = self.0.lock().log_ends_at(recorded);
        if let Some(ahead_ms) = ahead {
            tracing::error!(
                ahead_ms,
                "the newest event of the log lies in the future: the clock is wrong, or it was \
                 wrong when that was written"
            );
        }
    }

    fn sleep_until(&self, moment: UnixMs) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.clone();
        let mut disturbed = self.0.disturbed.subscribe();
        Box::pin(async move {
            loop {
                let left_ms = moment.since(clock.now());
                let Ok(nap_ms @ 1..) = u64::try_from(left_ms.min(NAP_MAX_MS)) else { return };
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(nap_ms)) => {}
                    // The sender lives as long as the clock.
                    _ = disturbed.changed() => return,
                }
            }
        })
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Steering> {
        self.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, sample: Sample) {
        let mut steering = self.lock();
        let change = steering.sample(sample);
        let (offset_ns, moved_ms) = (steering.offset_ns(), steering.moved_ms());
        drop(steering);
        if self.moved_ms.load(Ordering::SeqCst) == moved_ms {
            self.offset_ns.store(offset_ns, Ordering::SeqCst);
        } else {
            self.turn.fetch_add(1, Ordering::SeqCst);
            self.offset_ns.store(offset_ns, Ordering::SeqCst);
            self.moved_ms.store(moved_ms, Ordering::SeqCst);
            self.turn.fetch_add(1, Ordering::SeqCst);
            self.disturb();
        }
        match change {
            None => {}
            Some(Change::Jumped { off_ms }) => tracing::warn!(
                off_ms,
                "the wall clock jumped; sales continue on the time since boot unless the jump holds"
            ),
            Some(Change::Returned { peak_ms, after_ms }) => {
                tracing::warn!(peak_ms, after_ms, "the wall clock is right again after a jump");
            }
            Some(Change::Stepped { by_ms }) => tracing::warn!(
                by_ms,
                "the jump of the wall clock held: it is adopted, and live deadlines move with it"
            ),
            Some(Change::Accepted { behind_ms }) => tracing::warn!(
                behind_ms,
                "the clock is still behind the newest event of the log; it is trusted from now on"
            ),
        }
    }

    fn disturb(&self) {
        self.disturbed.send_modify(|times| *times += 1);
    }
}

/// Compares both clocks for as long as the clock is in use.
fn compare(watched: &Weak<Inner>) {
    let mut before = (since_boot(), Instant::now());
    loop {
        thread::sleep(COMPARE_EVERY);
        let Some(clock) = watched.upgrade() else { return };
        if let Some(sample) = sample() {
            clock.judge(sample);
        }
        let now = (since_boot(), Instant::now());
        let on_boot = Duration::from_nanos(u64::try_from(now.0 - before.0).unwrap_or(0));
        if on_boot.saturating_sub(now.1.duration_since(before.1)) >= SUSPENDED {
            tracing::warn!(ms = on_boot.as_millis(), "the machine was suspended");
            clock.disturb();
        }
        before = now;
    }
}

fn moment(offset_ns: i64) -> UnixMs {
    UnixMs(since_boot().saturating_add(offset_ns).div_euclid(1_000_000))
}

fn since_boot() -> i64 {
    let time = clock_gettime(SINCE_BOOT);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// Nanoseconds since the Unix epoch, by the clock that people set.
fn wall() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the wall clock is read here and in `WallClock`")]
    let now = SystemTime::now();
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => nanos(before.duration()).saturating_neg(),
    }
}

/// Both clocks, unless the thread was held up between the two.
fn sample() -> Option<Sample> {
    let (before, wall_ns, after) = (since_boot(), wall(), since_boot());
    let boot_ns = before + (after - before) / 2;
    (after - before <= READ_WITHIN_NS).then_some(Sample { boot_ns, wall_ns })
}

fn sample_surely() -> Sample {
    loop {
        if let Some(sample) = sample() {
            return sample;
        }
    }
}
