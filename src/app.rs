//! The composition root: store, actors, projections and servers, started and stopped in order.
//!
//! Start: the server listens at once and is not ready before the store has answered. Stop: first
//! the node says that it is not ready, then it takes no more calls, then what is in flight ends.

mod board;
mod chores;
mod listeners;
mod watch;

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix_rt::{Arbiter, System};
use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinHandle as Task,
    time::{sleep, timeout},
};

use self::{
    board::{LookingOn, take_pulses},
    chores::Chores,
    listeners::{Addresses, Listeners},
};
use crate::{
    actors::{
        CatalogDesk, DemandDesk, Directory, Levels, MeteredStore, NodeParts, Overheard,
        ProjectionHandle, Readiness, Sales, Shared, State, Tail, TrafficDesk, TrafficLimits,
        TrafficParts, start_projections,
    },
    admission::{Operators, Service},
    clock::SharedClock,
    config::Config,
    domain::{
        alert::Book, incident::Incident, item::Item, level::Level, sale::Sale, script::Script,
    },
    events::Category,
    grpc::{self, ReadSide},
    metrics::Metrics,
    reports::Reports,
    store::{self, LogSource, SharedStore},
    threads,
    web::{
        self,
        board::{BoardLimits, BoardParts},
    },
};

/// How long calls under way may take to finish when the server stops, and as long again for what
/// items and sales have in flight.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A store that answers within this time is there before the first call; a server whose store does
/// not is started all the same.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// A running server: its own threads, its own runtime.
pub struct App {
    addresses: Addresses,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl App {
    /// Starts a server on its own threads and returns once it accepts calls. Port 0 in
    /// `config.listen` and `config.web` takes a free port.
    ///
    /// # Errors
    /// When the data directory is refused or an address cannot be listened on.
    pub fn start(config: Config, clock: SharedClock) -> anyhow::Result<Self> {
        Self::start_thread(config, clock, None)
    }

    /// Starts a server like [`App::start`] on a store that is open already and stays open when the
    /// server stops; `config.store` is only what the log calls it.
    ///
    /// # Errors
    /// When the read models are refused or the address cannot be listened on.
    pub fn start_on(
        config: Config,
        clock: SharedClock,
        store: SharedStore,
    ) -> anyhow::Result<Self> {
        Self::start_thread(config, clock, Some(store))
    }

    fn start_thread(
        config: Config,
        clock: SharedClock,
        store: Option<SharedStore>,
    ) -> anyhow::Result<Self> {
        let (ready, started) = mpsc::sync_channel(1);
        let (stop, stopping) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("doorbuster".to_owned())
            .spawn(move || run(&config, clock, store, &ready, stopping))
            .context("no thread could be started")?;
        match started.recv() {
            Ok(addresses) => Ok(Self { addresses, stop, thread }),
            // It ended before it was ready: the thread says why.
            Err(mpsc::RecvError) => {
                join(thread)?;
                anyhow::bail!("the server stopped before it was ready")
            }
        }
    }

    /// Where it serves gRPC.
    pub fn address(&self) -> SocketAddr {
        self.addresses.grpc
    }

    /// Where it serves health, readiness and metrics, if it does.
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.addresses.web
    }

    /// Where it serves the board, if it does.
    pub fn board_address(&self) -> Option<SocketAddr> {
        self.addresses.board
    }

    /// Stops taking calls, finishes what is in flight, closes the log.
    ///
    /// # Errors
    /// When the server had failed while it was running.
    pub fn stop(self) -> anyhow::Result<()> {
        // An error means that it has stopped already.
        let _ = self.stop.send(());
        join(self.thread)
    }
}

fn join(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    thread.join().map_err(|_| anyhow::anyhow!("the server panicked"))?
}

fn run(
    config: &Config,
    clock: SharedClock,
    given: Option<SharedStore>,
    ready: &mpsc::SyncSender<Addresses>,
    stopping: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(grpc_threads())
        .thread_name("doorbuster-worker")
        .enable_all()
        .build()
        .context("no runtime could be started")?;
    let mut runtime = Some(runtime);
    // actix-rt wants a factory but calls it once.
    #[expect(clippy::expect_used, reason = "called once, see above")]
    let system = System::with_tokio_rt(|| runtime.take().expect("called once"));
    system.block_on(async {
        if let Some(store) = given {
            return live(config, clock, store, ready, stopping).await;
        }
        let _data = store::keep_to_one_node(&config.store, &config.data)?;
        let store = store::open(&config.store_address(), &config.data, Arc::clone(&clock)).await?;
        let served = live(config, clock, Arc::clone(&store), ready, stopping).await;
        tokio::task::spawn_blocking(move || store.close()).await?;
        served
    })
}

async fn live(
    config: &Config,
    clock: SharedClock,
    store: SharedStore,
    ready: &mpsc::SyncSender<Addresses>,
    stopping: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let operators = operators(config)?;
    let (listeners, addresses) = Listeners::bind(config).await?;
    let metrics = Arc::new(Metrics::new(clock.now()));
    let store = MeteredStore::over(store, Arc::clone(&metrics));
    let readiness = Readiness::starting(clock.now());

    let actors = Actors::start(config, &clock, &store, &readiness, &metrics);
    let sales = Sales::new(Arc::clone(&actors.sale_desks), Arc::clone(&actors.items));
    let service = Arc::clone(&actors.service);
    let tail = Tail::new(Arc::clone(&store), actors.overheard(), Arc::clone(&service));
    let tail = Arc::new(tail);
    let (projections, projection_threads) = start_projections(&config.data, &tail)?;
    let traffic = actors.traffic_desk(config, &projections, &tail);
    let web = web_server(listeners.web, actors.looked_at(&traffic, &projections));
    let node = actors.node_parts(config, &projections);
    let (pulses, pulse_thread) = take_pulses(config.data.clone(), &clock, node)?;
    let watch = watch::start(&actors, &pulses, &sales, config);
    let log = LogSource::Store(Arc::clone(&store));
    let reads = ReadSide::new(
        &config.data,
        log.clone(),
        (projections, tail),
        readiness.clone(),
        Arc::clone(&clock),
        Duration::from_millis(config.min_position_wait_ms),
    );

    let levels = Levels::new(Arc::clone(&actors.levels), Arc::clone(&service));
    let shown = BoardParts {
        desk: pulses,
        reports: Reports::open(&config.data),
        past: reads.past(),
        log,
        data: config.data.clone(),
        sales: sales.clone(),
        items: Arc::clone(&actors.items),
        levels: levels.clone(),
        service: Arc::clone(&service),
        operators: Arc::clone(&operators),
        readiness: readiness.clone(),
        metrics: Arc::clone(&metrics),
        clock: Arc::clone(&clock),
        limits: BoardLimits::for_clients(config.board_clients_max),
    };
    let looking_on = LookingOn::start(pulse_thread, listeners.board, shown)?;

    let background = Chores {
        store: Arc::clone(&store),
        service: Arc::clone(&service),
        address: config.store.to_string(),
        clock: Arc::clone(&clock),
        readiness: readiness.clone(),
        reads: reads.clone(),
        sales: sales.clone(),
        items: Arc::clone(&actors.items),
    }
    .start();
    let (stop, stopped) = oneshot::channel();
    let parts = grpc::Parts {
        sales,
        items: Arc::clone(&actors.items),
        incidents: Arc::clone(&actors.incidents),
        scripts: Arc::clone(&actors.scripts),
        reads: reads.clone(),
        store,
        data: config.data.clone(),
        traffic: Arc::clone(&traffic),
        levels,
        service,
        readiness: readiness.clone(),
        clock,
        operators,
        metrics,
    };
    let serving = tokio::spawn(grpc::serve(listeners.grpc, parts, async { drop(stopped.await) }));
    let _ = timeout(FIRST_ANSWER, is_ready(&readiness)).await;
    // The other side waits for this, so it is there.
    let _ = ready.send(addresses);

    let served = serve_until(stopping, serving, stop, &readiness, config.drain_ms).await;
    background.iter().for_each(Task::abort);
    watch.stop();
    // Whatever looks back for long would keep its thread, and the thread the server.
    reads.stop();
    looking_on.stop().await?;
    actors.rest(&traffic, projection_threads).await;
    // Last, so that whoever asks hears that the node is stopping for as long as it is.
    if let Some(web) = web {
        web.stop().await;
    }
    served
}

/// Who may steer.
fn operators(config: &Config) -> anyhow::Result<Arc<Operators>> {
    let operators = match &config.operators_file {
        Some(file) => Operators::read(file).context("operators_file is refused")?,
        None => Operators::none(),
    };
    Ok(Arc::new(operators))
}

/// Answers machines, if they are to be answered.
fn web_server(listener: Option<TcpListener>, asked: web::Parts) -> Option<web::Server> {
    listener.map(|listener| web::Server::start(listener, asked, web::Limits::default()))
}

/// Serves until it fails or is told to stop; then in order: not ready, no more calls, done.
async fn serve_until(
    stopping: oneshot::Receiver<()>,
    mut serving: Task<anyhow::Result<()>>,
    stop: oneshot::Sender<()>,
    readiness: &Readiness,
    drain_ms: u64,
) -> anyhow::Result<()> {
    tokio::select! {
        served = &mut serving => return served?,
        _ = stopping => {}
    }
    readiness.drain();
    sleep(Duration::from_millis(drain_ms)).await;
    let _ = stop.send(());
    match timeout(STOP_GRACE, &mut serving).await {
        Ok(served) => served?,
        // A stream that its client holds open would keep us for ever.
        Err(_) => {
            serving.abort();
            Ok(())
        }
    }
}

/// Returns once the store has answered.
async fn is_ready(readiness: &Readiness) {
    // The sender is in the readiness, so there is no error.
    let _ = readiness.subscribe().wait_for(|state| *state == State::Ready).await;
}

/// Everybody who decides on this node, and their threads.
struct Actors {
    arbiters: Vec<Arbiter>,
    /// Where beacons are packed, away from everybody who decides.
    traffic_arbiter: Arbiter,
    shared: Arc<Shared>,
    demand: Arc<DemandDesk>,
    items: Arc<Directory<Item>>,
    sale_desks: Arc<Directory<Sale>>,
    levels: Arc<Directory<Level>>,
    /// The level that this node acts on.
    service: Arc<Service>,
    books: Arc<Directory<Book>>,
    incidents: Arc<Directory<Incident>>,
    scripts: Arc<Directory<Script>>,
}

impl Actors {
    fn start(
        config: &Config,
        clock: &SharedClock,
        store: &SharedStore,
        readiness: &Readiness,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let runtime = tokio::runtime::Handle::current();
        let arbiters = item_threads();
        let demand = DemandDesk::new(Arc::clone(store), Arc::clone(clock), runtime.clone());
        let shared = Arc::new(Shared {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            metrics: Arc::clone(metrics),
            readiness: readiness.clone(),
            demand: Arc::clone(&demand),
            runtime,
            arbiters: arbiters.iter().map(Arbiter::handle).collect(),
            waiting_max: config.waiting_max,
            idle_ms: i64::try_from(config.idle_seconds.saturating_mul(1000)).unwrap_or(i64::MAX),
        });
        let items = Directory::new(Category::Item, Arc::clone(&shared));
        let sale_desks = Directory::new(Category::Sale, Arc::clone(&shared));
        let levels = Directory::new(Category::Level, Arc::clone(&shared));
        let books = Directory::new(Category::Alert, Arc::clone(&shared));
        let incidents = Directory::new(Category::Incident, Arc::clone(&shared));
        let scripts = Directory::new(Category::Script, Arc::clone(&shared));
        Self {
            arbiters,
            traffic_arbiter: traffic_thread(),
            shared,
            demand,
            items,
            sale_desks,
            levels,
            books,
            service: Arc::default(),
            incidents,
            scripts,
        }
    }

    /// What machines ask about.
    fn looked_at(
        &self,
        traffic: &Arc<TrafficDesk>,
        projections: &[ProjectionHandle],
    ) -> web::Parts {
        web::Parts {
            metrics: Arc::clone(&self.shared.metrics),
            readiness: self.shared.readiness.clone(),
            items: Arc::clone(&self.items),
            sales: Arc::clone(&self.sale_desks),
            projections: projections.to_vec(),
            traffic: Arc::clone(traffic),
            store: Arc::clone(&self.shared.store),
            clock: Arc::clone(&self.shared.clock),
            service: Arc::clone(&self.service),
        }
    }

    /// What the board and the alerts want to know of the node itself.
    fn node_parts(&self, config: &Config, projections: &[ProjectionHandle]) -> NodeParts {
        NodeParts {
            readiness: self.shared.readiness.clone(),
            items: Arc::clone(&self.items),
            sales: Arc::clone(&self.sale_desks),
            projections: projections.to_vec(),
            store: Arc::clone(&self.shared.store),
            clock: Arc::clone(&self.shared.clock),
            metrics: Arc::clone(&self.shared.metrics),
            service: Arc::clone(&self.service),
            waiting_max: config.waiting_max,
        }
    }

    /// Where beacons come in.
    fn traffic_desk(
        &self,
        config: &Config,
        projections: &[ProjectionHandle],
        tail: &Arc<Tail>,
    ) -> Arc<TrafficDesk> {
        let reports = Reports::open(&config.data);
        let clock = Arc::clone(&self.shared.clock);
        let catalog = CatalogDesk::new(reports, projections, Arc::clone(tail), clock);
        TrafficDesk::new(TrafficParts {
            store: Arc::clone(&self.shared.store),
            clock: Arc::clone(&self.shared.clock),
            metrics: Arc::clone(&self.shared.metrics),
            readiness: self.shared.readiness.clone(),
            service: Arc::clone(&self.service),
            items: Arc::clone(&self.items),
            catalog,
            arbiter: Some(self.traffic_arbiter.handle()),
            limits: TrafficLimits {
                waiting_max: config.traffic_waiting_max,
                shed_at_commands: config.traffic_shed_at_commands,
            },
        })
    }

    /// Those who want to hear what others wrote.
    fn overheard(&self) -> Vec<Arc<dyn Overheard>> {
        vec![
            Arc::clone(&self.items) as _,
            Arc::clone(&self.sale_desks) as _,
            Arc::clone(&self.levels) as _,
            Arc::clone(&self.books) as _,
            Arc::clone(&self.incidents) as _,
            Arc::clone(&self.scripts) as _,
        ]
    }

    /// Lets everybody finish what is in flight, and ends their threads and those of the read models.
    async fn rest(self, traffic: &TrafficDesk, projection_threads: Vec<Arbiter>) {
        // A store that does not answer must not keep us for ever: nothing unanswered is lost.
        let _ = timeout(STOP_GRACE, async {
            tokio::join!(self.items.drain(), self.sale_desks.drain());
            tokio::join!(self.levels.drain(), self.books.drain());
            tokio::join!(self.incidents.drain(), self.scripts.drain());
            tokio::join!(self.demand.drain(), traffic.drain());
        })
        .await;
        let mine = self.arbiters.into_iter().chain([self.traffic_arbiter]);
        for arbiter in mine.chain(projection_threads) {
            arbiter.stop();
            let _ = arbiter.join();
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Threads that serve gRPC. Two for each core: with one, whoever waits for a thread that lost its
/// turn to the items or the log waits with it. Measured: pipelined orders gain, others do not lose.
fn grpc_threads() -> usize {
    cores() * 2
}

/// The threads that items and sales live on. Half as many as cores: deciding is a quarter of the
/// work of a call.
fn item_threads() -> Vec<Arbiter> {
    let arbiters: Vec<Arbiter> = (0..cores().div_ceil(2)).map(|_| Arbiter::new()).collect();
    for arbiter in &arbiters {
        arbiter.spawn_fn(|| {
            threads::name("items");
            threads::urgent();
        });
    }
    arbiters
}

/// The thread that beacons are packed on.
fn traffic_thread() -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(|| {
        threads::name("traffic");
        threads::patient();
    });
    arbiter
}
