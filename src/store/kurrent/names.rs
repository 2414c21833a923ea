//! Names and times as the server writes them.

use crate::events::StreamName;

/// A stream that is never written. Whether a node answers a question about it says whether it is
/// there and leads.
pub(super) const NO_STREAM: &str = "item-00000000-0000-0000-0000-000000000000";

/// A stream that was asked for by its prefix: one of a node, or one of the rules' own.
pub(super) fn stream_name(text: &str) -> Option<StreamName> {
    StreamName::parse(text).or_else(|| StreamName::parse_probe(text))
}

/// Milliseconds since the Unix epoch from a server's ticks of 100 ns, written as a number.
pub(super) fn ms_of_ticks(ticks: &str) -> Option<i64> {
    const TICKS_PER_MS: i64 = 10_000;
    Some(ticks.parse::<i64>().ok()? / TICKS_PER_MS)
}
