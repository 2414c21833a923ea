//! The current state of a node, read from its parts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::routes::Opened;
use crate::{
    actors::{
        Directory, Freshness, NotReady, ProjectionHandle, Readiness, SeesNodes, State, TrafficDesk,
    },
    admission::{CurrentServiceLevel, Tokens},
    clock::SharedClock,
    connections::{Tls, TlsCounts},
    domain::{item::Item, sale::Sale},
    metrics::{Metrics, ProjectionReading, Reading, TlsReading},
    ownership::Route,
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
    /// How old what read models lack is.
    pub freshness: Arc<Freshness>,
    pub clock: SharedClock,
    /// How much of the service runs.
    pub service: Arc<CurrentServiceLevel>,
    /// `None` where the node is not among others.
    pub nodes: Option<Arc<dyn SeesNodes>>,
    /// Where the contract is served.
    pub grpc_port: u16,
    /// Who may ask.
    pub tokens: Arc<Tokens>,
    /// What is answered without a token.
    pub opened: Opened,
    /// The certificate, where connections are encrypted.
    pub tls: Option<Arc<Tls>>,
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
        readings.retain(|projection| {
            projection.stopped || projection.held_up || projection.lag > BEHIND
        });
        readings
    }

    pub(super) fn reading(&self) -> Reading {
        let (items, sales) = (self.items.census(), self.sales.census());
        let clock = self.clock.look();
        let (items_owned, owner_changes_max) = self.owned(items.awake);
        Reading {
            ready: self.unready().is_none(),
            store_reachable: self.readiness.store_away_since().is_none(),
            items_awake: items.awake,
            items_owned,
            owner_changes_max,
            sales_awake: sales.awake,
            commands_waiting: items.waiting + sales.waiting,
            beacons_waiting: self.traffic.waiting(),
            level: self.service.level(),
            log_position: self.freshness.head().0,
            clock_off_ms: clock.off_ms,
            clock_jumps: clock.jumps,
            clock_steps: clock.steps,
            projections: self.projections.iter().map(|handle| self.projection(handle)).collect(),
            nodes: self.nodes.as_ref().map(|nodes| nodes.seen(self.clock.now())),
            tls: self.tls.as_ref().map(|tls| read_off(tls.counts())),
        }
    }

    /// How many of the items that are awake this node owns, and how often the owner of one of them changed
    /// within the last minute, at most. A node that is alone owns everything.
    fn owned(&self, awake: usize) -> (usize, usize) {
        let Some(nodes) = &self.nodes else { return (awake, 0) };
        let (views, now) = (nodes.views(), Instant::now());
        let items = self.items.awake();
        let owned = items.iter().filter(|item| views.owner(**item) == Route::Here).count();
        let changes = items.iter().map(|item| views.changes(*item, now)).max();
        (owned, changes.unwrap_or(0))
    }

    fn projection(&self, handle: &ProjectionHandle) -> ProjectionReading {
        let progress = handle.progress.borrow();
        let lag_ms = self.freshness.lag_ms(&progress);
        ProjectionReading {
            name: handle.name,
            position: progress.position.0,
            lag: Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0)),
            held_up: progress.held_up.is_some(),
            stopped: progress.stopped.is_some(),
        }
    }
}

fn read_off(counts: TlsCounts) -> TlsReading {
    let TlsCounts { done, failed, unfinished, expires_s, stale } = counts;
    TlsReading { done, failed, unfinished, expires_s, stale }
}
