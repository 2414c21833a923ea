//! The composition root: store, actors, projections and servers, started and stopped in order.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix_rt::{Arbiter, System};
use anyhow::Context as _;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    actors::{Directory, Sales, Shared, Tail, finish_and_wake, start_projections},
    clock::SharedClock,
    config::Config,
    domain::{item::Item, sale::Sale},
    events::Category,
    grpc::{self, ReadSide},
    store::{self, SharedStore},
    threads,
};

/// How long calls under way may take to finish when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A running server: its own threads, its own runtime.
pub struct App {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl App {
    /// Starts a server on its own threads and returns once it accepts calls. Port 0 in
    /// `config.listen` takes a free port.
    ///
    /// # Errors
    /// When the data directory is refused or the address cannot be listened on.
    pub fn start(config: Config, clock: SharedClock) -> anyhow::Result<Self> {
        let (ready, started) = mpsc::sync_channel(1);
        let (stop, stopping) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("doorbuster".to_owned())
            .spawn(move || run(&config, clock, &ready, stopping))
            .context("no thread could be started")?;
        match started.recv() {
            Ok(address) => Ok(Self { address, stop, thread }),
            // It ended before it was ready: the thread says why.
            Err(mpsc::RecvError) => {
                join(thread)?;
                anyhow::bail!("the server stopped before it was ready")
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
    ready: &mpsc::SyncSender<SocketAddr>,
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
    ready: &mpsc::SyncSender<SocketAddr>,
    stopping: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let listener = grpc::listen(config.listen)
        .with_context(|| format!("listen: cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;

    let arbiters = item_threads();
    let shared = Arc::new(Shared {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        runtime: tokio::runtime::Handle::current(),
        arbiters: arbiters.iter().map(Arbiter::handle).collect(),
        waiting_max: config.waiting_max,
        idle_ms: i64::try_from(config.idle_seconds.saturating_mul(1000)).unwrap_or(i64::MAX),
    });
    let items: Arc<Directory<Item>> = Directory::new(Category::Item, Arc::clone(&shared));
    let sale_desks: Arc<Directory<Sale>> = Directory::new(Category::Sale, shared);
    let sales = Sales::new(Arc::clone(&sale_desks), Arc::clone(&items));

    let head = store.head();
    let tail = Arc::new(Tail::new(store));
    let (projections, projection_threads) = start_projections(&config.data, &tail)?;
    let reads = ReadSide::new(
        &config.data,
        projections,
        tail,
        Arc::clone(&clock),
        Duration::from_millis(config.min_position_wait_ms),
    );

    let waking = tokio::spawn(wake(reads.clone(), head, sales.clone(), Arc::clone(&items)));
    let (stop, stopped) = oneshot::channel();
    let parts = grpc::Parts { sales, items: Arc::clone(&items), reads, clock };
    let serving = grpc::serve(listener, parts, async { drop(stopped.await) });
    let mut serving = tokio::spawn(serving);
    // The other side waits for this, so it is there.
    let _ = ready.send(address);

    let served = tokio::select! {
        served = &mut serving => served?,
        _ = stopping => {
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
    };
    waking.abort();
    // A store that does not answer must not keep us for ever either: nothing unanswered is lost.
    let _ = timeout(STOP_GRACE, async { tokio::join!(items.drain(), sale_desks.drain()) }).await;
    for arbiter in arbiters.into_iter().chain(projection_threads) {
        arbiter.stop();
        let _ = arbiter.join();
    }
    served
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

/// Waits until the read models know what was in the log on start, and wakes those who must be.
async fn wake(
    reads: ReadSide,
    head: crate::events::Position,
    sales: Sales,
    items: Arc<Directory<Item>>,
) {
    match reads.unfinished(head).await {
        Ok((unfinished, holding)) => finish_and_wake(&sales, unfinished, &items, holding).await,
        Err(error) => tracing::error!(%error, "items with unpaid orders were not woken"),
    }
}
