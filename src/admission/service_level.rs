//! The level at which this node runs, and what each level leaves out.
//!
//! One value, shared by all parts that a level sheds. It follows the log: every reader of a change
//! reports it here, in any order, and the newest revision counts.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use tokio::sync::watch;

use crate::values::ServiceLevel;

/// A part of the service that a level can leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServicePart {
    /// Beacons of traffic are taken.
    Traffic,
    /// The board shows what is dear to find out.
    BoardDetail,
    /// The board is there at all.
    Board,
    /// Reports, replays and verifications.
    Reports,
    /// New orders.
    Orders,
}

impl ServicePart {
    /// All of them, in the order in which they are left out.
    pub const ALL: [Self; 5] =
        [Self::Traffic, Self::BoardDetail, Self::Board, Self::Reports, Self::Orders];

    /// The first level that leaves it out; all after it do, too. The one table of this.
    pub fn left_out_from(self) -> ServiceLevel {
        match self {
            Self::Traffic => ServiceLevel::NoTraffic,
            Self::BoardDetail => ServiceLevel::NoBoardDetail,
            Self::Board | Self::Reports => ServiceLevel::CoreOnly,
            Self::Orders => ServiceLevel::Closed,
        }
    }

    /// Whether it runs at that level.
    pub fn runs_at(self, level: ServiceLevel) -> bool {
        level < self.left_out_from()
    }
}

/// The level of this node.
#[derive(Debug)]
pub struct CurrentServiceLevel {
    /// Place of the level in [`ServiceLevel::ALL`].
    place: AtomicU8,
    /// Revision of the level's stream that was heard of last; `None` before anything was.
    heard: Mutex<Option<u64>>,
    levels: watch::Sender<ServiceLevel>,
}

impl Default for CurrentServiceLevel {
    fn default() -> Self {
        Self::new()
    }
}

impl CurrentServiceLevel {
    /// A service of which nothing was heard yet: everything runs.
    pub fn new() -> Self {
        Self {
            place: AtomicU8::new(0),
            heard: Mutex::new(None),
            levels: watch::Sender::new(ServiceLevel::default()),
        }
    }

    /// The level in force. Costs one look at a number.
    pub fn level(&self) -> ServiceLevel {
        let place = usize::from(self.place.load(Ordering::Relaxed));
        ServiceLevel::ALL.get(place).copied().unwrap_or_default()
    }

    /// Whether a part runs now.
    pub fn runs(&self, part: ServicePart) -> bool {
        part.runs_at(self.level())
    }

    /// Whether new orders are taken.
    pub fn takes_orders(&self) -> bool {
        self.runs(ServicePart::Orders)
    }

    /// Whether beacons of traffic are taken.
    pub fn takes_traffic(&self) -> bool {
        self.runs(ServicePart::Traffic)
    }

    /// Whether the board shows what is dear to find out.
    pub fn shows_board_detail(&self) -> bool {
        self.runs(ServicePart::BoardDetail)
    }

    /// Whether the board is there at all.
    pub fn shows_board(&self) -> bool {
        self.runs(ServicePart::Board)
    }

    /// Whether reports, replays and verifications are answered.
    pub fn answers_reports(&self) -> bool {
        self.runs(ServicePart::Reports)
    }

    /// Tells of every change from now on; the value is the level in force.
    pub fn subscribe(&self) -> watch::Receiver<ServiceLevel> {
        self.levels.subscribe()
    }

    /// Revision of the level's stream that was heard of last.
    pub fn revision(&self) -> Option<u64> {
        *self.heard()
    }

    /// The log says that this level was set at that revision of the level's stream. What is older
    /// than what was heard of already changes nothing.
    pub fn came(&self, revision: u64, level: ServiceLevel) {
        let mut heard = self.heard();
        if *heard >= Some(revision) {
            return;
        }
        *heard = Some(revision);
        let place = ServiceLevel::ALL.iter().position(|one| *one == level);
        let place = place.and_then(|place| u8::try_from(place).ok()).unwrap_or(0);
        self.place.store(place, Ordering::Relaxed);
        let before = self.levels.send_replace(level);
        if before != level {
            tracing::warn!(%level, %before, revision, "the service runs at another level");
        }
    }

    fn heard(&self) -> MutexGuard<'_, Option<u64>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
