//! This node among others: it announces itself in the log, calls the others, takes their commands,
//! and says when it leaves.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::actors::Actors;
use crate::{
    actors::{Aggregates, OtherNodes as _, Readiness, RollDesk, TakesParcels},
    admission::PeerSecret,
    clock,
    config::Config,
    grpc::peers::{self, PeerNetwork, PeerServer, WARM_WITHIN, WIRE},
    store::SharedStore,
};

/// How long the log may take to note that this node leaves: the others learn it on their calls, too.
const NOTED_WITHIN: Duration = Duration::from_millis(500);

/// How long a node waits at its start for others that do not answer.
const GREETS_WITHIN: Duration = Duration::from_millis(1_500);

/// How long a node that stops waits until the others have read what they are to own.
const HEIRS_READ_WITHIN: Duration = Duration::from_secs(3);

/// How often nodes that would go on where another one stops read what that one wrote.
const KEEPS_UP_EVERY: Duration = Duration::from_secs(1);

/// How many times that until all is named again: what is not used for long is put to sleep.
const NAMED_EVERY: u32 = 60;

/// A node that takes commands for others, and sends them theirs.
pub(super) struct AmongNodes {
    network: Arc<PeerNetwork>,
    roll: RollDesk,
    server: PeerServer,
    tasks: [JoinHandle<()>; 4],
    /// The network knows them only as long as this does.
    _aggregates: Arc<dyn TakesParcels>,
}

/// The way to other nodes, if this one has any.
///
/// # Errors
/// When a setting is refused.
pub(super) fn network(
    config: &Config,
    listener: Option<&TcpListener>,
    store: &SharedStore,
    readiness: &Readiness,
) -> anyhow::Result<Option<Arc<PeerNetwork>>> {
    let (Some(peers), Some(listener)) = (config.peers()?, listener) else { return Ok(None) };
    if !store.is_shared() {
        tracing::warn!(
            "peers_listen has no effect: only nodes on a cluster have others beside them"
        );
        return Ok(None);
    }
    let secret = PeerSecret::read(&peers.secret_file).context("peers_secret_file is refused")?;
    let address = peers.address(listener.local_addr()?);
    let runtime = tokio::runtime::Handle::current();
    let own = clock::new_node_id();
    Ok(Some(PeerNetwork::new(own, &address, secret, readiness.clone(), runtime)))
}

impl AmongNodes {
    /// Announces the node and serves the others.
    pub(super) fn start(network: Arc<PeerNetwork>, listener: TcpListener, actors: &Actors) -> Self {
        let aggregates = actors.aggregates.clone();
        let taking: Arc<dyn TakesParcels> = Arc::new(aggregates.clone());
        network.passes_on_for(&taking);
        let server = peers::serve(listener, Arc::clone(&network), Arc::clone(&taking));
        let roll = actors.roll_desk(network.node_id(), network.address(), WIRE);
        let told = Arc::clone(&network);
        let again = network.unknown_callers();
        let announcing = roll.clone().run(again, move |members| told.announced(members));
        let owning = look_after_own(aggregates.clone(), Arc::clone(&network));
        let keeping_up = keep_up(aggregates);
        let naming = name_heirs(Arc::clone(&network));
        let tasks = [
            tokio::spawn(announcing),
            tokio::spawn(owning),
            tokio::spawn(keeping_up),
            tokio::spawn(naming),
        ];
        Self { network, roll, server, tasks, _aggregates: taking }
    }

    /// Waits until this node knows which others answer, and they know the same of it: until then it would
    /// decide what they own. It takes milliseconds, but for one that does not answer, and as long as this
    /// node reads what it is to own.
    pub(super) fn has_met_others(&self) -> impl Future<Output = ()> + Send + use<> {
        let network = Arc::clone(&self.network);
        async move {
            if timeout(GREETS_WITHIN + WARM_WITHIN, network.has_met_others()).await.is_err() {
                tracing::warn!("not all other nodes were met in time");
            }
            network.serves();
        }
    }

    /// From now on the other nodes own everything, and what is asked here goes to them.
    pub(super) async fn leave(&self) {
        self.tasks[0].abort();
        if timeout(HEIRS_READ_WITHIN, self.network.warm_heirs(&mut HashMap::new())).await.is_err() {
            tracing::warn!("not all that other nodes are to own was read by them in time");
        }
        self.network.leave();
        if !matches!(timeout(NOTED_WITHIN, self.roll.leave()).await, Ok(Ok(()))) {
            tracing::warn!(
                "the log does not say that this node left; the others see it by themselves"
            );
        }
    }

    /// Ends what goes on between nodes.
    pub(super) async fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.server.stop().await;
    }
}

/// With each change, lets actors see to what is due that are owned here now.
async fn look_after_own(aggregates: Aggregates, network: Arc<PeerNetwork>) {
    let mut changes = network.changes();
    while changes.changed().await.is_ok() {
        aggregates.look_after_own();
    }
}

/// Names to the other nodes what they would go on with.
async fn name_heirs(network: Arc<PeerNetwork>) {
    let mut ticks = interval(KEEPS_UP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut told = HashMap::new();
        for _ in 0..NAMED_EVERY {
            ticks.tick().await;
            network.warm_heirs(&mut told).await;
        }
    }
}

/// Reads on what other nodes wrote: what this node would go on with, and what it owns and they decided
/// because they did not reach it.
async fn keep_up(aggregates: Aggregates) {
    let mut ticks = interval(KEEPS_UP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        aggregates.keep_up();
    }
}
