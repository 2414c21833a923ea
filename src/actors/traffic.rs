//! The entry of beacons: they are checked, shed if orders need the node, and passed to the actor of
//! their sale, which packs and writes them.
//!
//! All of it is apart from the order path and yields to it: a low-priority thread and bounds of its
//! own, and no beacons accepted while many commands wait at items.

mod catalog;
mod writer;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::{Actor, Addr};
use actix_rt::ArbiterHandle;
use tokio::{sync::oneshot, time::timeout};

pub use self::catalog::CatalogDesk;
use self::writer::{Delivery, Drain, Taken, TrafficShared, TrafficWriter};
use super::{Directory, Fault, Readiness, batch::Ticket};
use crate::{
    admission::CurrentServiceLevel,
    clock::SharedClock,
    domain::{
        beacon::{AddressedBeacon, Beacon, BeaconDraft, BeaconRefusal, TrafficReceipt},
        item::Item,
        seen::{IDS_MAX, SeenBeacons},
    },
    metrics::{BeaconResult, LeftOut, Metrics},
    store::SharedStore,
    values::{Invalid, SaleId},
};

/// Beacons that are not in the log after this long are answered as unknown. They may be written yet.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// What beacons may take of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficLimits {
    /// Beacons that may wait to be written; more are shed.
    pub waiting_max: usize,
    /// While this many commands wait at items, beacons are shed.
    pub shed_at_commands: usize,
}

/// Takes the beacons of a node.
pub struct TrafficDesk {
    shared: Arc<TrafficShared>,
    items: Arc<Directory<Item>>,
    catalog: CatalogDesk,
    readiness: Readiness,
    service: Arc<CurrentServiceLevel>,
    arbiter: Option<ArbiterHandle>,
    metrics: Arc<Metrics>,
    limits: TrafficLimits,
    waiting: Arc<AtomicUsize>,
    writers: Mutex<HashMap<SaleId, Addr<TrafficWriter>>>,
}

/// What the desk stands on.
pub struct TrafficParts {
    pub store: SharedStore,
    pub clock: SharedClock,
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    /// At some levels of the service no traffic is taken.
    pub service: Arc<CurrentServiceLevel>,
    pub items: Arc<Directory<Item>>,
    pub catalog: CatalogDesk,
    /// The thread that beacons are packed on; without one all are shed.
    pub arbiter: Option<ArbiterHandle>,
    pub limits: TrafficLimits,
}

impl TrafficDesk {
    /// A desk without any sale yet.
    pub fn new(parts: TrafficParts) -> Arc<Self> {
        let TrafficParts {
            store,
            clock,
            metrics,
            readiness,
            service,
            items,
            catalog,
            arbiter,
            limits,
        } = parts;
        let seen = Mutex::new(SeenBeacons::new(IDS_MAX));
        Arc::new(Self {
            shared: Arc::new(TrafficShared { store, clock, seen }),
            metrics,
            items,
            catalog,
            readiness,
            service,
            arbiter,
            limits,
            waiting: Arc::default(),
            writers: Mutex::default(),
        })
    }

    /// Takes beacons, those of them that can be read, and answers when what was accepted is in the
    /// log. Whatever the answer, sending the same again counts nothing twice.
    ///
    /// # Errors
    /// [`Fault::StoreUnavailable`] when the store has not answered since the start, or not in time.
    pub async fn record(
        &self,
        drafts: Vec<Result<BeaconDraft, Invalid>>,
    ) -> Result<TrafficReceipt, Fault> {
        let beacons = drafts.len() as u64;
        let recorded = match timeout(ANSWER_WITHIN, self.take(drafts)).await {
            Ok(recorded) => recorded,
            Err(_) => Err(Fault::StoreUnavailable("beacons wait for it".to_owned())),
        };
        match &recorded {
            Ok(receipt) => self.count(receipt),
            Err(_) => self.metrics.beacons(BeaconResult::Unanswered, beacons),
        }
        recorded
    }

    /// Beacons that wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Writes what was accepted and waits until that is done.
    pub async fn drain(&self) {
        let writers: Vec<_> = self.lock().values().cloned().collect();
        for writer in writers {
            let (done, drained) = oneshot::channel();
            if writer.send(Drain { done }).await.is_ok() {
                let _ = drained.await;
            }
        }
    }

    async fn take(
        &self,
        drafts: Vec<Result<BeaconDraft, Invalid>>,
    ) -> Result<TrafficReceipt, Fault> {
        if self.readiness.is_starting() {
            let why = "it has not answered yet since the start";
            return Err(Fault::StoreUnavailable(why.to_owned()));
        }
        let mut receipt = TrafficReceipt::default();
        let count = drafts.len();
        if !self.service.takes_traffic() {
            receipt.shed = count as u64;
            receipt.switched_off = count as u64;
            return Ok(receipt);
        }
        let busy = self.items.census().waiting >= self.limits.shed_at_commands;
        let ticket = Ticket::take(&self.waiting, count, self.limits.waiting_max);
        let Some(ticket) = ticket.filter(|_| !busy) else {
            receipt.shed = count as u64;
            return Ok(receipt);
        };
        let ticket = Arc::new(ticket);
        let now = self.shared.clock.now();
        let mut addressed = Vec::with_capacity(count);
        for (place, draft) in drafts.into_iter().enumerate() {
            match draft.and_then(|draft| draft.check(now)) {
                Ok(beacon) => addressed.push((place, beacon)),
                Err(problem) => receipt.refuse(BeaconRefusal::Invalid, place, || problem),
            }
        }
        let by_sale = self.by_sale(addressed, &mut receipt).await;
        let mut answers = Vec::with_capacity(by_sale.len());
        for (sale, beacons) in by_sale {
            let count = beacons.len() as u64;
            let (reply, answer) = oneshot::channel();
            let delivery = Delivery { beacons, reply, ticket: Arc::clone(&ticket) };
            let sent = self.writer(sale).is_some_and(|writer| writer.try_send(delivery).is_ok());
            if sent {
                answers.push(answer);
            } else {
                receipt.shed += count;
            }
        }
        drop(ticket);
        for answer in answers {
            let taken = answer.await.map_err(|_| Fault::Stopping)?;
            merge(&mut receipt, taken);
        }
        Ok(receipt)
    }

    /// Finds the sale of each beacon; those without one are refused.
    async fn by_sale(
        &self,
        addressed: Vec<(usize, AddressedBeacon)>,
        receipt: &mut TrafficReceipt,
    ) -> HashMap<SaleId, Vec<(usize, Beacon)>> {
        let subjects = self.catalog.subjects(&addressed).await;
        let mut by_sale: HashMap<SaleId, Vec<(usize, Beacon)>> = HashMap::new();
        for (place, AddressedBeacon { sale, item, beacon }) in addressed {
            let found = match (item, sale) {
                (Some(item), _) => subjects.sale_of(item),
                (None, Some(sale)) => Some(sale).filter(|sale| subjects.has_sale(*sale)),
                (None, None) => None,
            };
            let unknown = if item.is_some() {
                BeaconRefusal::UnknownItem
            } else {
                BeaconRefusal::UnknownSale
            };
            match found {
                Some(found) if sale.is_none_or(|sale| sale == found) => {
                    by_sale.entry(found).or_default().push((place, beacon));
                }
                Some(_) => receipt.refuse(BeaconRefusal::Invalid, place, || {
                    Invalid::new("sale_id", "is not the sale of the item")
                }),
                // It may exist: worth another try.
                None if subjects.unsure => receipt.shed += 1,
                None => receipt.refuse(unknown, place, || {
                    let field = if item.is_some() { "item_id" } else { "sale_id" };
                    Invalid::new(field, "does not exist")
                }),
            }
        }
        by_sale
    }

    fn writer(&self, sale: SaleId) -> Option<Addr<TrafficWriter>> {
        let arbiter = self.arbiter.as_ref()?;
        let mut writers = self.lock();
        let writer = writers.entry(sale).or_insert_with(|| {
            let writer = TrafficWriter::new(sale, Arc::clone(&self.shared));
            TrafficWriter::start_in_arbiter(arbiter, |_| writer)
        });
        Some(writer.clone())
    }

    fn count(&self, receipt: &TrafficReceipt) {
        self.metrics.beacons(BeaconResult::Accepted, receipt.accepted);
        self.metrics.beacons(BeaconResult::Duplicate, receipt.duplicates);
        self.metrics.beacons(BeaconResult::Shed, receipt.shed - receipt.switched_off);
        self.metrics.beacons(BeaconResult::SwitchedOff, receipt.switched_off);
        self.metrics.left_out(LeftOut::Traffic, receipt.switched_off);
        for (reason, refused) in receipt.reasons() {
            let result = match reason {
                BeaconRefusal::Invalid => BeaconResult::Invalid,
                BeaconRefusal::UnknownItem => BeaconResult::UnknownItem,
                BeaconRefusal::UnknownSale => BeaconResult::UnknownSale,
                BeaconRefusal::TimeOutOfRange => BeaconResult::TimeOutOfRange,
            };
            self.metrics.beacons(result, refused.beacons);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SaleId, Addr<TrafficWriter>>> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn merge(receipt: &mut TrafficReceipt, taken: Taken) {
    receipt.accepted += taken.accepted;
    receipt.duplicates += taken.duplicates;
    receipt.shed += taken.shed;
    for place in taken.out_of_range {
        receipt.refuse(BeaconRefusal::TimeOutOfRange, place, || {
            Invalid::new("time", "is too long ago or in the future")
        });
    }
}
