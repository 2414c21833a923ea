//! How the sale clock follows the wall clock. Pure: pairs of readings go in, what changed comes out.
//!
//! The sale clock is the time since boot plus an offset. The time since boot cannot be set, so a
//! wall clock that jumps shows as a difference between the two. A difference below [`JUMP_NS`] is
//! slewed; a larger one is adopted only after it has held, because most jumps are errors that are
//! corrected within seconds, and decisions made in between cannot be reverted.

use std::fmt;

use crate::values::UnixMs;

/// Nanoseconds in a millisecond.
const MS: i64 = 1_000_000;

/// From this difference on the wall clock has jumped, in nanoseconds.
pub const JUMP_NS: i64 = 1_000 * MS;

/// How fast a smaller difference is slewed away, in millionths: a whole second takes 200 s.
const SLEW_PPM: i64 = 5_000;

/// Readings further apart say nothing of the time between them: what had held starts over.
const UNOBSERVED_NS: i64 = 5_000 * MS;

/// For how long a jump that is over is still shown, so that checks once a second see it.
const SHOWN_NS: i64 = 10_000 * MS;

/// Both clocks read at one moment, in nanoseconds since boot and since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub boot_ns: i64,
    pub wall_ns: i64,
}

/// What a reading changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The wall clock is that far ahead of the sale clock; behind it where negative.
    Jumped { off_ms: i64 },
    /// The wall clock agrees with the sale clock again after so long.
    Returned { peak_ms: i64, after_ms: i64 },
    /// The jump was taken over: the sale clock was moved by that much.
    Stepped { by_ms: i64 },
    /// The wall clock stayed behind the log since the start; it is trusted all the same.
    Accepted { behind_ms: i64 },
}

/// Why the clock is not trusted just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// The wall clock has differed so since a moment of the sale clock; after `hold_ms` it is taken
    /// over.
    Jumped { off_ms: i64, since: UnixMs, hold_ms: i64 },
    /// The newest event of the log was recorded at a moment in the future.
    BehindLog { recorded: UnixMs },
}

/// The state of the clock, for its monitoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockLook {
    /// The wall clock minus the sale clock.
    pub off_ms: i64,
    /// The largest difference of the jump that lasts or ended within the last ten seconds, else
    /// the present one; never negative.
    pub peak_off_ms: i64,
    pub distrust: Option<Distrust>,
    /// Jumps noticed since the start.
    pub jumps: u64,
    /// Jumps taken over since the start.
    pub steps: u64,
}

/// The rules, and what they rest on.
#[derive(Debug, Clone)]
pub struct Steering {
    offset_ns: i64,
    hold_ns: i64,
    last: Sample,
    jump: Option<Jump>,
    /// When the last jump was over, and how far it went.
    over: Option<(i64, i64)>,
    behind_log: Option<BehindLog>,
    moved_ms: i64,
    jumps: u64,
    steps: u64,
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    began_ns: i64,
    /// The offset that it asks for, and since when.
    offset_ns: i64,
    since_ns: i64,
    peak_ns: i64,
}

/// The log knows a later moment than the clock had at the start.
#[derive(Debug, Clone, Copy)]
struct BehindLog {
    recorded_ns: i64,
    since_ns: i64,
}

impl Steering {
    /// Begins with the wall clock as it is: there is nothing older to hold it against.
    pub fn new(start: Sample, hold_ms: i64) -> Self {
        Self {
            offset_ns: start.wall_ns.saturating_sub(start.boot_ns),
            hold_ns: hold_ms.saturating_mul(MS),
            last: start,
            jump: None,
            over: None,
            behind_log: None,
            moved_ms: 0,
            jumps: 0,
            steps: 0,
        }
    }

    /// The sale clock minus the time since boot, in nanoseconds.
    pub fn offset_ns(&self) -> i64 {
        self.offset_ns
    }

    /// By how much jumps that were taken over have moved the sale clock since the start.
    pub fn moved_ms(&self) -> i64 {
        self.moved_ms
    }

    /// Judges both clocks.
    pub fn sample(&mut self, sample: Sample) -> Option<Change> {
        let elapsed_ns = sample.boot_ns.saturating_sub(self.last.boot_ns).max(0);
        let is_observed = elapsed_ns <= UNOBSERVED_NS;
        self.last = sample;
        if self.off_ns().abs() < JUMP_NS {
            let most = elapsed_ns.min(UNOBSERVED_NS) / 1_000_000 * SLEW_PPM;
            self.offset_ns += self.off_ns().clamp(-most, most);
            let returned = self.jump.take().map(|jump| self.returned(jump));
            let accepted = self.judge_start(is_observed);
            return returned.or(accepted);
        }
        let asked_ns = sample.wall_ns.saturating_sub(sample.boot_ns);
        let off_ns = self.off_ns();
        let fresh = Jump {
            began_ns: sample.boot_ns,
            offset_ns: asked_ns,
            since_ns: sample.boot_ns,
            peak_ns: off_ns,
        };
        let is_other = |jump: &Jump| asked_ns.saturating_sub(jump.offset_ns).abs() >= JUMP_NS;
        let mut jump = self.jump.unwrap_or(fresh);
        let is_new = self.jump.is_none() || is_other(&jump);
        if is_new || !is_observed {
            (jump.offset_ns, jump.since_ns) = (asked_ns, sample.boot_ns);
        }
        if off_ns.abs() > jump.peak_ns.abs() {
            jump.peak_ns = off_ns;
        }
        self.jump = Some(jump);
        self.jumps += u64::from(is_new);
        // A clock that was found behind the log at the start is put right by the first one that is not.
        let is_right_at_last =
            self.behind_log.is_some_and(|log| sample.wall_ns > log.recorded_ns - JUMP_NS);
        let has_held = sample.boot_ns.saturating_sub(jump.since_ns) >= self.hold_ns;
        if is_right_at_last || has_held {
            return Some(self.step(off_ns, jump));
        }
        is_new.then_some(Change::Jumped { off_ms: off_ns / MS })
    }

    /// The log's newest event was recorded at that moment. Where that lies ahead, the clock is not
    /// trusted until it has come so far, the wall clock is set, or it has stayed so for as long as
    /// a jump must hold. Gives how far ahead it lies.
    pub fn log_ends_at(&mut self, recorded: UnixMs) -> Option<i64> {
        let recorded_ns = recorded.0.saturating_mul(MS);
        let ahead_ns = recorded_ns.saturating_sub(self.now_ns());
        if ahead_ns < JUMP_NS {
            return None;
        }
        self.behind_log = Some(BehindLog { recorded_ns, since_ns: self.last.boot_ns });
        Some(ahead_ns / MS)
    }

    /// The state for monitoring.
    pub fn look(&self) -> ClockLook {
        let off_ns = self.off_ns();
        let recent = self.over.filter(|(at, _)| self.last.boot_ns - at <= SHOWN_NS);
        let peak_ns = match (self.jump, recent) {
            (Some(jump), _) => jump.peak_ns,
            (None, Some((_, peak_ns))) => peak_ns,
            (None, None) => off_ns,
        };
        let jumped = self.jump.map(|jump| Distrust::Jumped {
            off_ms: off_ns / MS,
            since: UnixMs(jump.since_ns.saturating_add(self.offset_ns).div_euclid(MS)),
            hold_ms: self.hold_ns / MS,
        });
        let recorded = |log: BehindLog| UnixMs(log.recorded_ns / MS);
        let behind = self.behind_log.map(|log| Distrust::BehindLog { recorded: recorded(log) });
        ClockLook {
            off_ms: off_ns / MS,
            peak_off_ms: (peak_ns / MS).saturating_abs(),
            distrust: jumped.or(behind),
            jumps: self.jumps,
            steps: self.steps,
        }
    }

    /// The wall clock minus the sale clock as they were last read.
    fn off_ns(&self) -> i64 {
        self.last.wall_ns.saturating_sub(self.now_ns())
    }

    fn now_ns(&self) -> i64 {
        self.last.boot_ns.saturating_add(self.offset_ns)
    }

    fn returned(&mut self, jump: Jump) -> Change {
        let now_ns = self.last.boot_ns;
        self.over = Some((now_ns, jump.peak_ns));
        Change::Returned { peak_ms: jump.peak_ns / MS, after_ms: (now_ns - jump.began_ns) / MS }
    }

    /// In whole milliseconds, so that a deadline that is moved along is moved by exactly as much.
    fn step(&mut self, off_ns: i64, jump: Jump) -> Change {
        let by_ms = off_ns / MS;
        self.offset_ns = self.offset_ns.saturating_add(by_ms * MS);
        self.moved_ms = self.moved_ms.saturating_add(by_ms);
        self.steps += 1;
        self.over = Some((self.last.boot_ns, jump.peak_ns));
        self.jump = None;
        self.behind_log = None;
        Change::Stepped { by_ms }
    }

    /// Whether what the log said at the start still stands.
    fn judge_start(&mut self, is_observed: bool) -> Option<Change> {
        let log = self.behind_log.as_mut()?;
        if !is_observed {
            log.since_ns = self.last.boot_ns;
        }
        let log = *log;
        let behind_ns = log.recorded_ns.saturating_sub(self.now_ns());
        if behind_ns < JUMP_NS {
            self.behind_log = None;
            return None;
        }
        let has_held = self.last.boot_ns.saturating_sub(log.since_ns) >= self.hold_ns;
        has_held.then(|| {
            self.behind_log = None;
            Change::Accepted { behind_ms: behind_ns / MS }
        })
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Jumped { off_ms, since, hold_ms } => {
                let side = if off_ms < 0 { "behind" } else { "ahead of" };
                let (off, hold) = (Seconds(off_ms.saturating_abs()), Seconds(hold_ms));
                write!(
                    f,
                    "the wall clock has been {off} {side} the sale clock since {since}; it is taken \
                     over once that has held for {hold}"
                )
            }
            Self::BehindLog { recorded } => {
                write!(f, "the newest event of the log was recorded in the future, at {recorded}")
            }
        }
    }
}

/// Milliseconds as seconds with one digit behind the point.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} s", self.0 / 1000, self.0 % 1000 / 100)
    }
}
