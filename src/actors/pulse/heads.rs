//! The end of the log by time, which gives a lower bound for the age of the events that a read
//! model lacks, also between two pages, before the next one is read.

use std::collections::VecDeque;

use crate::{events::Position, values::UnixMs};

/// Moments that are remembered: with four a second ten minutes. What is older is told as so old.
const MOMENTS: usize = 2_400;

/// Ends of the log, oldest first.
#[derive(Debug, Default)]
pub struct Heads(VecDeque<(UnixMs, Position)>);

impl Heads {
    /// The log ends there now. Only the first moment counts of those at which it ended there.
    pub fn saw(&mut self, at: UnixMs, head: Position) {
        if self.0.back().is_some_and(|(_, before)| *before >= head) {
            return;
        }
        if self.0.len() == MOMENTS {
            self.0.pop_front();
        }
        self.0.push_back((at, head));
    }

    /// How long ago the log was first seen to go on after a position, in milliseconds: what comes
    /// next is no younger. 0 where it does not go on.
    pub fn age_after(&self, position: Position, now: UnixMs) -> i64 {
        let first = self.0.iter().find(|(_, head)| *head > position);
        first.map_or(0, |(at, _)| now.since(*at).max(0))
    }
}
