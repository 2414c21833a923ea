//! Takes the pulse of each sale, once a second, for the board and for the alerts.
//!
//! One low-priority thread queries the read models, whatever the number of viewers. A round that
//! takes longer than a second delays the next one; rounds never queue, and no order waits for one.

mod heads;
mod latencies;
mod node;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::watch;

pub use heads::Heads;
pub use latencies::Latencies;
pub use node::NodeParts;

use node::{NodeLook, with_items};

use crate::{
    actors::SeesNodes,
    clock::SharedClock,
    ownership::SeenNodes,
    reports::{NodePulse, Pulse, ReportError, Reports},
    threads,
    values::SaleId,
};

/// Time from the end of a round to the beginning of the next.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// Rounds for which a sale stays followed after it was viewed.
const LOOKED_AT_FOR: u64 = 30;

/// Sales that can be looked at beside those that run: more are taken when others are left.
const LOOKED_AT_MAX: usize = 256;

/// The pulses of this node, as of the last round.
pub struct PulseDesk {
    reports: Reports,
    clock: SharedClock,
    rounds: watch::Sender<u64>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    sales: BTreeMap<SaleId, Arc<Pulse>>,
    node: Option<Arc<NodePulse>>,
    /// The last round in which a viewed sale is followed.
    looked_at: BTreeMap<SaleId, u64>,
}

/// The thread that goes round.
pub struct PulseThread {
    stop: mpsc::SyncSender<()>,
    thread: JoinHandle<()>,
}

impl PulseDesk {
    /// Nothing is taken before [`PulseDesk::start`].
    pub fn new(reports: Reports, clock: SharedClock) -> Arc<Self> {
        let rounds = watch::Sender::new(0);
        Arc::new(Self { reports, clock, rounds, taken: Mutex::default() })
    }

    /// Goes round once a second until the answer is stopped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(self: &Arc<Self>, node: NodeParts) -> std::io::Result<PulseThread> {
        let (stop, stopped) = mpsc::sync_channel(1);
        let desk = Arc::clone(self);
        let thread = std::thread::Builder::new().name("pulse".to_owned()).spawn(move || {
            threads::patient();
            let mut node = NodeLook::new(node);
            while stopped.recv_timeout(ROUND_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                desk.go_round(&mut node);
            }
        })?;
        Ok(PulseThread { stop, thread })
    }

    /// The pulse of that sale as of the last round. The call counts as a view.
    pub fn latest(&self, sale: SaleId) -> Option<Arc<Pulse>> {
        let pulse = self.lock().sales.get(&sale).cloned();
        if pulse.is_some() {
            self.look_at(sale);
        }
        pulse
    }

    /// Takes the pulse of a sale from the next round on, while it is viewed. The sale must exist:
    /// made-up ids would fill the bound.
    pub fn look_at(&self, sale: SaleId) {
        let until = self.rounds.borrow().saturating_add(LOOKED_AT_FOR);
        let mut taken = self.lock();
        if taken.looked_at.len() < LOOKED_AT_MAX || taken.looked_at.contains_key(&sale) {
            taken.looked_at.insert(sale, until);
        }
    }

    /// All pulses of the last round.
    pub fn all(&self) -> Vec<Arc<Pulse>> {
        self.lock().sales.values().cloned().collect()
    }

    /// The node as of the last round; `None` before the first.
    pub fn node(&self) -> Option<Arc<NodePulse>> {
        self.lock().node.clone()
    }

    /// Counts rounds: what changed can be asked once it does.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    /// The nodes as they are now, with the items of the last round.
    pub fn nodes(&self, nodes: &dyn SeesNodes) -> SeenNodes {
        let sales = self.all();
        let items = sales.iter().flat_map(|sale| &sale.items).map(|item| item.item_id);
        with_items(nodes.seen(self.clock.now()), &nodes.views(), items)
    }

    fn go_round(&self, node: &mut NodeLook) {
        let now = self.clock.now();
        let mut seen = node.look(&self.reports);
        let lag_ms = seen.projections.iter().map(|projection| projection.lag_ms).max();
        let looked_at = self.lock().looked_at.keys().copied().collect();
        let due = self.reports.pulsing_sales(now);
        let due: BTreeSet<SaleId> = due.unwrap_or_else(|error| {
            tracing::debug!(%error, "which sales are due is not known: those of the last round are");
            self.lock().sales.keys().copied().collect()
        });
        let mut sales = BTreeMap::new();
        for sale in due.union(&looked_at) {
            match self.reports.pulse(*sale, now) {
                Ok(mut pulse) => {
                    pulse.lag_ms = lag_ms.unwrap_or(0);
                    sales.insert(*sale, Arc::new(pulse));
                }
                Err(ReportError::NotFound(_)) => {}
                // What was taken before is shown with its age.
                Err(error) => {
                    tracing::debug!(%sale, %error, "the pulse of a sale could not be taken");
                    let before = self.lock().sales.get(sale).cloned();
                    sales.extend(before.map(|before| (*sale, before)));
                }
            }
        }
        node.look_at_nodes(&mut seen, &sales);
        let round = self.rounds.borrow().saturating_add(1);
        {
            let mut taken = self.lock();
            taken.sales = sales;
            taken.node = Some(Arc::new(seen));
            taken.looked_at.retain(|_, until| *until >= round);
        }
        self.rounds.send_replace(round);
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PulseThread {
    /// Lets the round that is under way end, and stops.
    pub fn stop(self) {
        let _ = self.stop.try_send(());
        let _ = self.thread.join();
    }
}
