//! Order latency of the last two minutes, one value per second, for the board's chart. Kept in
//! memory only, because it concerns this process.

use crate::reports::{LatencySecond, RECENT_SECONDS};

/// The last seconds, oldest first and without gaps; at most [`RECENT_SECONDS`].
#[derive(Debug, Default)]
pub struct Latencies(Vec<LatencySecond>);

impl Latencies {
    /// What a round found. Of two rounds in one second the later counts. Seconds to which no round
    /// came are told by the next one, which counts all that was since the one before; after two
    /// minutes without a round they are not told.
    pub fn took(&mut self, found: LatencySecond) {
        let oldest = found.second.saturating_sub(RECENT_SECONDS as i64 - 1);
        self.0.retain(|known| (oldest..found.second).contains(&known.second));
        let after = self.0.last().map(|last| last.second);
        let next = after.map_or(oldest, |after| after + 1);
        self.0.extend((next..=found.second).map(|second| match after {
            // Of what was before the first round nothing is known.
            None if second < found.second => LatencySecond { second, ..LatencySecond::default() },
            None | Some(_) => LatencySecond { second, ..found },
        }));
    }

    /// All of them.
    pub fn seconds(&self) -> &[LatencySecond] {
        &self.0
    }
}
