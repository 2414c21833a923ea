//! A cache of the catalog's read model: the sale of each item.
//!
//! Existing items never change their sale and are cached up to a bound; unknown ids are cached
//! briefly, so that a flood of made-up ids costs at most one query per message.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Semaphore, time::timeout};
use uuid::Uuid;

use super::super::{ProjectionHandle, Tail};
use crate::{
    clock::SharedClock,
    domain::beacon::AddressedBeacon,
    reports::Reports,
    values::{ItemId, SaleId, UnixMs},
};

/// Items and sales remembered at most; then all are forgotten and asked for again.
const KNOWN_MAX: usize = 200_000;

/// Ids that do not exist: how many are remembered, and for how long.
const UNKNOWN_MAX: usize = 65_536;
const UNKNOWN_FOR_MS: i64 = 2_000;

/// How long the read model may take to come to the end of the log before an id is called unknown.
const CATCH_UP: Duration = Duration::from_millis(1_000);

/// Questions to the read model at a time.
const QUESTIONS_MAX: usize = 2;

/// Answers what items and sales there are.
pub struct CatalogDesk {
    reports: Reports,
    catalog: Option<ProjectionHandle>,
    tail: Arc<Tail>,
    clock: SharedClock,
    questions: Semaphore,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    items: HashMap<ItemId, SaleId>,
    sales: HashSet<SaleId>,
    /// Until when an id is believed not to exist.
    unknown: HashMap<Uuid, UnixMs>,
}

/// What there is to know of some beacons.
#[derive(Default)]
pub(super) struct Subjects {
    items: HashMap<ItemId, SaleId>,
    sales: HashSet<SaleId>,
    /// The read model could not say: what is not found may exist.
    pub(super) unsure: bool,
}

impl Subjects {
    pub(super) fn sale_of(&self, item: ItemId) -> Option<SaleId> {
        self.items.get(&item).copied()
    }

    pub(super) fn has_sale(&self, sale: SaleId) -> bool {
        self.sales.contains(&sale)
    }
}

impl CatalogDesk {
    /// Asks the read model that this projection keeps up with that log.
    pub fn new(
        reports: Reports,
        projections: &[ProjectionHandle],
        tail: Arc<Tail>,
        clock: SharedClock,
    ) -> Self {
        let catalog =
            projections.iter().find(|handle| handle.name == crate::projections::catalog::NAME);
        Self {
            reports,
            catalog: catalog.cloned(),
            tail,
            clock,
            questions: Semaphore::new(QUESTIONS_MAX),
            known: Mutex::default(),
        }
    }

    /// What items and sales these beacons are about.
    pub(super) async fn subjects(&self, beacons: &[(usize, AddressedBeacon)]) -> Subjects {
        let mut subjects = Subjects::default();
        let (mut items, mut sales) = (HashSet::new(), HashSet::new());
        {
            let known = self.known();
            let now = self.clock.now();
            let gone = |id| known.unknown.get(&id).is_some_and(|until| now < *until);
            for (_, addressed) in beacons {
                match (addressed.item, addressed.sale) {
                    (Some(item), _) => match known.items.get(&item) {
                        Some(sale) => {
                            subjects.items.insert(item, *sale);
                        }
                        None if gone(item.0) => {}
                        None => {
                            items.insert(item);
                        }
                    },
                    (None, Some(sale)) if known.sales.contains(&sale) => {
                        subjects.sales.insert(sale);
                    }
                    (None, Some(sale)) if !gone(sale.0) => {
                        sales.insert(sale);
                    }
                    (None, _) => {}
                }
            }
        }
        if !items.is_empty() || !sales.is_empty() {
            self.ask(items, sales, &mut subjects).await;
        }
        subjects
    }

    /// Asks at once, and for what is not found once more when the read model has caught up.
    async fn ask(
        &self,
        mut items: HashSet<ItemId>,
        mut sales: HashSet<SaleId>,
        subjects: &mut Subjects,
    ) {
        for last in [false, true] {
            if last && !self.caught_up().await {
                subjects.unsure = true;
                return;
            }
            // For the query alone, not while the read model catches up: calls with unknown ids wait
            // for that, and must not block other queries.
            let Ok(turn) = self.questions.acquire().await else {
                subjects.unsure = true;
                return;
            };
            let reports = self.reports.clone();
            let asked = (items.clone(), sales.clone());
            let found = tokio::task::spawn_blocking(move || reports.subjects(&asked.0, &asked.1));
            let found = found.await;
            drop(turn);
            let Ok(Ok((found_items, found_sales))) = found else {
                subjects.unsure = true;
                return;
            };
            items.retain(|item| !found_items.contains_key(item));
            sales.retain(|sale| !found_sales.contains(sale));
            subjects.items.extend(&found_items);
            subjects.sales.extend(&found_sales);
            let mut known = self.known();
            if known.items.len() + known.sales.len() > KNOWN_MAX {
                known.items.clear();
                known.sales.clear();
            }
            known.items.extend(found_items);
            known.sales.extend(found_sales);
            if items.is_empty() && sales.is_empty() {
                return;
            }
        }
        let until = self.clock.now().plus(UNKNOWN_FOR_MS);
        let mut known = self.known();
        if known.unknown.len() > UNKNOWN_MAX {
            known.unknown.clear();
        }
        let ids = items.iter().map(|item| item.0).chain(sales.iter().map(|sale| sale.0));
        known.unknown.extend(ids.map(|id| (id, until)));
    }

    /// Waits until the read model knows what the log holds now; false if it does not come to it.
    async fn caught_up(&self) -> bool {
        let Some(catalog) = &self.catalog else { return false };
        let head = self.tail.head();
        let mut progress = catalog.progress.clone();
        self.tail.hurry();
        let there = progress.wait_for(|progress| progress.position >= head);
        matches!(timeout(CATCH_UP, there).await, Ok(Ok(_)))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
