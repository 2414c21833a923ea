//! The deciding actors of a node, their threads, and the parts that its servers are made of.

use std::{sync::Arc, time::Duration};

use actix_rt::Arbiter;
use anyhow::Context as _;
use tokio::time::{Instant, timeout_at};
use tonic::service::Routes;

use super::{
    background_tasks::BackgroundTasks,
    cores::cores,
    ending::{self, THREADS_END_WITHIN},
};
use crate::{
    actors::{
        Aggregates, AwaitDesk, CatalogDesk, DemandDesk, Directory, FreezeWatch, Freshness, Moves,
        NodeParts, OtherNodes, OwnAppends, ProjectionHandle, PulseDesk, Readiness, RollDesk, Sales,
        SeesNodes, ServiceLevelDesk, Shared, StockDesk, Tail, TrafficDesk, TrafficLimits,
        TrafficParts,
        process::{ManagerParts, Receivers},
    },
    admission::{CurrentServiceLevel, Tokens},
    clock::SharedClock,
    config::{Config, PublicRoutes},
    connections::Tls,
    domain::{
        alert::Book,
        coupon::CouponBatch,
        fulfilment::Fulfilment,
        incident::Incident,
        item::Item,
        node_roll::{AnnounceNode, NodeRoll},
        quota::Quota,
        sale::Sale,
        script::Script,
        service_level::ServiceLevelSetting,
    },
    grpc::{
        self, Keeping, ReadSide,
        order_webhook::{OrderWebhook, OrderWebhookSettings},
        peers::PeerNetwork,
    },
    metrics::Metrics,
    reports::Reports,
    snapshots::{Rule, Snapshots},
    store::{LogSource, SharedStore},
    threads,
    values::{NodeId, millis},
    web::{
        self,
        board::{BoardLimits, BoardParts},
    },
};

/// Callers may turn elsewhere, it is reckoned, when a node did not run for this part of the time within
/// which it decides.
const FREEZES_WITHIN: u32 = 5;

/// A process that did not run for less is only one of many on its machine.
const FREEZES_FROM: Duration = Duration::from_millis(500);

/// The deciding actors of this node, and their threads.
pub(super) struct Actors {
    pub(super) arbiters: Vec<Arbiter>,
    /// Where beacons are packed, apart from the deciding actors.
    pub(super) traffic_arbiter: Arbiter,
    pub(super) shared: Arc<Shared>,
    pub(super) demand: Arc<DemandDesk>,
    /// All directories that follow: a new kind of aggregate is a line here and one in `start`.
    pub(super) aggregates: Aggregates,
    pub(super) items: Arc<Directory<Item>>,
    pub(super) sale_desks: Arc<Directory<Sale>>,
    pub(super) coupons: Arc<Directory<CouponBatch>>,
    pub(super) quotas: Arc<Directory<Quota>>,
    pub(super) levels: Arc<Directory<ServiceLevelSetting>>,
    /// The level that this node acts on.
    pub(super) service: Arc<CurrentServiceLevel>,
    pub(super) books: Arc<Directory<Book>>,
    pub(super) incidents: Arc<Directory<Incident>>,
    pub(super) scripts: Arc<Directory<Script>>,
    pub(super) exports: Arc<Directory<Fulfilment>>,
    /// The nodes that share the store.
    pub(super) node_roll: Arc<Directory<NodeRoll>>,
}

impl Actors {
    pub(super) fn start(
        config: &Config,
        clock: &SharedClock,
        store: &SharedStore,
        readiness: &Readiness,
        metrics: &Arc<Metrics>,
        nodes: Option<Arc<dyn OtherNodes>>,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let decide_within = Duration::from_millis(config.decide_within_ms);
        let freezes = if store.is_shared() {
            FreezeWatch::start((decide_within / FREEZES_WITHIN).max(FREEZES_FROM))?
        } else {
            FreezeWatch::without()
        };
        let arbiters = item_threads();
        let demand = DemandDesk::new(Arc::clone(store), Arc::clone(clock), runtime.clone());
        let shared = Arc::new(Shared {
            store: Arc::clone(store),
            snapshots: snapshots(config, store),
            clock: Arc::clone(clock),
            moves: Moves::since(clock),
            metrics: Arc::clone(metrics),
            readiness: readiness.clone(),
            demand: Arc::clone(&demand),
            runtime,
            arbiters: arbiters.iter().map(Arbiter::handle).collect(),
            waiting_max: config.waiting_max,
            order_wait_max: Duration::from_millis(config.order_wait_ms),
            decide_within,
            freezes,
            idle_ms: millis(Duration::from_secs(config.idle_seconds)),
        });
        let mut aggregates = Aggregates::new(Arc::clone(&shared), nodes);
        Ok(Self {
            items: aggregates.add_owned(),
            sale_desks: aggregates.add(),
            coupons: aggregates.add_owned(),
            quotas: aggregates.add_owned(),
            levels: aggregates.add(),
            books: aggregates.add(),
            incidents: aggregates.add(),
            scripts: aggregates.add(),
            exports: aggregates.add(),
            node_roll: aggregates.add(),
            aggregates,
            arbiters,
            traffic_arbiter: traffic_thread(),
            shared,
            demand,
            service: Arc::default(),
        })
    }

    /// The sales of this node, with the items and coupons they are carried out at.
    pub(super) fn sales(&self) -> Sales {
        let (items, coupons) = (Arc::clone(&self.items), Arc::clone(&self.coupons));
        Sales::new(Arc::clone(&self.sale_desks), items, coupons)
    }

    /// Where what orders wait for is settled.
    fn await_desk(&self) -> AwaitDesk {
        let (items, coupons) = (Arc::clone(&self.items), Arc::clone(&self.coupons));
        AwaitDesk::new(items, coupons, Arc::clone(&self.quotas))
    }

    /// What machines ask about.
    pub(super) fn looked_at(
        &self,
        traffic: &Arc<TrafficDesk>,
        projections: &[ProjectionHandle],
        freshness: &Arc<Freshness>,
        (grpc_port, tls): (u16, Option<Arc<Tls>>),
        (network, tokens, config): (&Option<Arc<PeerNetwork>>, &Arc<Tokens>, &Config),
    ) -> web::Parts {
        let PublicRoutes { traffic: beacons, board } = config.public_routes;
        web::Parts {
            metrics: Arc::clone(&self.shared.metrics),
            readiness: self.shared.readiness.clone(),
            items: Arc::clone(&self.items),
            sales: Arc::clone(&self.sale_desks),
            projections: projections.to_vec(),
            traffic: Arc::clone(traffic),
            freshness: Arc::clone(freshness),
            clock: Arc::clone(&self.shared.clock),
            service: Arc::clone(&self.service),
            nodes: sees(network),
            grpc_port,
            tokens: Arc::clone(tokens),
            opened: web::routes::Opened { traffic: beacons, board },
            tls,
        }
    }

    /// What the board and the alerts want to know of the node itself.
    pub(super) fn node_parts(
        &self,
        config: &Config,
        projections: &[ProjectionHandle],
        freshness: &Arc<Freshness>,
        network: &Option<Arc<PeerNetwork>>,
    ) -> NodeParts {
        NodeParts {
            readiness: self.shared.readiness.clone(),
            items: Arc::clone(&self.items),
            sales: Arc::clone(&self.sale_desks),
            projections: projections.to_vec(),
            freshness: Arc::clone(freshness),
            clock: Arc::clone(&self.shared.clock),
            metrics: Arc::clone(&self.shared.metrics),
            service: Arc::clone(&self.service),
            nodes: sees(network),
            waiting_max: config.waiting_max,
        }
    }

    /// Where beacons come in.
    pub(super) fn traffic_desk(
        &self,
        config: &Config,
        reports: &Reports,
        projections: &[ProjectionHandle],
        tail: &Arc<Tail>,
    ) -> Arc<TrafficDesk> {
        let reports = reports.clone();
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

    /// Where the node with that id and address announces itself among the others.
    pub(super) fn roll_desk(&self, node_id: NodeId, address: &str, wire: u32) -> RollDesk {
        let own = AnnounceNode {
            node_id,
            address: address.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wire,
            started_at: self.shared.clock.now(),
        };
        RollDesk::new(Arc::clone(&self.node_roll), own)
    }

    /// Where the level of the service is set.
    pub(super) fn service_level_desk(&self) -> ServiceLevelDesk {
        ServiceLevelDesk::new(Arc::clone(&self.levels), Arc::clone(&self.service))
    }

    /// What process managers are run with.
    pub(super) fn manager_parts(
        &self,
        config: &Config,
        tail: &Arc<Tail>,
        reports: &Reports,
    ) -> ManagerParts {
        ManagerParts {
            tail: Arc::clone(tail),
            receivers: Receivers {
                sales: Arc::clone(&self.sale_desks),
                items: Arc::clone(&self.items),
                coupons: Arc::clone(&self.coupons),
                awaits: self.await_desk(),
                quotas: Arc::clone(&self.quotas),
                incidents: Arc::clone(&self.incidents),
                levels: self.service_level_desk(),
            },
            reports: reports.clone(),
            readiness: self.shared.readiness.clone(),
            clock: Arc::clone(&self.shared.clock),
            data: config.data.clone(),
        }
    }

    /// What the board shows and steers.
    pub(super) fn shown(
        &self,
        (clients_max, grpc_port): (usize, u16),
        config: &Config,
        (reports, desk): (Reports, Arc<PulseDesk>),
        reads: &ReadSide,
        (services, tokens): (Routes, Arc<Tokens>),
    ) -> BoardParts {
        BoardParts {
            desk,
            reports,
            past: reads.past(),
            log: LogSource::Store(Arc::clone(&self.shared.store)),
            data: config.data.clone(),
            services,
            service: Arc::clone(&self.service),
            tokens,
            public: config.public_routes.board,
            readiness: self.shared.readiness.clone(),
            metrics: Arc::clone(&self.shared.metrics),
            clock: Arc::clone(&self.shared.clock),
            limits: BoardLimits::for_clients(clients_max),
            grpc_port,
        }
    }

    /// The read models as they are asked.
    pub(super) fn reads(
        &self,
        config: &Config,
        reports: &Reports,
        projections: Vec<ProjectionHandle>,
        tail: &Arc<Tail>,
        freshness: Arc<Freshness>,
    ) -> ReadSide {
        let wait_max = Duration::from_millis(config.min_position_wait_ms);
        let (tail, readiness) = (Arc::clone(tail), self.shared.readiness.clone());
        let keeping = Keeping { projections, tail, freshness, readiness, wait_max };
        let log = LogSource::Store(Arc::clone(&self.shared.store));
        ReadSide::new(reports.clone(), log, keeping, Arc::clone(&self.shared.clock))
    }

    /// What the contract is served from.
    pub(super) fn served(
        &self,
        config: &Config,
        reads: &ReadSide,
        sales: &Sales,
        (traffic, stock): (&Arc<TrafficDesk>, &Arc<StockDesk>),
        (tokens, network, pulses): (Arc<Tokens>, Option<Arc<PeerNetwork>>, Arc<PulseDesk>),
    ) -> anyhow::Result<grpc::Parts> {
        let webhook = self.order_webhook(config, reads)?;
        Ok(grpc::Parts {
            sales: sales.clone(),
            items: Arc::clone(&self.items),
            coupons: Arc::clone(&self.coupons),
            awaits: self.await_desk(),
            incidents: Arc::clone(&self.incidents),
            scripts: Arc::clone(&self.scripts),
            exports: Arc::clone(&self.exports),
            network,
            pulses,
            reads: reads.clone(),
            store: Arc::clone(&self.shared.store),
            data: config.data.clone(),
            traffic: Arc::clone(traffic),
            stock: Arc::clone(stock),
            webhook,
            levels: self.service_level_desk(),
            service: Arc::clone(&self.service),
            readiness: self.shared.readiness.clone(),
            clock: Arc::clone(&self.shared.clock),
            tokens,
            metrics: Arc::clone(&self.shared.metrics),
        })
    }

    /// Sends order events, if they are to be sent.
    fn order_webhook(
        &self,
        config: &Config,
        reads: &ReadSide,
    ) -> anyhow::Result<Option<Arc<OrderWebhook>>> {
        let Some(url) = config.order_webhook_url.clone() else { return Ok(None) };
        let secret_file = config.order_webhook_secret_file.clone().context(
            "order_webhook_secret_file is missing: what order_webhook_url is sent is signed",
        )?;
        let settings = OrderWebhookSettings {
            url,
            secret_file,
            kinds: config.order_webhook_kinds.clone(),
            may_be_private: config.order_webhook_private,
            timeout: Duration::from_millis(config.webhook_timeout_ms),
            attempts: config.webhook_attempts,
            data: config.data.clone(),
        };
        let (clock, metrics) = (Arc::clone(&self.shared.clock), Arc::clone(&self.shared.metrics));
        let webhook = OrderWebhook::new(settings, clock, metrics);
        let webhook = Arc::new(webhook.context("the order webhook is refused")?);
        tokio::spawn(Arc::clone(&webhook).run(reads.clone()));
        Ok(Some(webhook))
    }

    /// What the node does without being asked.
    pub(super) fn background_tasks(
        &self,
        config: &Config,
        (store, own): (SharedStore, Arc<OwnAppends>),
        clock: SharedClock,
    ) -> BackgroundTasks {
        BackgroundTasks {
            store,
            own,
            service: Arc::clone(&self.service),
            address: config.store.to_string(),
            clock,
            readiness: self.shared.readiness.clone(),
        }
    }

    /// Lets all actors finish what is in flight, and ends their threads and those of the read
    /// models.
    pub(super) async fn rest(
        self,
        traffic: &TrafficDesk,
        projection_threads: Vec<Arbiter>,
        over: Instant,
    ) {
        // A store that does not answer must not block the stop: nothing acknowledged is lost.
        let drained = timeout_at(over, async {
            tokio::join!(self.aggregates.drain(), self.demand.drain(), traffic.drain());
        });
        if drained.await.is_err() {
            for (kind, census) in self.aggregates.census() {
                let (kind, waiting) = (kind.name(), census.waiting);
                tracing::warn!(
                    kind,
                    waiting,
                    "commands that the store did not write in time were not answered"
                );
            }
        }
        if let Some(snapshots) = self.shared.snapshots.clone() {
            // What is left of the time, and at least a moment to end in.
            let until = over.into_std();
            let finished = tokio::task::spawn_blocking(move || snapshots.finish(until));
            _ = timeout_at(over + THREADS_END_WITHIN, finished).await;
        }
        let mine = self.arbiters.into_iter().chain([self.traffic_arbiter]);
        let threads: Vec<Arbiter> = mine.chain(projection_threads).collect();
        for thread in &threads {
            thread.stop();
        }
        ending::by(over.max(Instant::now() + THREADS_END_WITHIN), "a thread", move || {
            for thread in threads {
                // An error is a panic, which has been reported.
                let _ = thread.join();
            }
        })
        .await;
    }
}

/// What operators see of the other nodes.
fn sees(network: &Option<Arc<PeerNetwork>>) -> Option<Arc<dyn SeesNodes>> {
    network.clone().map(|network| network as _)
}

/// Where states of large items are kept. A node that cannot keep any folds them from the log.
fn snapshots(config: &Config, store: &SharedStore) -> Option<Arc<Snapshots>> {
    if config.snapshot_events == 0 {
        return None;
    }
    let rule = Rule { events_min: config.snapshot_events };
    Snapshots::start(&config.data, Arc::clone(store), rule)
        .inspect_err(|error| tracing::warn!(%error, "no snapshots are written"))
        .ok()
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
