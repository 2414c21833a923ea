//! The ids of events written lately, so that an append without an exact expectation can be told
//! from its repetition.
//!
//! They are in memory only and lost at a restart, exactly as with a real server. The first place of
//! an id counts, also when it is written again.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::key::StreamKey;

/// Bytes of ids that are remembered, counted as a real server does (`CommitedEventsMemCacheLimit`).
pub const REMEMBERED_BYTES: usize = 8 << 20;

/// Bytes that an id counts as: its own, those of its place, and two for each character of its stream.
pub fn remembered_bytes(stream: &str) -> usize {
    28 + 2 * stream.chars().count()
}

/// A bounded memory of ids; the oldest are forgotten first.
#[derive(Debug)]
pub(super) struct RecentIds {
    bytes_max: usize,
    bytes: usize,
    places: HashMap<Uuid, (StreamKey, u64)>,
    order: VecDeque<Uuid>,
}

/// What is known of the events of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The first of them is new; or there are none.
    New,
    /// All were written to that stream; the last one got this revision.
    All { last_revision: u64 },
    /// The first ones were written, but not all.
    Some,
}

impl RecentIds {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, places: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn insert(&mut self, id: Uuid, stream: &StreamKey, revision: u64) {
        if self.places.contains_key(&id) {
            return;
        }
        self.order.push_back(id);
        self.places.insert(id, (stream.clone(), revision));
        self.bytes += remembered_bytes(&stream.to_string());
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.order.pop_front()
        {
            let forgotten = self.places.remove(&oldest);
            let name = forgotten.map(|(stream, _)| stream.to_string());
            self.bytes -= name.as_deref().map_or(0, remembered_bytes);
        }
    }

    pub(super) fn find<'a>(
        &self,
        stream: &StreamKey,
        ids: impl Iterator<Item = &'a Uuid>,
    ) -> Known {
        let mut known = Known::New;
        for id in ids {
            match self.places.get(id) {
                Some((place, revision)) if place == stream => {
                    known = Known::All { last_revision: *revision };
                }
                Some(_) | None if known == Known::New => return Known::New,
                Some(_) | None => return Known::Some,
            }
        }
        known
    }

    pub(super) fn clear(&mut self) {
        self.bytes = 0;
        self.places.clear();
        self.order.clear();
    }
}
