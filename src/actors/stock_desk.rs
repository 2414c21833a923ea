//! The stock of sales for all who watch it: read once, whatever their number, and told at most ten times
//! a second.
//!
//! One low-priority thread reads the stock of all watched sales from the read models, makes what is told
//! of each, and wakes the watchers. No order passes through here. A watcher that is slow skips to what is
//! newest, so nothing waits for it. With many watchers updates are less frequent: a node tells a bounded
//! number of them a second, and not all at the same moment.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use super::{NotReady, Permit, Permits, ProjectionHandle, Readiness, State, Tail};
use crate::{
    clock::SharedClock,
    events::Position,
    projections::{catalog, stock},
    reports::{ReportError, Reports, StockState, WatchedItem},
    threads,
    values::{ItemId, SaleId, UnixMs, short},
};

/// Least time between two updates of a sale.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Watchers that are told within a second, at most.
const TOLD_A_SECOND: u32 = 2_000;

/// Parts of the watchers of a sale that are told one after the other.
const PARTS: usize = 16;

/// After so long without a change watchers are told that nothing changed.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How long read models are waited for, so that a sale of this moment can be watched.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);

/// The stock of one item as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemStock {
    pub item_id: ItemId,
    pub sku: String,
    pub state: StockState,
    pub available_units: i64,
}

/// What is told of a sale at a moment, to all its watchers.
#[derive(Debug)]
pub struct StockRound {
    /// Counts the rounds of a sale.
    pub number: u64,
    pub at: UnixMs,
    /// What the read model of stock had applied.
    pub position: Position,
    /// All items of the sale.
    items: Vec<ItemStock>,
    /// Places of those that changed since the round before.
    changed: Vec<usize>,
    /// As bytes: everything, and what changed.
    written: [OnceLock<Bytes>; 2],
}

/// What one watcher is told: a round, and whether it has to have all items.
#[derive(Debug, Clone)]
pub struct StockTold {
    pub round: Arc<StockRound>,
    pub all: bool,
}

/// Who watches the stock of one sale.
#[derive(Debug)]
pub struct StockWatcher {
    rounds: watch::Receiver<Arc<StockRound>>,
    /// The round told last; `None` before the first.
    told: Option<u64>,
    _place: Permit,
}

/// Why a sale cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum NotWatched {
    #[error("too many watch the stock on this node")]
    TooMany,
    #[error("the server is stopping")]
    Stopping,
    #[error(transparent)]
    Unknown(#[from] ReportError),
}

/// Where the stock of sales is watched.
pub struct StockDesk {
    reports: Reports,
    clock: SharedClock,
    readiness: Readiness,
    tail: Arc<Tail>,
    /// The read models that it is made from.
    sources: Vec<ProjectionHandle>,
    places: Permits,
    /// `None` once the node stops.
    sales: Mutex<Option<BTreeMap<SaleId, Watched>>>,
}

/// A sale that is watched.
struct Watched {
    parts: Vec<watch::Sender<Arc<StockRound>>>,
    latest: Arc<StockRound>,
    made_at: Instant,
    items: Vec<WatchedItem>,
    /// The part that the next watcher belongs to.
    next_part: usize,
}

/// The thread that reads.
pub struct StockThread {
    stop: mpsc::SyncSender<()>,
    thread: JoinHandle<()>,
}

impl StockTold {
    /// The items that are told.
    pub fn items(&self) -> impl Iterator<Item = &ItemStock> {
        let changed = self.round.changed.iter().map(|place| &self.round.items[*place]);
        let all = self.all.then_some(self.round.items.iter()).into_iter().flatten();
        all.chain((!self.all).then_some(changed).into_iter().flatten())
    }

    /// The same in bytes, which are made once for all watchers.
    pub fn written(&self, write: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.round.written[usize::from(self.all)].get_or_init(|| write(self)).clone()
    }
}

impl StockWatcher {
    /// What is told next; `None` when the server stops.
    pub async fn next(&mut self) -> Option<StockTold> {
        if self.told.is_some() {
            self.rounds.changed().await.ok()?;
        }
        let round = Arc::clone(&self.rounds.borrow_and_update());
        let all = self.told != round.number.checked_sub(1) || self.told.is_none();
        self.told = Some(round.number);
        Some(StockTold { round, all })
    }
}

impl StockDesk {
    /// Nothing is told before [`StockDesk::start`]; at most so many watch at once.
    pub fn new(
        reports: Reports,
        clock: SharedClock,
        (readiness, tail): (Readiness, Arc<Tail>),
        projections: &[ProjectionHandle],
        watchers_max: usize,
    ) -> Arc<Self> {
        let read = |handle: &&ProjectionHandle| [stock::NAME, catalog::NAME].contains(&handle.name);
        let sources = projections.iter().filter(read).cloned().collect();
        let (places, sales) = (Permits::new(watchers_max), Mutex::new(Some(BTreeMap::new())));
        Arc::new(Self { reports, clock, readiness, tail, sources, places, sales })
    }

    /// Watches a sale.
    ///
    /// # Errors
    /// When there are too many, the node stops or the sale is not known.
    pub async fn watch(self: &Arc<Self>, sale: SaleId) -> Result<StockWatcher, NotWatched> {
        let place = self.places.try_take().ok_or(NotWatched::TooMany)?;
        if let Some(rounds) = self.known(sale)? {
            return Ok(StockWatcher { rounds, told: None, _place: place });
        }
        let read = async || self.asked(move |reports| reports.watched_items(&[sale])).await;
        let (mut items, mut position) = read().await?;
        if items.is_empty() || !items.iter().all(WatchedItem::has_window) {
            // It may have been created just now.
            self.catch_up().await;
            (items, position) = read().await?;
        }
        if items.is_empty() {
            return Err(ReportError::NotFound("sale_id").into());
        }
        let first = Watched::first(items, self.clock.now(), position);
        let mut sales = self.lock();
        let sales = sales.as_mut().ok_or(NotWatched::Stopping)?;
        // Another one may have been first.
        let rounds = sales.entry(sale).or_insert(first).subscribe();
        Ok(StockWatcher { rounds, told: None, _place: place })
    }

    /// The sales of items; `None` for one that is not known.
    ///
    /// # Errors
    /// When the read model cannot be asked.
    pub async fn sales_of_items(
        self: &Arc<Self>,
        items: &[ItemId],
    ) -> Result<Vec<Option<SaleId>>, NotWatched> {
        let items: Arc<[ItemId]> = items.into();
        let read = async || {
            let items = Arc::clone(&items);
            self.asked(move |reports| reports.sales_of_items(&items)).await
        };
        let sales = read().await?;
        if sales.iter().all(Option::is_some) {
            return Ok(sales);
        }
        self.catch_up().await;
        read().await
    }

    /// Waits until the read models have applied what is in the log now, but not for long.
    async fn catch_up(&self) {
        let head = self.tail.head();
        self.tail.hurry();
        for mut progress in self.sources.iter().map(|source| source.progress.clone()) {
            let there = progress.wait_for(|progress| progress.position >= head);
            let _ = timeout(CATCH_UP_MAX, there).await;
        }
    }

    /// Asks on a thread that may block.
    async fn asked<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reports) -> Result<T, ReportError> + Send + 'static,
    ) -> Result<T, NotWatched> {
        let reports = self.reports.clone();
        match spawn_blocking(move || question(&reports)).await {
            Ok(answer) => Ok(answer?),
            // It panicked, which ends the process, or the runtime ends.
            Err(_) => Err(NotWatched::Stopping),
        }
    }

    fn known(&self, sale: SaleId) -> Result<Option<watch::Receiver<Arc<StockRound>>>, NotWatched> {
        let mut sales = self.lock();
        let sales = sales.as_mut().ok_or(NotWatched::Stopping)?;
        Ok(sales.get_mut(&sale).map(Watched::subscribe))
    }

    /// Tells until the answer is stopped, or the node drains.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(self: &Arc<Self>) -> std::io::Result<StockThread> {
        let (stop, stopped) = mpsc::sync_channel(1);
        let desk = Arc::clone(self);
        let thread = std::thread::Builder::new().name("stock".to_owned()).spawn(move || {
            threads::patient();
            let mut seen = Vec::new();
            let goes_on =
                |pause| stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout);
            while !desk.is_draining() && desk.go_round(&mut seen, goes_on) {}
            // Watchers see the end of their streams.
            *desk.lock() = None;
        })?;
        Ok(StockThread { stop, thread })
    }

    fn is_draining(&self) -> bool {
        self.readiness.state() == State::NotReady(NotReady::Draining)
    }

    /// Reads once and tells all parts; false when the node stops.
    fn go_round(&self, seen: &mut Vec<Position>, goes_on: impl Fn(Duration) -> bool) -> bool {
        let sources = self.sources.iter().map(|source| source.progress.borrow().position);
        let come: Vec<Position> = sources.collect();
        let read = (come != *seen).then(|| self.read()).flatten();
        if read.is_some() {
            *seen = come;
        }
        let (rounds, watchers) = self.renewed(read);
        let pause = PAUSE_MIN.max(Duration::from_secs(1) * short(watchers) / TOLD_A_SECOND);
        if rounds.is_empty() {
            return goes_on(PAUSE_MIN);
        }
        for part in 0..PARTS {
            if let Some(sales) = self.lock().as_ref() {
                for (sale, round) in &rounds {
                    if let Some(watched) = sales.get(sale) {
                        watched.parts[part].send_replace(Arc::clone(round));
                    }
                }
            }
            if !goes_on(pause / short(PARTS)) {
                return false;
            }
        }
        true
    }

    /// The items of all watched sales, by sale. What cannot be read now is told later.
    fn read(&self) -> Option<(BTreeMap<SaleId, Vec<WatchedItem>>, Position)> {
        let sales: Vec<SaleId> = self.lock().as_ref()?.keys().copied().collect();
        let mut by_sale: BTreeMap<SaleId, Vec<WatchedItem>> = BTreeMap::new();
        if sales.is_empty() {
            return Some((by_sale, Position::START));
        }
        let read = self.reports.watched_items(&sales);
        let read = read.inspect_err(|error| tracing::debug!(%error, "stock could not be read"));
        let (items, position) = read.ok()?;
        for item in items {
            by_sale.entry(item.sale_id).or_default().push(item);
        }
        Some((by_sale, position))
    }

    /// The sales of which something is to be told, and how many watch in all.
    fn renewed(
        &self,
        read: Option<(BTreeMap<SaleId, Vec<WatchedItem>>, Position)>,
    ) -> (Vec<(SaleId, Arc<StockRound>)>, usize) {
        let (mut read, position) = match read {
            Some((read, position)) => (read, Some(position)),
            None => (BTreeMap::new(), None),
        };
        let now = self.clock.now();
        let (mut rounds, mut watchers) = (Vec::new(), 0);
        let mut sales = self.lock();
        let Some(sales) = sales.as_mut() else { return (rounds, watchers) };
        // No watcher can be added while this is held.
        sales.retain(|_, watched| watched.watchers() > 0);
        for (sale, watched) in sales {
            watchers += watched.watchers();
            if let Some(items) = read.remove(sale) {
                watched.items = items;
            }
            let position = position.unwrap_or(watched.latest.position);
            if watched.renew(now, position) {
                rounds.push((*sale, Arc::clone(&watched.latest)));
            }
        }
        (rounds, watchers)
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<SaleId, Watched>>> {
        self.sales.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn first(items: Vec<WatchedItem>, now: UnixMs, position: Position) -> Self {
        let told = told(&items, now);
        let latest = Arc::new(StockRound::new(0, now, position, told, Vec::new()));
        let parts = (0..PARTS).map(|_| watch::Sender::new(Arc::clone(&latest))).collect();
        Self { parts, latest, made_at: Instant::now(), items, next_part: 0 }
    }

    fn subscribe(&mut self) -> watch::Receiver<Arc<StockRound>> {
        self.next_part = (self.next_part + 1) % PARTS;
        self.parts[self.next_part].subscribe()
    }

    fn watchers(&self) -> usize {
        self.parts.iter().map(watch::Sender::receiver_count).sum()
    }

    /// Makes the next round, if there is something to tell.
    fn renew(&mut self, now: UnixMs, position: Position) -> bool {
        let told = told(&self.items, now);
        let before = &self.latest.items;
        let is_new = |place: &usize| before.get(*place) != told.get(*place);
        let changed: Vec<usize> = (0..told.len()).filter(is_new).collect();
        if changed.is_empty() && self.made_at.elapsed() < SILENCE_MAX {
            return false;
        }
        let number = self.latest.number + 1;
        self.made_at = Instant::now();
        self.latest = Arc::new(StockRound::new(number, now, position, told, changed));
        true
    }
}

impl StockRound {
    fn new(
        number: u64,
        at: UnixMs,
        position: Position,
        items: Vec<ItemStock>,
        changed: Vec<usize>,
    ) -> Self {
        Self { number, at, position, items, changed, written: Default::default() }
    }
}

fn told(items: &[WatchedItem], now: UnixMs) -> Vec<ItemStock> {
    let told = |item: &WatchedItem| ItemStock {
        item_id: item.item_id,
        sku: item.sku.clone(),
        state: item.state(now),
        available_units: item.available_units,
    };
    items.iter().map(told).collect()
}

impl StockThread {
    /// Lets the round that is under way end, and stops.
    pub fn stop(self) {
        let _ = self.stop.try_send(());
        let _ = self.thread.join();
    }
}
