//! The state of the node itself, for the board and for the alerts.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use super::latencies::Latencies;
use crate::{
    actors::{Directory, Freshness, ProjectionHandle, Readiness, SeesNodes, State},
    admission::CurrentServiceLevel,
    clock::{Reading, SharedClock},
    domain::{item::Item, sale::Sale},
    metrics::{Latency, Metrics, quantile_us},
    ownership::{SeenNodes, Views},
    reports::{Around, LatencySecond, NodePulse, ProjectionPulse, Pulse, Reports},
    values::{ItemId, SaleId, UnixMs, number_of},
};

/// Where it is read off.
pub struct NodeParts {
    pub readiness: Readiness,
    pub items: Arc<Directory<Item>>,
    pub sales: Arc<Directory<Sale>>,
    pub projections: Vec<ProjectionHandle>,
    /// How old what read models lack is.
    pub freshness: Arc<Freshness>,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    /// The level at which this node runs.
    pub service: Arc<CurrentServiceLevel>,
    /// `None` where the node is not among others.
    pub nodes: Option<Arc<dyn SeesNodes>>,
    /// Commands that may wait at one item.
    pub waiting_max: usize,
}

/// Reads it off, once a second.
pub(super) struct NodeLook {
    parts: NodeParts,
    /// As they stood when they could last be read.
    around: Around,
    oldest_due: Option<UnixMs>,
    /// What was counted of orders and appends before each of the last rounds, oldest first.
    orders: VecDeque<Vec<u64>>,
    appends: VecDeque<Vec<u64>>,
    latencies: Latencies,
}

/// Rounds over which quantiles are told: one a second.
const ROUNDS: usize = 10;

impl NodeLook {
    pub(super) fn new(parts: NodeParts) -> Self {
        let around = Around {
            alerts_firing: 0,
            alerts: Vec::new(),
            incidents_open: 0,
            incidents: Vec::new(),
        };
        Self {
            parts,
            around,
            oldest_due: None,
            orders: nothing(),
            appends: nothing(),
            latencies: Latencies::default(),
        }
    }

    pub(super) fn look(&mut self, reports: &Reports) -> NodePulse {
        if let Ok(around) = reports.around() {
            self.around = around;
        }
        if let Ok(oldest) = reports.oldest_due() {
            self.oldest_due = oldest;
        }
        let around = self.around.clone();
        let Reading { now, moved_ms } = self.parts.clock.reading();
        let projections = self.projections();
        let NodeParts { readiness, items, sales, freshness, metrics, .. } = &self.parts;
        let (items, sales) = (items.census(), sales.census());
        let waiting = items.waiting + sales.waiting;
        let share = items.fullest.saturating_mul(1_000_000) / self.parts.waiting_max.max(1);
        let [p50_us, p99_us] = last_rounds(&mut self.orders, metrics.order_latency());
        self.latencies.took(LatencySecond { second: now.second(), p50_us, p99_us });
        let [_, append_p99_us] = last_rounds(&mut self.appends, metrics.append_latency());
        NodePulse {
            at: now,
            moved_ms,
            clock_off_ms: self.parts.clock.look().peak_off_ms,
            level: self.parts.service.level(),
            ready: readiness.state() == State::Ready,
            store_away_since: readiness.takes_nothing_since(),
            head: freshness.head(),
            projections,
            append_p99_us,
            order_p50_us: p50_us,
            order_p99_us: p99_us,
            latency: self.latencies.seconds().to_vec(),
            commands_waiting: number_of(waiting),
            mailbox_ppm: number_of(share),
            alerts_firing: around.alerts_firing,
            alerts: around.alerts,
            oldest_due: self.oldest_due,
            incidents_open: around.incidents_open,
            incidents: around.incidents,
            nodes: None,
            owner_changes: HashMap::new(),
        }
    }

    /// Adds the other nodes, and what this one knows of the owners of the items of these sales.
    pub(super) fn look_at_nodes(
        &self,
        pulse: &mut NodePulse,
        sales: &BTreeMap<SaleId, Arc<Pulse>>,
    ) {
        let Some(nodes) = &self.parts.nodes else { return };
        let (views, now) = (nodes.views(), Instant::now());
        let items = sales.values().flat_map(|sale| &sale.items).map(|item| item.item_id);
        for item in items.clone() {
            let changes = number_of(views.changes(item.0, now));
            if changes > 0 {
                pulse.owner_changes.insert(item, changes);
            }
        }
        pulse.nodes = Some(with_items(nodes.seen(pulse.at), &views, items));
    }

    fn projections(&self) -> Vec<ProjectionPulse> {
        let projection = |handle: &ProjectionHandle| {
            let progress = handle.progress.borrow();
            ProjectionPulse {
                name: handle.name,
                position: progress.position,
                lag_ms: self.parts.freshness.lag_ms(&progress),
                stopped: progress.stopped.is_some(),
            }
        };
        self.parts.projections.iter().map(projection).collect()
    }
}

/// The nodes, each with how many of these items it owns.
pub(super) fn with_items(
    mut nodes: SeenNodes,
    views: &Views,
    items: impl Iterator<Item = ItemId>,
) -> SeenNodes {
    items.for_each(|item| nodes.count_item(views.owner(item.0)));
    nodes
}

/// Half and 99 of 100 of what was counted within the last rounds took no longer, in microseconds.
fn last_rounds(rounds: &mut VecDeque<Vec<u64>>, latency: &Latency) -> [Option<i64>; 2] {
    let counted = latency.counted();
    let before = rounds.front().cloned().unwrap_or_default();
    let quantiles = [500_000, 990_000].map(|share| quantile_us(&before, &counted, share));
    rounds.push_back(counted);
    if rounds.len() > ROUNDS {
        rounds.pop_front();
    }
    quantiles
}

/// Before the first round nothing was counted.
fn nothing() -> VecDeque<Vec<u64>> {
    VecDeque::from([Vec::new()])
}
