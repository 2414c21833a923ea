//! The pacing of a replay: the recorded times since the first event, divided by the speed.

use crate::values::{Invalid, UnixMs};

/// Fastest speed; beyond it, use `unpaced`.
pub const SPEED_MAX: i64 = 1_000_000;

/// How a replay goes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// So many times as fast as it happened.
    Times(i64),
    /// As fast as it can be read.
    Unpaced,
}

/// A pace from its two fields, of which exactly one is given.
///
/// # Errors
/// When neither or both are given, or the speed is out of bounds.
pub fn pace(field: &str, speed: i64, unpaced: bool) -> Result<Pace, Invalid> {
    match (speed, unpaced) {
        (0, true) => Ok(Pace::Unpaced),
        (_, true) => Err(Invalid::new(field, "must not be given together with unpaced")),
        (1..=SPEED_MAX, false) => Ok(Pace::Times(speed)),
        (_, false) => Err(Invalid::new(field, format!("must be 1 to {SPEED_MAX}"))),
    }
}

/// Tells when each event is due.
#[derive(Debug, Clone, Copy)]
pub struct Metronome {
    pace: Pace,
    /// Longest pause between two events, in milliseconds of the viewer's time.
    pause_max_ms: Option<i64>,
    /// The last event: when it happened and when it was due.
    last: Option<(UnixMs, UnixMs)>,
}

impl Metronome {
    /// One that has not begun.
    pub fn new(pace: Pace, pause_max_ms: Option<i64>) -> Self {
        Self { pace, pause_max_ms, last: None }
    }

    /// When an event that happened then is due, if there is anything to wait for.
    pub fn due(&mut self, happened: UnixMs, now: UnixMs) -> Option<UnixMs> {
        let speed = match self.pace {
            Pace::Times(speed) => speed,
            Pace::Unpaced => return None,
        };
        let Some((before, was_due)) = self.last else {
            self.last = Some((happened, now));
            return None;
        };
        // What is left of a division is kept: the next event is measured from the same one.
        let pause = happened.since(before).max(0) / speed;
        if pause == 0 {
            return None;
        }
        let due = was_due.plus(self.pause_max_ms.map_or(pause, |max| pause.min(max)));
        self.last = Some((happened, due));
        Some(due)
    }
}
