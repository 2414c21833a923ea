//! Puts the services together and serves them on one listener.

use std::{path::PathBuf, sync::Arc};

use axum::extract::Request;
use futures_util::future::OptionFuture;
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    Status,
    codec::CompressionEncoding,
    service::{Routes, RoutesBuilder},
};

use super::{
    ReadSide,
    alert::AlertApi,
    authenticator::Authenticator,
    connect::{self, Gateway},
    counted_service::CallCounter,
    coupon::CouponApi,
    foreign::method_unknown,
    health,
    incident::IncidentApi,
    item::ItemApi,
    methods::Methods,
    node::NodeApi,
    one_connection::{OneConnection, Purchases, is_short},
    order::OrderApi,
    order_webhook::OrderWebhook,
    peers::PeerNetwork,
    proto,
    purchase::PurchaseApi,
    replay::ReplayApi,
    report::ReportApi,
    rpcs::Size,
    sale::SaleApi,
    script::ScriptApi,
    service_level::ServiceLevelApi,
    service_level_gate::Gate,
    share::ConnectionLimits,
    traffic::TrafficApi,
    webhook::WebhookApi,
};
use crate::{
    actors::{
        AwaitDesk, Directory, PulseDesk, Readiness, Sales, ServiceLevelDesk, StockDesk, TrafficDesk,
    },
    admission::{CurrentServiceLevel, Roles, Tokens},
    clock::SharedClock,
    connections::{self, Peers, Phase, Security, http2},
    domain::{
        coupon::CouponBatch, fulfilment::Fulfilment, incident::Incident, item::Item, script::Script,
    },
    metrics::Metrics,
    store::SharedStore,
};

/// What the listener and each connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections_max: usize,
    /// The same on the port of HTTP/JSON.
    pub http_connections_max: usize,
    pub http2: connections::Limits,
    pub connection: ConnectionLimits,
}

/// What the services stand on.
pub struct Parts {
    pub sales: Sales,
    pub items: Arc<Directory<Item>>,
    pub coupons: Arc<Directory<CouponBatch>>,
    pub awaits: AwaitDesk,
    pub incidents: Arc<Directory<Incident>>,
    pub scripts: Arc<Directory<Script>>,
    pub exports: Arc<Directory<Fulfilment>>,
    /// The other nodes, where this one is among others.
    pub network: Option<Arc<PeerNetwork>>,
    /// Which sales are followed.
    pub pulses: Arc<PulseDesk>,
    pub reads: ReadSide,
    /// The log, for replays.
    pub store: SharedStore,
    /// Where the read models are, and the log where it is one of our own files.
    pub data: PathBuf,
    pub traffic: Arc<TrafficDesk>,
    /// Where the stock of sales is watched.
    pub stock: Arc<StockDesk>,
    /// Where order events are sent to, if they are.
    pub webhook: Option<Arc<OrderWebhook>>,
    /// Where the level of the service is set.
    pub levels: ServiceLevelDesk,
    /// The level that this node acts on.
    pub service: Arc<CurrentServiceLevel>,
    /// What the health service answers.
    pub readiness: Readiness,
    pub clock: SharedClock,
    /// Who may call.
    pub tokens: Arc<Tokens>,
    /// Where calls are counted.
    pub metrics: Arc<Metrics>,
}

/// The services of the contract, each counted and let in by the level.
pub struct Services {
    contract: Routes,
    purchases: Arc<Purchases>,
    methods: Methods,
    authenticator: Authenticator,
    gate: Gate,
    readiness: Readiness,
    phase: watch::Receiver<Phase>,
}

impl Services {
    /// # Errors
    /// When the descriptors of the contract cannot be read.
    pub fn new(parts: Parts, phase: watch::Receiver<Phase>) -> anyhow::Result<Self> {
        let readiness = parts.readiness.clone();
        let gate = Gate::new(Arc::clone(&parts.service), Arc::clone(&parts.metrics));
        let methods = Methods::of_the_contract(&parts.metrics)?;
        let (tokens, clock) = (Arc::clone(&parts.tokens), Arc::clone(&parts.clock));
        let authenticator = Authenticator::new(tokens, clock, Arc::clone(&parts.metrics));
        let (counted, asks) = (methods.clone(), authenticator.clone());
        let (contract, purchases) = contract(parts, (counted, asks), gate.clone(), phase.clone());
        let (contract, purchases) = (contract.routes(), Arc::new(purchases));
        Ok(Self { contract, purchases, methods, authenticator, gate, readiness, phase })
    }

    /// The same, to be called in this process.
    pub fn routes(&self) -> Routes {
        self.contract.clone()
    }
}

/// Serves, and as HTTP/JSON on the second listener, until the phase is not [`Phase::Serving`] any more,
/// and returns when the last connection is closed: in [`Phase::Leaving`] calls that are under way are finished.
///
/// # Errors
/// When the descriptors of the contract cannot be read.
pub async fn serve(
    (listener, security): (TcpListener, Security),
    http: Option<(TcpListener, Security)>,
    services: Services,
    limits: Limits,
) -> anyhow::Result<()> {
    let Services { contract, purchases, methods, authenticator, gate, readiness, phase } = services;
    let beside = |roles| {
        let (methods, asks) = (Methods::uncounted(roles), authenticator.clone());
        CallCounter::new(methods, asks, gate.clone(), phase.clone())
    };
    // Load balancers have no token, and learn nothing but whether the node is ready.
    let (everybody, any_role) = (beside(None), beside(Some(Roles::ANY)));
    let (health, health_service) = tonic_health::server::health_reporter();
    // Subscribed first: a change in between is told twice rather than never.
    let states = readiness.subscribe();
    health::tell(&readiness.state(), &health).await;
    let health = tokio::spawn(health::follow(states, health));

    let routes = contract
        .add_service(everybody.count(health_service))
        .add_service(any_role.count(reflection().build_v1()?))
        .add_service(any_role.count(reflection().build_v1alpha()?));
    let asks = authenticator.clone();
    let router = routes
        .into_axum_router()
        .fallback(async move |request: Request| no_such_service(&asks, &request));
    let routes = Routes::from(router).prepare();
    let http = over_http(http, (routes.clone(), methods, authenticator), limits, phase.clone())?;
    let peers = Peers::new(limits.connections_max);
    let grpc = http2::serve(listener, peers, limits.http2, phase, is_short, |stream, _peer| {
        let purchases = Arc::clone(&purchases);
        let answers = OneConnection::new(purchases, routes.clone(), limits.connection);
        (security.secured(stream), answers)
    });
    tokio::join!(grpc, OptionFuture::from(http));
    health.abort();
    Ok(())
}

/// The same services as HTTP/JSON, if they are served there.
fn over_http(
    listener: Option<(TcpListener, Security)>,
    (routes, methods, authenticator): (Routes, Methods, Authenticator),
    limits: Limits,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<Option<impl Future<Output = ()>>> {
    let Some(listener) = listener else { return Ok(None) };
    let on_loopback = listener.0.local_addr()?.ip().is_loopback();
    let start_lasts = limits.http2.start_lasts;
    let gateway = Gateway::new(routes, (methods, authenticator), start_lasts, on_loopback)?;
    let peers = Peers::new(limits.http_connections_max);
    let limits = (limits.http2, limits.connection);
    Ok(Some(connect::serve(listener, gateway, peers, limits, phase)))
}

/// The services of the contract, each counted and let in by the level.
fn contract(
    parts: Parts,
    (methods, authenticator): (Methods, Authenticator),
    gate: Gate,
    phase: watch::Receiver<Phase>,
) -> (RoutesBuilder, Purchases) {
    let Parts { sales, items, coupons, awaits, incidents, scripts, exports, reads, .. } = parts;
    let Parts { network, traffic, levels, service, store, data, stock, webhook, .. } = parts;
    let Parts { clock, pulses, .. } = parts;
    let counter = CallCounter::new(methods, authenticator.clone(), gate.clone(), phase.clone());
    let asked = (Arc::clone(&items), awaits.clone());
    let orders = OrderApi::new(asked, exports, reads.clone(), authenticator.clone());
    let purchases = PurchaseApi::new(&items, &sales, awaits, gate, phase.clone());
    let coupon = CouponApi { coupons, sales: sales.clone(), authenticator: authenticator.clone() };
    let node = Arc::new(NodeApi { network, items: Arc::clone(&items), pulses });
    let item = ItemApi { items, stock, authenticator: authenticator.clone() };
    let replay = Arc::new(ReplayApi::new(store, data, reads.clone(), Arc::clone(&clock)));
    let incident = IncidentApi {
        incidents,
        sales: sales.clone(),
        reads: reads.clone(),
        authenticator: authenticator.clone(),
        clock: Arc::clone(&clock),
    };
    let script = ScriptApi {
        scripts,
        reads: reads.clone(),
        replay: Arc::clone(&replay),
        authenticator: authenticator.clone(),
    };
    let degradation = ServiceLevelApi {
        levels,
        reads: reads.clone(),
        service,
        authenticator: authenticator.clone(),
    };
    let webhook = WebhookApi { webhook, authenticator: authenticator.clone() };
    let sale = SaleApi { sales: sales.clone(), reads: reads.clone(), clock, authenticator };
    let mut routes = RoutesBuilder::default();
    // Each differs from the others in its type only.
    macro_rules! serve {
        ($server:ident, $service:ident, $api:expr) => {{
            let service = proto::$server::$service::from_arc($api)
                .max_decoding_message_size(Size::of_service(proto::$server::SERVICE_NAME).bytes())
                .accept_compressed(CompressionEncoding::Gzip);
            let service = counter.count(service);
            routes.add_service(service.clone());
            service
        }};
    }
    serve!(order_service_server, OrderServiceServer, Arc::new(orders));
    let purchases = serve!(purchase_service_server, PurchaseServiceServer, Arc::new(purchases));
    serve!(item_service_server, ItemServiceServer, Arc::new(item));
    serve!(node_service_server, NodeServiceServer, node);
    serve!(coupon_service_server, CouponServiceServer, Arc::new(coupon));
    serve!(sale_service_server, SaleServiceServer, Arc::new(sale));
    serve!(alert_service_server, AlertServiceServer, Arc::new(AlertApi::new(reads.clone(), sales)));
    serve!(report_service_server, ReportServiceServer, Arc::new(ReportApi { reads }));
    serve!(replay_service_server, ReplayServiceServer, replay);
    let traffic = Arc::new(TrafficApi { desk: traffic, phase });
    serve!(traffic_service_server, TrafficServiceServer, traffic);
    serve!(degradation_service_server, DegradationServiceServer, Arc::new(degradation));
    serve!(incident_service_server, IncidentServiceServer, Arc::new(incident));
    serve!(script_service_server, ScriptServiceServer, Arc::new(script));
    serve!(webhook_service_server, WebhookServiceServer, Arc::new(webhook));
    (routes, purchases)
}

/// Answers calls of services that do not exist.
fn no_such_service(asks: &Authenticator, request: &Request) -> axum::response::Response {
    let admitted = asks.admit(request.uri(), request.headers(), Roles::ANY);
    let unknown = || method_unknown(request.uri().path().trim_start_matches('/'));
    Status::from(admitted.map_or_else(|refused| refused, |_token| unknown())).into_http()
}

/// What tells clients which calls there are. Older tools ask for v1alpha.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
