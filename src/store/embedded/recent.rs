//! The ids of events written lately, so that an append without an exact expectation can be told
//! from its repetition.
//!
//! They are in memory only and lost at a restart, exactly as with a real server. The first place of
//! an id counts, also when it is written again.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::key::StreamKey;

/// A bounded memory of ids; the oldest are forgotten first.
#[derive(Debug)]
pub(super) struct RecentIds {
    max: usize,
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
    pub(super) fn new(max: usize) -> Self {
        Self { max, places: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn insert(&mut self, id: Uuid, stream: &StreamKey, revision: u64) {
        if self.places.contains_key(&id) {
            return;
        }
        if self.order.len() >= self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
        self.order.push_back(id);
        self.places.insert(id, (stream.clone(), revision));
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
        self.places.clear();
        self.order.clear();
    }
}
