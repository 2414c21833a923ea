//! When a snapshot is due.
//!
//! To write one takes as long as to load all that it holds, so a sale that grows writes one each time
//! it has grown by an eighth: all of them together are written in nine times the time of the last. A sale
//! that grows faster than that gets one in eleven times the time that one takes.

/// Of what a stream holds, the part that may lie behind its snapshot while it grows.
const SHARE: u64 = 8;

/// The same once nothing more comes, and at the end of the program.
const SHARE_AT_REST: u64 = 64;

/// What is to be done about a stream that has come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// From so many events on it is worth looking again.
    pub again_at: u64,
    /// Another snapshot is due once the stream is at rest.
    pub await_rest: bool,
}

impl Look {
    /// Such a stream has no snapshots.
    pub const NEVER: Self = Self { again_at: u64::MAX, await_rest: false };
}

/// How many events may lie behind a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Fewer are folded sooner than a snapshot is read.
    pub events_min: u64,
}

impl Rule {
    /// Whether another snapshot is due of a stream that has so many events, of which one holds so many.
    pub fn is_due(self, events: u64, covered: u64, at_rest: bool) -> bool {
        events.saturating_sub(covered) >= self.tail_max(covered, at_rest)
    }

    /// How many events may lie behind a snapshot that holds so many.
    pub fn tail_max(self, covered: u64, at_rest: bool) -> u64 {
        match at_rest {
            false => self.events_min.max(covered / SHARE),
            true => (self.events_min / 2).max(covered / SHARE_AT_REST).max(1),
        }
    }
}
