//! Starting and stopping the server: its own threads, one listener for each node, one log.

use std::{
    convert::Infallible,
    future::pending,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use hyper::{
    body::Incoming,
    http::{Request, Response},
    service::Service,
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    time::{sleep, timeout},
};
use tonic::{body::Body, service::Routes};

use super::{
    cluster::{Cluster, Member, Role},
    commits::Commits,
    faults::Faults,
    gossip::ClusterApi,
    line::{Line, Lines},
    node::{EVERYTHING, Node},
    proto::{
        gossip::gossip_server::GossipServer,
        server_features::server_features_server::ServerFeaturesServer,
        streams::streams_server::StreamsServer,
    },
    streams::StreamsApi,
};
use crate::{
    clock::SharedClock,
    connections::{self, Peers, Phase, http2},
    store::{
        EventStore as _,
        embedded::{EmbeddedStore, OpenError},
    },
    threads,
};

/// The real server's limit for one append, unless it is told another one.
const APPEND_BYTES_MAX: usize = 1 << 20;

/// The largest message: the real server's limit for one record, about.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// How long the real server lets a write take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many events a live subscription may be behind: about what the real server keeps for one.
const LIVE_BEHIND_MAX: u64 = 4_096;

/// How long calls under way may take to finish when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Connections of a node, and calls at once on one of them.
const CONNECTIONS_MAX: usize = 4_096;
const CALLS_PER_CONNECTION_MAX: u32 = 1_024;

/// How long a connection may take to begin, and be there without a call.
const START_LASTS: Duration = Duration::from_secs(10);
const IDLE_LASTS: Duration = Duration::from_secs(3_600);

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of the log; made if it is missing.
    pub data: PathBuf,
    /// An address and a role for each node. Port 0 takes a free port. Loopback only.
    pub nodes: Vec<(SocketAddr, Role)>,
    /// Maximum bytes of the data of one append.
    pub append_bytes_max: usize,
    /// How long a write may take before it is answered as timed out.
    pub write_timeout: Duration,
    /// Events that a live subscription may be behind before it is ended.
    pub live_behind_max: u64,
    /// How long a write is replicated and indexed before it is answered and can be read; nothing of
    /// that if it is zero.
    pub commit_time: Duration,
    /// How long after its commit an event can be read on a node that does not lead.
    pub follower_lag: Duration,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "listen: {0} is not a loopback address; this server has no logins and no TLS, so it listens \
         on loopback only"
    )]
    NotLoopback(IpAddr),
    #[error("listen: cannot listen on {address}: {problem}")]
    Listen { address: SocketAddr, problem: std::io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the server could not be started: {0}")]
    Thread(std::io::Error),
    #[error("the server stopped before it was ready")]
    Stopped,
}

impl Config {
    /// One node that leads.
    pub fn single(data: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data,
            nodes: vec![(listen, Role::Leader)],
            append_bytes_max: APPEND_BYTES_MAX,
            write_timeout: WRITE_TIMEOUT,
            live_behind_max: LIVE_BEHIND_MAX,
            commit_time: Duration::ZERO,
            follower_lag: Duration::ZERO,
        }
    }
}

/// A running server.
pub struct Devstore {
    cluster: Arc<Cluster>,
    faults: Arc<Faults>,
    store: Arc<EmbeddedStore>,
    switches: Vec<Switch>,
    /// Whether nodes that do not lead are behind.
    lags: bool,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// What ends one node, and holds it up.
struct Switch {
    stopping: watch::Sender<bool>,
    lines: Arc<Lines>,
    node: Arc<Node>,
}

/// What the server's thread says once it serves.
struct Ready {
    cluster: Arc<Cluster>,
    switches: Vec<Switch>,
}

impl Devstore {
    /// Starts a server on its own threads and returns once it accepts calls.
    ///
    /// # Errors
    /// When an address is not loopback or cannot be listened on, or the log is refused.
    pub fn start(config: Config, clock: SharedClock) -> Result<Self, StartError> {
        let listen = config.nodes.iter().map(|(address, _role)| address.ip());
        if let Some(address) = listen.into_iter().find(|address| !address.is_loopback()) {
            return Err(StartError::NotLoopback(address));
        }
        let store = EmbeddedStore::open_for_clients(&config.data, Arc::clone(&clock))?;
        let faults = Arc::new(Faults::default());
        let (ready, started) = mpsc::sync_channel(1);
        let (stop, stopping) = oneshot::channel();
        let lags = !config.follower_lag.is_zero();
        let parts = Parts { store: Arc::clone(&store), faults: Arc::clone(&faults), clock };
        let thread = std::thread::Builder::new()
            .name("devstore".to_owned())
            .spawn(move || run(&config, &parts, &ready, stopping))
            .map_err(StartError::Thread)?;
        match started.recv() {
            Ok(Ok(Ready { cluster, switches })) => {
                Ok(Self { cluster, faults, store, switches, lags, stop, thread })
            }
            Ok(Err(error)) => Err(error),
            Err(mpsc::RecvError) => Err(StartError::Stopped),
        }
    }

    /// Where the first node listens.
    pub fn address(&self) -> SocketAddr {
        self.node_address(0)
    }

    /// Where a node listens.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn node_address(&self, node: usize) -> SocketAddr {
        self.cluster.members()[node].address
    }

    /// Faults to script.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The log behind all nodes.
    pub fn store(&self) -> &Arc<EmbeddedStore> {
        &self.store
    }

    /// Makes a node the leader or a follower.
    pub fn set_role(&self, node: usize, role: Role) {
        self.cluster.change(node, |member| member.role = role);
        let Some(Switch { node, .. }) = self.switches.get(node) else { return };
        // A leader has everything; a follower lags from where it stands.
        let is_behind = role == Role::Follower && self.lags;
        let replicated = if is_behind { node.committed() } else { EVERYTHING };
        node.replicated.send_replace(replicated);
    }

    /// Holds back what is committed from now on from the readers of a node that does not lead, or shows
    /// it everything again.
    pub fn hold_back(&self, node: usize, is_held: bool) {
        if let Some(Switch { node, .. }) = self.switches.get(node) {
            node.replicated.send_replace(if is_held { node.committed() } else { EVERYTHING });
        }
    }

    /// The nodes as gossip tells of them.
    pub fn members(&self) -> Vec<Member> {
        self.cluster.members()
    }

    /// Takes back what [`Fault::ShowThenTakeBack`](super::Fault::ShowThenTakeBack) has shown.
    pub fn take_back(&self) {
        self.cluster.take_back();
    }

    /// Ends a node at once: its connections are cut, it listens no more, gossip says it is dead.
    pub fn kill_node(&self, node: usize) {
        self.cluster.change(node, |member| member.alive = false);
        if let Some(switch) = self.switches.get(node) {
            switch.stopping.send_replace(true);
            switch.lines.cut_all();
        }
    }

    /// Freezes a node, or lets it go on: its connections stay open, and nothing is heard of it.
    pub fn freeze_node(&self, node: usize, frozen: bool) {
        if let Some(switch) = self.switches.get(node) {
            switch.lines.freeze_all(frozen);
        }
    }

    /// Whether a node is frozen.
    pub(super) fn is_frozen(&self, node: usize) -> bool {
        self.switches.get(node).is_some_and(|switch| switch.lines.are_frozen())
    }

    /// Makes a node the leader and all others followers. Without one nobody leads, as during an
    /// election.
    pub fn elect(&self, leader: Option<usize>) {
        for node in 0..self.switches.len() {
            let role = if Some(node) == leader { Role::Leader } else { Role::Follower };
            // A follower that stays one shows what it has.
            if self.members().get(node).map(|member| member.role) != Some(role) {
                self.set_role(node, role);
            }
        }
    }

    /// Cuts all connections of a node, which goes on.
    pub fn cut_node(&self, node: usize) {
        if let Some(switch) = self.switches.get(node) {
            switch.lines.cut_all();
        }
    }

    /// Stops taking calls, finishes what is in flight, closes the log. Blocks until that is done.
    pub fn stop(self) {
        // An error means that it has stopped already.
        _ = self.stop.send(());
        // A panic there has been reported by the panic hook.
        _ = self.thread.join();
    }
}

/// What all nodes share.
struct Parts {
    store: Arc<EmbeddedStore>,
    faults: Arc<Faults>,
    clock: SharedClock,
}

fn run(
    config: &Config,
    parts: &Parts,
    ready: &mpsc::SyncSender<Result<Ready, StartError>>,
    stopping: oneshot::Receiver<()>,
) {
    threads::name("devstore");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("devstore-worker")
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(live(config, parts, ready, stopping)),
        // The other side waits for this, so it is there.
        Err(error) => _ = ready.send(Err(StartError::Thread(error))),
    }
    parts.store.close();
}

async fn live(
    config: &Config,
    parts: &Parts,
    ready: &mpsc::SyncSender<Result<Ready, StartError>>,
    stopping: oneshot::Receiver<()>,
) {
    let listeners = match listen(config).await {
        Ok(listeners) => listeners,
        Err(error) => {
            _ = ready.send(Err(error));
            return;
        }
    };
    let members = listeners.iter().map(|(_, member)| *member).collect();
    let cluster = Cluster::of(members);
    let commits = (!config.commit_time.is_zero())
        .then(|| Commits::start(config.commit_time, parts.store.raw_head()));
    let (mut switches, mut serving) = (Vec::new(), Vec::new());
    for (index, (listener, member)) in listeners.into_iter().enumerate() {
        let (stopping, stopped) = watch::channel(false);
        let lags = !config.follower_lag.is_zero();
        let is_behind = lags && member.role == Role::Follower;
        let replicated = if is_behind { parts.store.raw_head() } else { EVERYTHING };
        let node = Arc::new(Node {
            index,
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            cluster: Arc::clone(&cluster),
            faults: Arc::clone(&parts.faults),
            commits: commits.clone(),
            append_bytes_max: config.append_bytes_max,
            live_behind_max: config.live_behind_max,
            write_timeout: config.write_timeout,
            stopping: stopped,
            replicated: watch::Sender::new(replicated),
        });
        if lags {
            // It ends with the runtime.
            tokio::spawn(Arc::clone(&node).replicate(config.follower_lag));
        }
        let lines = Arc::new(Lines::default());
        serving.push(tokio::spawn(serve(Arc::clone(&node), listener, Arc::clone(&lines))));
        switches.push(Switch { stopping, lines, node });
    }
    let stops: Vec<_> = switches.iter().map(|switch| switch.stopping.clone()).collect();
    let lines: Vec<_> = switches.iter().map(|switch| Arc::clone(&switch.lines)).collect();
    _ = ready.send(Ok(Ready { cluster, switches }));

    // Also when the sender is gone.
    _ = stopping.await;
    for stop in &stops {
        stop.send_replace(true);
    }
    let all = futures_util::future::join_all(&mut serving);
    if timeout(STOP_GRACE, all).await.is_err() {
        lines.iter().for_each(|lines| lines.cut_all());
        serving.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn listen(config: &Config) -> Result<Vec<(TcpListener, Member)>, StartError> {
    let mut listeners = Vec::new();
    for &(address, role) in &config.nodes {
        let failed = |problem| StartError::Listen { address, problem };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        listeners.push((listener, Member { address, role, alive: true }));
    }
    Ok(listeners)
}

/// Serves one node until it is told to stop, and then for as long as calls under way may take.
async fn serve(node: Arc<Node>, listener: TcpListener, lines: Arc<Lines>) {
    let mut stopping = node.stopping.clone();
    let streams = StreamsApi { node: Arc::clone(&node) };
    let cluster = || ClusterApi { node: Arc::clone(&node) };
    let mut routes = Routes::builder();
    routes
        .add_service(StreamsServer::new(streams).max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(GossipServer::new(cluster()))
        .add_service(ServerFeaturesServer::new(cluster()));
    let routes = routes.routes().prepare();
    let limits = connections::Limits {
        calls_max: CALLS_PER_CONNECTION_MAX,
        start_lasts: START_LASTS,
        idle_lasts: IDLE_LASTS,
    };
    let (phase, phases) = watch::channel(Phase::Serving);
    let served = http2::serve(
        listener,
        Peers::new(CONNECTIONS_MAX),
        limits,
        phases,
        |_| false,
        |stream, _| {
            let socket = lines.take(stream);
            let services = OneLine { routes: routes.clone(), line: socket.line() };
            (socket, services)
        },
    );
    let stopped = async {
        // An error is the same as a stop.
        _ = stopping.wait_for(|stopping| *stopping).await;
        phase.send_replace(Phase::Leaving);
        sleep(STOP_GRACE).await;
        phase.send_replace(Phase::Over);
        pending::<()>().await;
    };
    tokio::select! {
        () = served => {}
        () = stopped => {}
    }
}

/// The services, as one connection calls them.
struct OneLine {
    routes: Routes,
    line: Line,
}

impl Service<Request<Incoming>> for OneLine {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Routes as tonic::codegen::Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.line.clone());
        tonic::codegen::Service::call(&mut self.routes.clone(), request)
    }
}
