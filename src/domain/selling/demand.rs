//! Counts attempts until their second is over, then makes ticks of them.

use std::collections::BTreeMap;

use crate::{
    events::{
        ATTEMPTS_PER_TICK_MAX, Attempt, CHANNELS_PER_TICK_MAX, ChannelDemand, DemandTick,
        OTHER_CHANNEL, PackedAttempt, pack, packed_units,
    },
    values::{UnixMs, short},
};

/// Attempts kept at most while they cannot be written; the oldest second goes first. At about 50
/// bytes each this bounds the memory of one item that lost its store to some 50 MB.
const PENDING_MAX: usize = 1_000_000;

/// The attempts of the second that is running, and of those not yet written.
#[derive(Debug, Default)]
pub struct DemandCounter {
    /// Seconds in order of time, each with its attempts in order of decision.
    seconds: BTreeMap<i64, Vec<(PackedAttempt, String)>>,
    pending: usize,
}

impl DemandCounter {
    /// Counts an attempt that arrived at that moment.
    pub fn count(&mut self, attempt: Attempt, arrived: UnixMs) {
        let packed = PackedAttempt {
            // rem_euclid keeps it in 0..1000.
            arrival_ms: u16::try_from(arrived.0.rem_euclid(1000)).unwrap_or(0),
            units: packed_units(attempt.units),
            outcome: attempt.outcome,
            buyer_hash: attempt.buyer_hash,
        };
        self.seconds.entry(arrived.second()).or_default().push((packed, attempt.channel));
        self.pending += 1;
        if self.pending > PENDING_MAX
            && let Some((_, lost)) = self.seconds.pop_first()
        {
            self.pending -= lost.len();
        }
    }

    /// Whether nothing is waiting to be written.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// The earliest second with attempts.
    pub fn first_second(&self) -> Option<i64> {
        self.seconds.keys().next().copied()
    }

    /// Takes out the attempts of all seconds but the one that runs and the one that may just have
    /// begun, to make ticks of them elsewhere. Seconds that lie further ahead were counted before the
    /// clock was set back.
    pub fn split_over(&mut self, running: i64) -> Self {
        let mut from_running = self.seconds.split_off(&running);
        let after_running = from_running.split_off(&running.saturating_add(2));
        let mut seconds = std::mem::replace(&mut self.seconds, from_running);
        seconds.extend(after_running);
        let pending = seconds.values().map(Vec::len).sum();
        self.pending -= pending;
        Self { seconds, pending }
    }

    /// The ticks of all seconds before `second`, at most about `max` of them. Taken once.
    pub fn take_before(&mut self, second: i64, max: usize) -> Vec<DemandTick> {
        let mut ticks = Vec::new();
        while ticks.len() < max {
            match self.seconds.first_entry() {
                Some(entry) if *entry.key() < second => {
                    let (second, attempts) = entry.remove_entry();
                    self.pending -= attempts.len();
                    let parts = attempts.chunks(ATTEMPTS_PER_TICK_MAX);
                    ticks.extend(parts.map(|part| tick(second, part)));
                }
                _ => break,
            }
        }
        ticks
    }
}

fn tick(second: i64, attempts: &[(PackedAttempt, String)]) -> DemandTick {
    let mut outcomes = BTreeMap::new();
    let mut channels: BTreeMap<String, ChannelDemand> = BTreeMap::new();
    for (attempt, channel) in attempts {
        *outcomes.entry(attempt.outcome).or_insert(0) += 1;
        if channel.is_empty() {
            continue;
        }
        let full = channels.len() >= CHANNELS_PER_TICK_MAX;
        let name = if full && !channels.contains_key(channel) { OTHER_CHANNEL } else { channel };
        let demand = channels.entry(name.to_owned()).or_default();
        demand.attempts += 1;
        if attempt.outcome == crate::events::AttemptOutcome::Placed {
            demand.placed += 1;
        }
    }
    let packed: Vec<PackedAttempt> = attempts.iter().map(|(attempt, _)| *attempt).collect();
    DemandTick {
        second,
        attempts: short(attempts.len()),
        outcomes,
        channels,
        packed: pack(&packed),
    }
}
