//! What pages ask read models and the log: how much at once, and what is kept of the answers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    actors::{Permit, Permits},
    pages::{PostMortem, Stage},
    reports::Pulse,
    values::{SaleId, UnixMs},
};

/// Questions to read models and the log at once.
const LOOKS_MAX: usize = 4;

/// Places for what pages ask, and the last post-mortem that was written.
pub(super) struct Desk {
    pub(super) looks: Permits,
    /// The lock for the first pulse of a sale: all pages that open it at once get the same.
    pub(super) turn: Permits,
    pub(super) firsts: Mutex<Vec<Arc<Pulse>>>,
    pub(super) reports: Written,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            looks: Permits::new(LOOKS_MAX),
            turn: Permits::new(1),
            firsts: Mutex::default(),
            reports: Written::default(),
        }
    }
}

/// Post-mortems that were written, one at a time, and are kept until the log has gone on.
pub(super) struct Written {
    pub(super) turn: Permits,
    pub(super) kept: Arc<Mutex<Vec<Kept>>>,
}

/// One of them.
pub(super) struct Kept {
    pub(super) sale: SaleId,
    pub(super) facts: Arc<PostMortem>,
    /// Until then it is good enough, even if the log has gone on.
    pub(super) good_until: Instant,
}

impl Written {
    /// A turn at long work.
    pub(super) async fn one_at_a_time(&self) -> Option<Permit> {
        self.turn.take(None).await
    }

    /// What is kept of a sale, if it is as of this position, or nearly so.
    pub(super) fn kept(&self, sale: SaleId, head: u64, now: UnixMs) -> Option<Arc<PostMortem>> {
        let all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.iter().find(|kept| kept.sale == sale)?;
        let good = kept.facts.position >= head || Instant::now() < kept.good_until;
        // A sale opens and ends without an event.
        let good = good && kept.facts.stage == Stage::of(&kept.facts.sale, now);
        good.then(|| Arc::clone(&kept.facts))
    }
}

impl Default for Written {
    fn default() -> Self {
        Self { turn: Permits::new(1), kept: Arc::default() }
    }
}
