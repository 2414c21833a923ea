//! Deduplication of beacons: their ids, for as long as a repeat can be accepted.
//!
//! Pure, exact and bounded. A beacon may be ten minutes old, so an id is kept until beacons of its
//! age are no longer accepted. Beyond the bound the oldest ids are dropped early, and beacons as
//! old as these are no longer accepted: the accepted age shrinks and the count stays exact. This
//! relies on the time in a beacon, which a repeat keeps; a beacon without a time gets that of its
//! arrival, and counts once only for as long as its id is kept.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::values::UnixMs;

/// How old a beacon may be, and how far ahead of the node's clock.
pub const PAST_MS_MAX: i64 = 600_000;
pub const FUTURE_MS_MAX: i64 = 60_000;

/// Ids kept at most: what fills a table of 2^22 places, about 90 MB.
pub const IDS_MAX: usize = 3_670_016;

/// Ids too old to be needed are looked for this often.
const SWEEP_SECONDS: i64 = 30;

/// What is known of a beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    First,
    Again,
    /// Too long ago to know, or in the future.
    OutOfRange,
    /// There is no room to remember it.
    Full,
}

/// Ids of beacons.
#[derive(Debug)]
pub struct SeenBeacons {
    /// With each the second up to which a beacon can be it: the later of its own and its arrival's.
    ids: HashMap<Uuid, i64>,
    /// How many ids there are of each second.
    seconds: BTreeMap<i64, usize>,
    ids_max: usize,
    /// Everything before this second is forgotten.
    known_from: i64,
    swept: i64,
}

impl SeenBeacons {
    /// A memory of at most that many ids.
    pub fn new(ids_max: usize) -> Self {
        Self {
            ids: HashMap::new(),
            seconds: BTreeMap::new(),
            ids_max: ids_max.max(4),
            known_from: i64::MIN,
            swept: i64::MIN,
        }
    }

    /// A beacon of that moment arrives now.
    pub fn arrives(&mut self, id: Uuid, at: UnixMs, now: UnixMs) -> Arrival {
        if at < now.plus(-PAST_MS_MAX) || at > now.plus(FUTURE_MS_MAX) {
            return Arrival::OutOfRange;
        }
        if now.second() >= self.swept.saturating_add(SWEEP_SECONDS) {
            self.swept = now.second();
            self.forget_before(now.plus(-PAST_MS_MAX).second());
        }
        if at.second() < self.known_from {
            return Arrival::OutOfRange;
        }
        if self.ids.contains_key(&id) {
            return Arrival::Again;
        }
        if self.ids.len() >= self.ids_max && !self.make_room(now.second()) {
            return Arrival::Full;
        }
        if at.second() < self.known_from {
            return Arrival::OutOfRange;
        }
        self.keep(id, at.second().max(now.second()));
        Arrival::First
    }

    /// A beacon of that moment that arrived then, as the log says. Where there is no room for it
    /// what is older is forgotten, or else its own second.
    pub fn remember(&mut self, id: Uuid, at: UnixMs, arrived: UnixMs) {
        let second = at.second().max(arrived.second());
        if second < self.known_from || self.ids.contains_key(&id) {
            return;
        }
        if self.ids.len() >= self.ids_max && !self.make_room(second) {
            self.forget_before(second + 1);
            return;
        }
        self.keep(id, second);
    }

    /// Nothing that was remembered before this moment matters any more.
    pub fn known_from(&self) -> UnixMs {
        UnixMs(self.known_from.saturating_mul(1_000))
    }

    fn keep(&mut self, id: Uuid, second: i64) {
        self.ids.insert(id, second);
        *self.seconds.entry(second).or_default() += 1;
    }

    /// Forgets the oldest quarter, by whole seconds. What is of that second or later stays.
    fn make_room(&mut self, second: i64) -> bool {
        let wanted = self.ids_max / 4;
        let (mut found, mut from) = (0, self.known_from);
        for (older, ids) in &self.seconds {
            if *older >= second || found >= wanted {
                break;
            }
            found += ids;
            from = older + 1;
        }
        if found > 0 {
            self.forget_before(from);
        }
        found > 0
    }

    fn forget_before(&mut self, second: i64) {
        self.known_from = self.known_from.max(second);
        let kept = self.seconds.split_off(&second);
        if std::mem::replace(&mut self.seconds, kept).is_empty() {
            return;
        }
        self.ids.retain(|_, of| *of >= second);
    }
}
