//! The composition root: store, actors, projections and servers, started and stopped in order.
//!
//! Start: the server listens at once and is ready when the store has answered. Stop: the node first
//! reports not ready, then refuses new calls, then finishes calls in flight.

mod actors;
mod background_tasks;
mod board;
mod cores;
mod ending;
mod listeners;
mod peers;
mod processes;
mod stock;
mod tls;
mod tokens;
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
    sync::{oneshot, watch as told},
    task::{JoinError, JoinHandle as Task},
    time::{Instant, sleep, timeout},
};

use self::{
    actors::Actors,
    board::{LookingOn, take_pulses},
    cores::grpc_threads,
    ending::THREADS_END_WITHIN,
    listeners::{Addresses, Listeners},
    peers::AmongNodes,
    stock::StockWatch,
    tls::Securing,
    watch::Watch,
};
use crate::{
    actors::{
        ClockWatch, Freshness, MeteredStore, OwnAppends, ProjectionHandle, Readiness, Tail,
        TrafficDesk, start_projections,
    },
    clock::SharedClock,
    config::Config,
    connections::{self, Descriptors, Phase, Security},
    grpc::{self, ReadSide},
    metrics::Metrics,
    reports::Reports,
    store::{self, SharedStore},
    web,
};

/// The part of the time for stopping that calls under way have, in percent. The rest is for what
/// items and sales have in flight, and for closing the log.
const CALLS_PERCENT: u32 = 60;

/// Connections of HTTP/JSON, which have one call at a time each.
const HTTP_CONNECTIONS_MAX: usize = 1_024;

/// How long connections may take to end once what is under way on them is dropped.
const DROPPED_WITHIN: Duration = Duration::from_millis(500);

/// A store that answers within this time is there before the first call; a server whose store does
/// not is started all the same.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// A running server: its own threads, its own runtime.
pub struct App {
    addresses: Addresses,
    stop: oneshot::Sender<()>,
    /// What became of it, once the log is closed.
    stopped: mpsc::Receiver<anyhow::Result<()>>,
    thread: JoinHandle<()>,
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
        let (done, stopped) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("doorbuster".to_owned())
            .spawn(move || run(&config, clock, store, ready, stopping, &done))
            .context("no thread could be started")?;
        match started.recv() {
            Ok(addresses) => Ok(Self { addresses, stop, stopped, thread }),
            // It ended before it was ready: the thread says why.
            Err(mpsc::RecvError) => {
                ended(&stopped, thread)?;
                anyhow::bail!("the server stopped before it was ready")
            }
        }
    }

    /// Where it serves gRPC.
    pub fn address(&self) -> SocketAddr {
        self.addresses.grpc
    }

    /// Where it serves HTTP/JSON, if it does.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.addresses.http
    }

    /// Where it serves health, readiness and metrics, if it does.
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.addresses.web
    }

    /// Where it serves the stock of sales to pages, if it does.
    pub fn stock_address(&self) -> Option<SocketAddr> {
        self.addresses.stock
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
        ended(&self.stopped, self.thread)
    }
}

/// Waits until the log is closed, and a moment for the threads: a query that blocks one of them
/// must not delay the shutdown.
fn ended(
    stopped: &mpsc::Receiver<anyhow::Result<()>>,
    thread: JoinHandle<()>,
) -> anyhow::Result<()> {
    let said = stopped.recv();
    let until = std::time::Instant::now() + THREADS_END_WITHIN;
    while !thread.is_finished() && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    match said {
        Ok(said) => said,
        Err(mpsc::RecvError) => Err(anyhow::anyhow!("the server panicked")),
    }
}

fn run(
    config: &Config,
    clock: SharedClock,
    given: Option<SharedStore>,
    ready: mpsc::SyncSender<Addresses>,
    stopping: oneshot::Receiver<()>,
    done: &mpsc::SyncSender<anyhow::Result<()>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(grpc_threads())
        .thread_name("doorbuster-worker")
        .enable_all()
        .build();
    let mut runtime = match runtime {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            let error = anyhow::Error::new(error).context("no runtime could be started");
            drop(done.send(Err(error)));
            return;
        }
    };
    // actix-rt wants a factory but calls it once.
    #[expect(clippy::expect_used, reason = "called once, see above")]
    let system = System::with_tokio_rt(|| runtime.take().expect("called once"));
    let served = system.block_on(async {
        if let Some(store) = given {
            return live(config, clock, store, ready, stopping).await;
        }
        let _data = store::keep_to_one_node(&config.store, &config.data)?;
        let (address, clock_of_store) = (config.store_address(), Arc::clone(&clock));
        let store =
            store::open_with(&address, &config.data, clock_of_store, config.sync_witness).await?;
        let served = live(config, clock, Arc::clone(&store), ready, stopping).await;
        tokio::task::spawn_blocking(move || store.close()).await?;
        served
    });
    // Before the runtime ends, which waits for blocking threads. The receiver may be gone.
    drop(done.send(served));
}

async fn live(
    config: &Config,
    clock: SharedClock,
    store: SharedStore,
    ready: mpsc::SyncSender<Addresses>,
    stopping: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let securing = Securing::start(config)?;
    let (listeners, addresses) = Listeners::bind(config, &securing).await?;
    let readiness = Readiness::starting(clock.now());
    let first_look = ClockWatch {
        clock: Arc::clone(&clock),
        store: Arc::clone(&store),
        own: Arc::default(),
        readiness: readiness.clone(),
    };
    let _ = timeout(FIRST_ANSWER, first_look.start()).await;
    let (phase, phases) = told::channel(Phase::Serving);
    let (node, serving) = Node::start(config, clock, store, &readiness, listeners, phases)?;
    let _ = timeout(FIRST_ANSWER, readiness.has_started()).await;
    // The other side waits for this, so it is there.
    let _ = ready.send(addresses);

    let following = tokio::spawn(securing.follow_files());
    let leaves = async || {
        if let Some(among) = &node.among {
            among.leave().await;
        }
    };
    let (served, over) = serve_until(stopping, serving, phase, &readiness, config, leaves).await;
    following.abort();
    node.stop(over).await?;
    served
}

/// All parts of a node but the server of the contract, which is stopped before them.
struct Node {
    actors: Actors,
    traffic: Arc<TrafficDesk>,
    projection_threads: Vec<Arbiter>,
    reads: ReadSide,
    background: Vec<Task<()>>,
    watch: Watch,
    looking_on: LookingOn,
    stock: StockWatch,
    web: Option<web::Server>,
    among: Option<AmongNodes>,
}

impl Node {
    fn start(
        config: &Config,
        clock: SharedClock,
        store: SharedStore,
        readiness: &Readiness,
        listeners: Listeners,
        phase: told::Receiver<Phase>,
    ) -> anyhow::Result<(Self, Task<anyhow::Result<()>>)> {
        let (metrics, own) = (Arc::new(Metrics::new(clock.now())), Arc::<OwnAppends>::default());
        let (tokens, watching) = tokens::start(config, &metrics, &clock)?;
        let store = MeteredStore::over(
            store,
            Arc::clone(&metrics),
            Arc::clone(&clock),
            Arc::clone(&own),
            readiness.clone(),
        );
        let network = peers::network(config, listeners.peers.as_ref(), &store, readiness)?;
        let nodes = network.clone().map(|network| network as _);
        let actors = Actors::start(config, &clock, &store, readiness, &metrics, nodes)?;
        let among = network.clone().zip(listeners.peers);
        let among = among.map(|(network, peers)| AmongNodes::start(network, peers, &actors));
        let (sales, observers) = (actors.sales(), actors.aggregates.observers());
        let tail = Arc::new(Tail::new(Arc::clone(&store), observers, Arc::clone(&actors.service)));
        let (projections, mut projection_threads) = start_projections(&config.data, &tail);
        let freshness = Freshness::new(Arc::clone(&store), Arc::clone(&clock));
        let reports = reports(config, &projections);
        let traffic = actors.traffic_desk(config, &reports, &projections, &tail);
        let room = room(config);
        let (bound, security) = listeners.grpc;
        let grpc_port = bound.local_addr()?.port();
        let (asked, seen) = ((grpc_port, listeners.tls), (&network, &tokens, config));
        let looked_at = actors.looked_at(&traffic, &projections, &freshness, asked, seen);
        let web = web_server(listeners.web, looked_at, room.web);
        let seen = actors.node_parts(config, &projections, &freshness, &network);
        let (pulses, pulse_thread) = take_pulses(&reports, &clock, seen)?;
        let watch = watch::start(&actors, &pulses, &sales, (&tail, &reports), config)?;
        let (asked, places) = ((&reports, &tail), (room.stock, grpc_port));
        let of = (&actors, config);
        let stock = StockWatch::start(of, asked, &projections, listeners.stock, places)?;
        let reads = actors.reads(config, &reports, projections, &tail, freshness);
        let parts = actors.manager_parts(config, &tail, &reports);
        let (process_threads, processes) = processes::start(&parts, config.alerts);
        projection_threads.extend(process_threads);
        let shown = (Arc::clone(&tokens), network.clone(), Arc::clone(&pulses));
        let served = actors.served(config, &reads, &sales, (&traffic, &stock.desk), shown)?;
        let services = grpc::Services::new(served, phase)?;
        let (board, steered) = ((room.board, grpc_port), (services.routes(), tokens));
        let shown = actors.shown(board, config, (reports, pulses), &reads, steered);
        let looking_on = LookingOn::start(pulse_thread, listeners.board, shown)?;
        let tasks = actors.background_tasks(config, (store, own), clock).start().into_iter();
        let (http, limits) = (listeners.http, limits(config, room));
        let serve = move |grpc| grpc::serve((grpc, security), http, services, limits);
        let serving = once_met(among.as_ref(), readiness, bound, serve)?;
        let node = Self {
            actors,
            traffic,
            projection_threads,
            reads,
            background: tasks.chain(processes).chain([watching]).collect(),
            watch,
            looking_on,
            stock,
            web,
            among,
        };
        Ok((node, serving))
    }

    /// In order: new calls are refused, the board ends, calls in flight end. Then the log is
    /// closed, also if some are not done.
    async fn stop(self, over: Instant) -> anyhow::Result<()> {
        self.background.iter().for_each(Task::abort);
        // A long query of the past would keep its thread, and the thread would keep the server.
        self.reads.stop();
        self.stock.stop().await;
        let (watch, looking_on) = (self.watch, self.looking_on);
        ending::by(over, "the board and the pulses", move || {
            watch.stop();
            looking_on.stop();
        })
        .await;
        self.actors.rest(&self.traffic, self.projection_threads, over).await;
        // Until here other nodes are answered what they sent.
        if let Some(among) = self.among {
            among.stop().await;
        }
        // Last, so that the node reports that it is stopping until the end.
        if let Some(web) = self.web {
            web.stop().await;
        }
        Ok(())
    }
}

/// Listens and serves, where there are other nodes once this one has met them.
fn once_met<S: Future<Output = anyhow::Result<()>> + Send + 'static>(
    among: Option<&AmongNodes>,
    readiness: &Readiness,
    bound: grpc::Bound,
    serve: impl FnOnce(TcpListener) -> S + Send + 'static,
) -> anyhow::Result<Task<anyhow::Result<()>>> {
    let Some(among) = among else { return Ok(tokio::spawn(serve(bound.listen()?))) };
    let (met, readiness) = (among.has_met_others(), readiness.clone());
    readiness.meets_others(true);
    Ok(tokio::spawn(async move {
        met.await;
        let listener = bound.listen()?;
        readiness.meets_others(false);
        serve(listener).await
    }))
}

/// How many connections each listener takes.
fn room(config: &Config) -> Descriptors {
    connections::descriptors(Descriptors {
        grpc: config.connections_max,
        http: config.http.map_or(1, |_| config.connections_max.min(HTTP_CONNECTIONS_MAX)),
        web: web::Limits::default().connections_max,
        board: config.board_clients_max,
        stock: config.stock.map_or(0, |_| config.stock_watchers_max),
    })
}

/// Questions to the read models. What they find damaged is built anew.
fn reports(config: &Config, projections: &[ProjectionHandle]) -> Reports {
    let projections = projections.to_vec();
    Reports::open(&config.data).telling_of_damage(move |name| {
        let damaged = projections.iter().find(|projection| projection.name == name);
        damaged.iter().for_each(|projection| projection.file_is_damaged());
    })
}

/// Answers machines, if they are to be answered.
fn web_server(
    listener: Option<(TcpListener, Security)>,
    asked: web::Parts,
    connections_max: usize,
) -> Option<web::Server> {
    let limits = web::Limits { connections_max, ..web::Limits::default() };
    listener.map(|listener| web::Server::start(listener, asked, limits))
}

/// What clients of gRPC may take.
fn limits(config: &Config, room: Descriptors) -> grpc::Limits {
    grpc::Limits {
        connections_max: room.grpc,
        http_connections_max: room.http,
        http2: connections::Limits {
            calls_max: config.connection_calls_max,
            start_lasts: Duration::from_millis(config.connection_start_ms),
            idle_lasts: Duration::from_secs(config.connection_idle_seconds),
        },
        connection: grpc::ConnectionLimits {
            orders_max: config.connection_orders_max,
            reports_max: config.connection_reports_max,
        },
    }
}

/// Serves until it fails or is told to stop; then in order: not ready, no more calls, done. Says
/// when all of the stop is to be over.
async fn serve_until(
    stopping: oneshot::Receiver<()>,
    mut serving: Task<anyhow::Result<()>>,
    phase: told::Sender<Phase>,
    readiness: &Readiness,
    config: &Config,
    leaves: impl AsyncFnOnce(),
) -> (anyhow::Result<()>, Instant) {
    let grace = Duration::from_millis(config.stop_grace_ms);
    tokio::select! {
        served = &mut serving => return (joined(served), Instant::now() + grace),
        _ = stopping => {}
    }
    readiness.drain();
    leaves().await;
    sleep(Duration::from_millis(config.drain_ms)).await;
    let over = Instant::now() + grace;
    phase.send_replace(Phase::Leaving);
    if let Ok(served) = timeout(grace * CALLS_PERCENT / 100, &mut serving).await {
        return (joined(served), over);
    }
    tracing::info!("connections that did not end in time are closed; all answers are in the log");
    phase.send_replace(Phase::Over);
    match timeout(DROPPED_WITHIN.min(grace / 5), &mut serving).await {
        Ok(served) => (joined(served), over),
        Err(_late) => {
            serving.abort();
            (Ok(()), over)
        }
    }
}

fn joined(served: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    served?
}
