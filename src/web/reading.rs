//! What a node looks like just now, read off its parts.

use std::{sync::Arc, time::Duration};

use crate::{
    actors::{Directory, NotReady, ProjectionHandle, Readiness, State, TrafficDesk},
    admission::Service,
    clock::SharedClock,
    domain::{item::Item, sale::Sale},
    events::Position,
    metrics::{Metrics, ProjectionReading, Reading},
    store::SharedStore,
};

/// What there is to ask.
pub struct Parts {
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    pub items: Arc<Directory<Item>>,
    pub sales: Arc<Directory<Sale>>,
    pub projections: Vec<ProjectionHandle>,
    pub traffic: Arc<TrafficDesk>,
    pub store: SharedStore,
    pub clock: SharedClock,
    /// How much of the service runs.
    pub service: Arc<Service>,
}

/// Why a node should not be sent calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unready {
    Starting,
    Draining,
    /// Why is in the server's log: it may name machines, which is nobody's business here.
    StoreUnavailable,
    ProjectionStopped(&'static str),
}

impl Parts {
    /// Why the node is not ready, if it is not.
    pub(super) fn unready(&self) -> Option<Unready> {
        match self.readiness.state() {
            State::NotReady(NotReady::Starting) => Some(Unready::Starting),
            State::NotReady(NotReady::Draining) => Some(Unready::Draining),
            State::NotReady(NotReady::StoreUnavailable(_)) => Some(Unready::StoreUnavailable),
            State::Ready => {
                let stopped =
                    |handle: &&ProjectionHandle| handle.progress.borrow().stopped.is_some();
                let stopped = self.projections.iter().find(stopped);
                stopped.map(|handle| Unready::ProjectionStopped(handle.name))
            }
        }
    }

    pub(super) fn reading(&self) -> Reading {
        let (items, sales) = (self.items.census(), self.sales.census());
        let head = self.store.head();
        Reading {
            ready: self.unready().is_none(),
            store_reachable: self.readiness.store_away_since().is_none(),
            items_awake: items.awake,
            sales_awake: sales.awake,
            commands_waiting: items.waiting + sales.waiting,
            beacons_waiting: self.traffic.waiting(),
            level: self.service.level(),
            log_position: head.0,
            projections: self
                .projections
                .iter()
                .map(|handle| self.projection(handle, head))
                .collect(),
        }
    }

    fn projection(&self, handle: &ProjectionHandle, head: Position) -> ProjectionReading {
        let progress = handle.progress.borrow();
        let behind = progress.position < head;
        // What was not even read yet came a moment ago.
        let oldest = progress.oldest_pending_ms.filter(|_| behind);
        let lag_ms = oldest.map_or(0, |oldest| self.clock.now().0.saturating_sub(oldest));
        ProjectionReading {
            name: handle.name,
            position: progress.position.0,
            lag: Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0)),
            stopped: progress.stopped.is_some(),
        }
    }
}
