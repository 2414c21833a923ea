//! The aggregates of a node without a server, whose process managers a test runs step by step. Nothing
//! here asserts anything about the product.

/// What a test asks of items, batches and the limit.
mod selling;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use actix_rt::{Arbiter, ArbiterHandle, System};
use doorbuster::{
    actors::{
        AwaitDesk, DemandDesk, Directory, Fault, FreezeWatch, Moves, Readiness, ServiceLevelDesk,
        Shared, Tail,
        process::{Ask, ManagerParts, Process, Receivers, TellItems},
        watch_store,
    },
    clock::{ManualClock, SharedClock, new_request_id},
    domain::{
        alert::{AlertCommand, Book, ClearAlert, RaiseAlert},
        coupon::DraftCoupon,
        item::{Item, ItemCommand, PlaceOrder},
        sale::{
            Draft, DraftItem, DraftReward, SaleCommand, SaleOutcome, SaleView, SteerSale, plan,
        },
        service_level::{ServiceLevelOutcome, SetServiceLevel},
    },
    events::{
        AlertRule, ClearedBecause, CouponReturns, Event, NewEvent, Position, SaleEvent, StreamName,
        encode,
    },
    metrics::Metrics,
    reports::Reports,
    store::{EventStore as _, Expected, SharedStore, embedded::EmbeddedStore},
    values::{AlertSeverity, ItemId, RequestId, SaleId, ServiceLevel, UnixMs},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    nodes::store::NodeStore,
    support::{OPENS_AT, PATIENCE},
};

/// Events of the log that process managers bring about, and those that they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    pub items_added: usize,
    pub items_paused: usize,
    pub batches_created: usize,
    pub placed: usize,
    pub expired: usize,
    pub redeemed: usize,
    pub applied: usize,
    pub denied: usize,
    pub cancelled: usize,
    pub returned: usize,
    pub levels_set: usize,
    pub incidents: usize,
}

pub struct Bench {
    log: Arc<EmbeddedStore>,
    _log_dir: Arc<TempDir>,
    data: TempDir,
    clock: ManualClock,
    shared: Arc<Shared>,
    books: Arc<Directory<Book>>,
    receivers: Mutex<Receivers>,
    tail: Arc<Tail>,
    system: System,
}

impl Bench {
    /// A node on a log of its own.
    pub async fn start() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let clock = ManualClock::at(OPENS_AT);
        let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
        let store: SharedStore = Arc::clone(&log) as _;
        Self::start_on(dir, log, store, clock).await
    }

    /// Two nodes on one log.
    pub async fn start_two() -> [Self; 2] {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let clock = ManualClock::at(OPENS_AT);
        let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
        let node = || NodeStore::new(&log, true) as SharedStore;
        let one = Self::start_on(Arc::clone(&dir), Arc::clone(&log), node(), clock.clone()).await;
        [one, Self::start_on(dir, Arc::clone(&log), node(), clock).await]
    }

    async fn start_on(
        log_dir: Arc<TempDir>,
        log: Arc<EmbeddedStore>,
        store: SharedStore,
        clock: ManualClock,
    ) -> Self {
        let (system, shared) = shared(&store, &clock).await;
        Self {
            log,
            _log_dir: log_dir,
            data: tempfile::tempdir().unwrap(),
            clock,
            books: Directory::new(Arc::clone(&shared)),
            receivers: Mutex::new(receivers(&shared)),
            tail: Arc::new(Tail::new(store, Vec::new(), Arc::default())),
            shared,
            system,
        }
    }

    /// What a process manager of this node is run with.
    pub fn parts(&self) -> ManagerParts {
        ManagerParts {
            tail: Arc::clone(&self.tail),
            receivers: self.receivers(),
            reports: Reports::open(self.data.path()),
            readiness: self.shared.readiness.clone(),
            clock: Arc::new(self.clock.clone()),
            data: self.data.path().to_owned(),
        }
    }

    fn receivers(&self) -> Receivers {
        self.receivers.lock().unwrap().clone()
    }

    /// A thread that a manager can follow the log on.
    pub fn thread(&self) -> ArbiterHandle {
        self.shared.arbiters[0].clone()
    }

    pub fn head(&self) -> Position {
        self.log.head()
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Every actor is gone; the next command has it rebuilt from the log.
    pub async fn fall_asleep(&self) {
        let before =
            std::mem::replace(&mut *self.receivers.lock().unwrap(), receivers(&self.shared));
        before.items.drain().await;
        before.sales.drain().await;
        before.coupons.drain().await;
    }

    /// Where the checkpoint of a process is.
    pub fn checkpoint(&self, process: &str) -> PathBuf {
        self.data.path().join(format!("processes/{process}.json"))
    }

    pub fn put_checkpoint(&self, process: &str, content: &[u8]) {
        fs::create_dir_all(self.data.path().join("processes")).unwrap();
        fs::write(self.checkpoint(process), content).unwrap();
    }

    pub fn lose_checkpoints(&self) {
        let _ = fs::remove_dir_all(self.data.path().join("processes"));
    }

    /// What a crash leaves of the creation of a sale: its event, and no item.
    pub async fn create_sale(&self, skus: &[&str]) {
        self.create_sale_with(skus, &[]).await;
    }

    /// The same with batches of coupons, which are not there either.
    pub async fn create_sale_with(&self, skus: &[&str], batches: &[&str]) {
        self.create_rewarding_sale(skus, batches, &[]).await;
    }

    /// A sale with a limit over all items.
    pub async fn create_limited_sale(&self, skus: &[&str], limit: i64) {
        self.create(skus, &[], &[], Some(limit)).await;
    }

    /// Waits until so many holds have ended.
    pub async fn expired(&self, orders: usize) {
        let wait = async {
            loop {
                let head = self.log.head();
                if self.effects().await.expired >= orders {
                    return;
                }
                self.log.wait_after(head).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the hold ends");
    }

    /// The same with rewards: minor units to be paid, and the batch.
    pub async fn create_rewarding_sale(
        &self,
        skus: &[&str],
        batches: &[&str],
        rewards: &[(i64, &str)],
    ) {
        self.create(skus, batches, rewards, None).await;
    }

    async fn create(
        &self,
        skus: &[&str],
        batches: &[&str],
        rewards: &[(i64, &str)],
        limit_per_buyer: Option<i64>,
    ) {
        let batch = |name: &&str| DraftCoupon {
            name: (*name).to_owned(),
            amount_minor: Some(1),
            min_spend_minor: Some(2),
            coupons: 1,
            budget_minor: 1,
            code: name.to_uppercase(),
            returns: match *name {
                "refund" => CouponReturns::Refund,
                _ => CouponReturns::Unpaid,
            },
            ..DraftCoupon::default()
        };
        let rule = |name: &str| AlertRule {
            name: name.to_owned(),
            when: "attempts >= 1".to_owned(),
            for_ms: 0,
            clear_when: None,
            clear_for_ms: 0,
            severity: AlertSeverity::Warning,
            each_item: false,
            opens_incident: true,
            sets_level: Some(ServiceLevel::NoTraffic),
            off: false,
        };
        let item = |sku: &&str| DraftItem {
            sku: (*sku).to_owned(),
            title: (*sku).to_owned(),
            unit_price_minor: 1,
            time_to_pay_ms: Some(60_000),
            units: vec![("north".to_owned(), 9)],
            ..DraftItem::default()
        };
        let draft = Draft {
            name: "Autumn".to_owned(),
            currency_code: "CNY".to_owned(),
            opens_at: Some(OPENS_AT),
            closes_at: Some(OPENS_AT.plus(3_600_000)),
            items: skus.iter().map(item).collect(),
            alerts: vec![rule("gone"), rule("gone_too")],
            coupons: batches.iter().map(batch).collect(),
            limit_per_buyer,
            rewards: rewards
                .iter()
                .map(|(spend_minor, coupon)| DraftReward {
                    spend_minor: *spend_minor,
                    coupon: (*coupon).to_owned(),
                })
                .collect(),
            ..Draft::default()
        };
        let created = plan(created_by(), draft, "olga".to_owned()).unwrap();
        let event = Event::Sale(SaleEvent::Created(created));
        let event = encode(sale().0, &event, sale().0, created_by().0);
        let stream = StreamName::sale(sale());
        self.log.append(stream, Expected::NoStream, vec![event].into()).await.unwrap();
    }

    /// What a crash leaves of a pause: the sale is paused, its items are not.
    pub async fn pause_sale(&self) {
        let (request_id, operator) = (new_request_id(), "olga".to_owned());
        let steer = SteerSale { request_id, operator, reason: "the bank is down".to_owned() };
        let sales = self.receivers().sales;
        let paused = sales.ask(sale().0, SaleCommand::Pause(steer), None).await.unwrap();
        assert!(matches!(paused.outcome, SaleOutcome::Sale(_)));
    }

    async fn shown(&self) -> SaleView {
        let shown = self.receivers().sales.ask(sale().0, SaleCommand::Show, None).await.unwrap();
        let SaleOutcome::Sale(view) = shown.outcome else { panic!("{shown:?}") };
        *view
    }

    /// Tells one item what the process would tell it, and gives its id.
    pub async fn tell(&self, sku: &str) -> ItemId {
        let mut process = TellItems::default();
        for recorded in self.log.read_all(Position::START, 100).await.unwrap() {
            process.observe(&recorded, &doorbuster::events::decode(&recorded).unwrap());
        }
        let known = doorbuster::actors::process::Known {
            now: OPENS_AT.plus(60_000),
            until: OPENS_AT,
            end_at_start: Position::START,
            is_shared: false,
            is_owned_here: &|_| true,
            is_awake: &|_| false,
        };
        let work = &process.due(&known)[0];
        let wanted = sale().item_id(sku);
        for ask in TellItems::decide(work, Some(&self.shown().await), OPENS_AT) {
            let Ask::Item(item, commands) = ask else { continue };
            for command in commands.into_iter().filter(|_| item == wanted) {
                self.receivers().items.ask(item.0, command, None).await.unwrap();
            }
        }
        wanted
    }

    /// Asks an item.
    pub async fn ask(&self, item: ItemId, command: ItemCommand) -> Result<(), Fault> {
        let items = self.receivers().items;
        items.ask(item.0, command, None).await.map(drop)
    }

    /// Appends an event that no actor decided.
    pub async fn write(&self, stream: StreamName, event: NewEvent) {
        let last = self.log.read_stream(stream, 0, 100).await.unwrap().last().unwrap().revision;
        let appended = self.log.append(stream, Expected::Exact(last), vec![event].into()).await;
        appended.unwrap();
    }

    pub async fn place(&self, sku: &str) {
        let item = sale().item_id(sku);
        let (ann, web) = ("ann".to_owned(), "web".to_owned());
        let place = PlaceOrder::new(item, new_request_id(), ann, 1, web);
        let command = ItemCommand::PlaceOrder(place);
        self.receivers().items.ask(item.0, command, None).await.unwrap();
    }

    /// A rule of the sale fires, a second after whatever was before.
    pub async fn raise(&self, rule: &str) {
        self.advance(1);
        self.book(AlertCommand::Raise(Box::new(RaiseAlert {
            rule: rule.to_owned(),
            severity: AlertSeverity::Warning,
            item_id: None,
            sku: String::new(),
            when: "attempts >= 1".to_owned(),
            signals: Vec::new(),
            since: self.now(),
        })))
        .await;
    }

    /// A rule of the sale fires no more.
    pub async fn clear(&self, rule: &str) {
        self.book(AlertCommand::Clear(Box::new(ClearAlert {
            rule: rule.to_owned(),
            item_id: None,
            because: ClearedBecause::Recovered,
            signals: Vec::new(),
        })))
        .await;
    }

    async fn book(&self, command: AlertCommand) {
        self.books.ask(sale().0, command, None).await.unwrap();
    }

    fn now(&self) -> UnixMs {
        doorbuster::clock::Clock::now(&self.clock)
    }

    pub async fn set_level(&self, level: ServiceLevel) {
        let set = SetServiceLevel {
            request_id: new_request_id(),
            level,
            expected: None,
            by_alert: None,
            operator: "olga".to_owned(),
            reason: "all is well".to_owned(),
        };
        self.receivers().levels.set(set, None).await.unwrap();
    }

    pub async fn level(&self) -> ServiceLevel {
        match self.receivers().levels.show().await.unwrap().outcome {
            ServiceLevelOutcome::Level(view) => view.level,
            other => panic!("{other:?}"),
        }
    }

    /// The kinds of all events of the log.
    pub async fn kinds(&self) -> Vec<String> {
        let events = self.log.read_all(Position::START, 10_000).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    pub async fn effects(&self) -> Effects {
        let events = self.log.read_all(Position::START, 10_000).await.unwrap();
        let count = |kind| events.iter().filter(|event| event.kind == kind).count();
        Effects {
            items_added: count("ItemAdded"),
            items_paused: count("ItemPaused"),
            batches_created: count("CouponBatchCreated"),
            placed: count("OrderPlaced"),
            expired: count("OrderExpired"),
            redeemed: count("CouponRedeemed"),
            applied: count("CouponApplied"),
            denied: count("CouponDenied"),
            cancelled: count("OrderCancelled"),
            returned: count("CouponReturned"),
            levels_set: count("LevelSet"),
            incidents: count("IncidentDetected"),
        }
    }

    /// Waits until the log holds these.
    pub async fn effects_become(&self, wanted: Effects) {
        let become_these = async {
            loop {
                let head = self.log.head();
                if self.effects().await == wanted {
                    return;
                }
                self.log.wait_after(head).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, become_these).await.expect("the log goes on");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.system.stop();
    }
}

/// The request that created the sale, and the sale.
fn created_by() -> RequestId {
    RequestId(Uuid::from_u128(0x5a1e))
}

pub fn sale() -> SaleId {
    SaleId::of_request(created_by())
}

fn receivers(shared: &Arc<Shared>) -> Receivers {
    let levels = Directory::new(Arc::clone(shared));
    let items = Directory::<Item>::new(Arc::clone(shared));
    let coupons = Directory::new(Arc::clone(shared));
    let quotas = Directory::new(Arc::clone(shared));
    Receivers {
        sales: Directory::new(Arc::clone(shared)),
        awaits: AwaitDesk::new(Arc::clone(&items), Arc::clone(&coupons), Arc::clone(&quotas)),
        items,
        coupons,
        quotas,
        incidents: Directory::new(Arc::clone(shared)),
        levels: ServiceLevelDesk::new(levels, Arc::default()),
    }
}

/// What aggregates on that store share.
pub async fn shared(store: &SharedStore, clock: &ManualClock) -> (System, Arc<Shared>) {
    let (system, arbiters) = threads();
    let time: SharedClock = Arc::new(clock.clone());
    let runtime = tokio::runtime::Handle::current();
    let readiness = Readiness::starting(OPENS_AT);
    let shared = Arc::new(Shared {
        store: Arc::clone(store),
        snapshots: None,
        clock: Arc::clone(&time),
        moves: Moves::since(&time),
        metrics: Arc::new(Metrics::new(OPENS_AT)),
        readiness: readiness.clone(),
        demand: DemandDesk::new(Arc::clone(store), Arc::clone(&time), runtime.clone()),
        runtime,
        arbiters,
        waiting_max: 10_000,
        order_wait_max: Duration::from_secs(3_600),
        decide_within: Duration::from_secs(3_600),
        freezes: FreezeWatch::without(),
        idle_ms: 60_000_000_000,
    });
    let watching =
        watch_store(store.clone(), Arc::default(), time, readiness.clone(), "a test".into());
    tokio::spawn(watching);
    readiness.has_started().await;
    (system, shared)
}

/// Threads that actors can live on, for as long as their system is not stopped.
fn threads() -> (System, Vec<ArbiterHandle>) {
    let (told, started) = mpsc::channel();
    std::thread::spawn(move || {
        let system = System::new();
        let arbiters = system.block_on(async { [Arbiter::new(), Arbiter::new()] });
        let handles = arbiters.iter().map(Arbiter::handle).collect();
        told.send((System::current(), handles)).unwrap();
        system.run()
    });
    started.recv().unwrap()
}
