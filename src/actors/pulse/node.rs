//! What the node itself looks like, for the board and for the alerts.

use std::sync::Arc;

use crate::{
    actors::{Directory, ProjectionHandle, Readiness, State},
    clock::SharedClock,
    domain::{item::Item, sale::Sale},
    reports::{NodePulse, ProjectionPulse, Reports},
    store::SharedStore,
    values::{ServiceLevel, UnixMs},
};

/// Where it is read off.
pub struct NodeParts {
    pub readiness: Readiness,
    pub items: Arc<Directory<Item>>,
    pub sales: Arc<Directory<Sale>>,
    pub projections: Vec<ProjectionHandle>,
    pub store: SharedStore,
    pub clock: SharedClock,
    /// Commands that may wait at one item.
    pub waiting_max: usize,
}

/// Reads it off, once a second.
pub(super) struct NodeLook {
    parts: NodeParts,
}

impl NodeLook {
    pub(super) fn new(parts: NodeParts) -> Self {
        Self { parts }
    }

    pub(super) fn look(&mut self, _reports: &Reports) -> NodePulse {
        let NodeParts { readiness, items, sales, store, clock, .. } = &self.parts;
        let now = clock.now();
        let waiting = items.census().waiting + sales.census().waiting;
        NodePulse {
            at: now,
            level: ServiceLevel::Full,
            ready: readiness.state() == State::Ready,
            store_away_since: readiness.store_away_since(),
            head: store.head(),
            projections: self.projections(now),
            append_p99_us: None,
            order_p50_us: None,
            order_p99_us: None,
            commands_waiting: i64::try_from(waiting).unwrap_or(i64::MAX),
            mailbox_ppm: 0,
            alerts_firing: 0,
            alerts: Vec::new(),
            incidents_open: 0,
            incidents: Vec::new(),
        }
    }

    fn projections(&self, now: UnixMs) -> Vec<ProjectionPulse> {
        let head = self.parts.store.head();
        let projection = |handle: &ProjectionHandle| {
            let progress = handle.progress.borrow();
            // What was not even read yet came a moment ago.
            let oldest = progress.oldest_pending_ms.filter(|_| progress.position < head);
            ProjectionPulse {
                name: handle.name,
                position: progress.position,
                lag_ms: oldest.map_or(0, |oldest| now.0.saturating_sub(oldest).max(0)),
                stopped: progress.stopped.is_some(),
            }
        };
        self.parts.projections.iter().map(projection).collect()
    }
}
