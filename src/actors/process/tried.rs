//! Works that were asked, and when each may be asked again.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use super::contract::Process;
use crate::actors::Fault;

/// A work that was asked and is due still is left alone for so long: the events that it brought about
/// have to come back to this node.
const ASKED: Duration = Duration::from_secs(4);

/// First and longest pause before a work that could not be asked is tried again, and the longest one
/// for an aggregate whose stream cannot be read.
const FAILED_MIN: Duration = Duration::from_secs(1);
const FAILED_MAX: Duration = Duration::from_secs(4);
const UNREADABLE_MAX: Duration = Duration::from_secs(300);

/// When each work may be asked again, and the pause before, which is zero where the asking succeeded.
pub(super) struct Tried<P: Process>(HashMap<P::Key, (Instant, Duration)>);

impl<P: Process> Default for Tried<P> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<P: Process> Tried<P> {
    /// Those of the works that may be asked now. What is not due any more is forgotten.
    pub(super) fn may_be_asked(&mut self, mut due: Vec<P::Work>) -> Vec<P::Work> {
        let now = Instant::now();
        let mut keys = HashSet::new();
        due.retain(|work| {
            let key = P::key(work);
            let may = self.0.get(&key).is_none_or(|(again_at, _)| *again_at <= now);
            keys.insert(key);
            may
        });
        self.0.retain(|key, (again_at, _)| *again_at > now || keys.contains(key));
        due
    }

    /// A work was asked, or could not be.
    pub(super) fn remember(&mut self, work: &P::Work, fault: Option<&Fault>) {
        let (process, key) = (P::NAME, P::key(work));
        let before = self.0.get(&key).map_or(Duration::ZERO, |(_, pause)| *pause);
        let pause = match fault {
            None | Some(Fault::LostOwnership) => Duration::ZERO,
            Some(Fault::Unreadable(_)) => (before * 2).clamp(FAILED_MIN, UNREADABLE_MAX),
            Some(
                Fault::Overloaded
                | Fault::StoreUnavailable(_)
                | Fault::DeadlineExceeded
                | Fault::Stopping,
            ) => (before * 2).clamp(FAILED_MIN, FAILED_MAX),
        };
        match fault {
            None => tracing::debug!(process, work = %key, "asked"),
            Some(Fault::LostOwnership) => {
                tracing::debug!(process, work = %key, "another node writes there");
            }
            Some(fault) if before.is_zero() => {
                tracing::error!(process, work = %key, %fault, "could not be asked; it is tried again");
            }
            Some(fault) => tracing::debug!(process, work = %key, %fault, "is still not asked"),
        }
        let again_at = Instant::now() + if pause.is_zero() { ASKED } else { pause };
        self.0.insert(key, (again_at, pause));
    }
}
