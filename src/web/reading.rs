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

/// A read model whose oldest missing event is older is named as behind.
const BEHIND: Duration = Duration::from_secs(1);

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
    /// Where the contract is served.
    pub grpc_port: u16,
}

impl Parts {
    /// Why the node should not be sent calls, if it should not.
    pub(super) fn unready(&self) -> Option<NotReady> {
        match self.readiness.state() {
            State::Ready => None,
            State::NotReady(reason) => Some(reason),
        }
    }

    /// Read models whose answers are old or that give none. That makes no node unready.
    pub(super) fn behind(&self) -> Vec<ProjectionReading> {
        let mut readings = self.reading().projections;
        readings.retain(|projection| projection.stopped || projection.lag > BEHIND);
        readings
    }

    pub(super) fn reading(&self) -> Reading {
        let (items, sales) = (self.items.census(), self.sales.census());
        let head = self.store.head();
        let clock = self.clock.look();
        Reading {
            ready: self.unready().is_none(),
            store_reachable: self.readiness.store_away_since().is_none(),
            items_awake: items.awake,
            sales_awake: sales.awake,
            commands_waiting: items.waiting + sales.waiting,
            beacons_waiting: self.traffic.waiting(),
            level: self.service.level(),
            log_position: head.0,
            clock_off_ms: clock.off_ms,
            clock_jumps: clock.jumps,
            clock_steps: clock.steps,
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
