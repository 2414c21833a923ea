//! A summary of a log for comparisons: every stream with its number of events, its last id and a
//! digest, and a digest over all events in order.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::walk::Walk;
use crate::{
    events::{Position, Recorded, StreamName},
    store::{LogSource, ReadError},
};

/// The sums of one log.
pub(super) struct Sums {
    streams: BTreeMap<StreamName, StreamSum>,
    whole: Sha256,
}

struct StreamSum {
    events: u64,
    last_id: Uuid,
    hash: Sha256,
}

impl Sums {
    /// Of the first `events_max` events of a log.
    pub(super) async fn of(
        log: &LogSource,
        events_max: u64,
        progress: &mut (dyn FnMut(Position, u64) + Send),
    ) -> Result<Self, ReadError> {
        let mut sums = Self { streams: BTreeMap::new(), whole: Sha256::new() };
        let mut walk = Walk::along(log);
        let mut events = 0;
        while events < events_max
            && let Some(event) = walk.next().await?
        {
            events += 1;
            sums.add(&event);
            if walk.is_at_page_end() {
                progress(walk.position(), events);
            }
        }
        Ok(sums)
    }

    /// How many streams it has.
    pub(super) fn streams(&self) -> u64 {
        self.streams.len() as u64
    }

    /// The digest over all events in their order, in hexadecimal.
    pub(super) fn in_order(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.whole.clone().finalize() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Streams that one side does not have, or not like this.
    pub(super) fn differing(&self, other: &Self) -> Vec<StreamName> {
        let here = self.streams.iter().filter(|(name, sum)| {
            !other.streams.get(name).is_some_and(|theirs| sum.equals(theirs))
        });
        let there = other.streams.keys().filter(|name| !self.streams.contains_key(name));
        here.map(|(name, _)| *name).chain(there.copied()).collect()
    }

    fn add(&mut self, event: &Recorded) {
        let sum = self.streams.entry(event.stream).or_insert_with(|| StreamSum {
            events: 0,
            last_id: event.id,
            hash: Sha256::new(),
        });
        sum.events += 1;
        sum.last_id = event.id;
        hash_event(&mut sum.hash, event);
        self.whole.update(event.stream.to_string());
        hash_event(&mut self.whole, event);
    }
}

impl StreamSum {
    fn equals(&self, other: &Self) -> bool {
        (self.events, self.last_id) == (other.events, other.last_id)
            && self.hash.clone().finalize() == other.hash.clone().finalize()
    }
}

/// What is the same on every store: not the position, not the time of recording.
fn hash_event(hash: &mut Sha256, event: &Recorded) {
    hash.update(event.revision.to_be_bytes());
    hash.update(event.id.as_bytes());
    for part in [event.kind.as_bytes(), &event.data, &event.metadata] {
        // The length goes first, so that no two different events hash the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
}
