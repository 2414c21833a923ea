//! Puts the services together and serves them on one listener.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};

use super::{
    ReadSide, alert::AlertApi, counted::CallCounter, degradation::DegradationApi, health,
    incident::IncidentApi, item::ItemApi, level::Gate, operator::Doorkeeper, proto,
    purchase::PurchaseApi, replay::ReplayApi, report::ReportApi, sale::SaleApi, script::ScriptApi,
    traffic::TrafficApi,
};
use crate::{
    actors::{Directory, Levels, Readiness, Sales, TrafficDesk},
    admission::{Operators, Service},
    clock::SharedClock,
    domain::{incident::Incident, item::Item, script::Script},
    metrics::Metrics,
    store::SharedStore,
};

/// Largest command: an order takes about 150 bytes.
const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// Largest plan of a sale.
const PLAN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest message of beacons.
const BEACONS_BYTES_MAX: usize = 1024 * 1024;

/// Calls at once on one connection.
const STREAMS_PER_CONNECTION_MAX: u32 = 1024;

/// A connection on which nothing comes is asked whether it is alive, and closed without an answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// What one HTTP/2 stream and one connection may have under way, in bytes: room for the pipelined
/// orders of a `PlaceOrders`.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// What the services stand on.
pub struct Parts {
    pub sales: Sales,
    pub items: Arc<Directory<Item>>,
    pub incidents: Arc<Directory<Incident>>,
    pub scripts: Arc<Directory<Script>>,
    pub reads: ReadSide,
    /// The log, for those who look back into it.
    pub store: SharedStore,
    /// Where the read models are, and the log where it is one of our own files.
    pub data: PathBuf,
    pub traffic: Arc<TrafficDesk>,
    /// Where the level of the service is set.
    pub levels: Levels,
    /// The level that this node acts on.
    pub service: Arc<Service>,
    /// What the health service answers.
    pub readiness: Readiness,
    pub clock: SharedClock,
    /// Who may steer.
    pub operators: Arc<Operators>,
    /// Where calls are counted.
    pub metrics: Arc<Metrics>,
}

/// Serves until `stop` resolves; calls that are under way then are finished.
///
/// # Errors
/// When the listener fails or the descriptors for reflection cannot be read.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let readiness = parts.readiness.clone();
    let contract = contract(parts)?;
    let (health, health_service) = tonic_health::server::health_reporter();
    // Subscribed first: a change in between is told twice rather than never.
    let states = readiness.subscribe();
    health::tell(&readiness.state(), &health).await;
    let health = tokio::spawn(health::follow(states, health));

    let served = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_routes(contract)
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop)
        .await;
    health.abort();
    Ok(served?)
}

/// The services of the contract, each counted and let in by the level.
fn contract(parts: Parts) -> anyhow::Result<Routes> {
    let Parts { sales, items, incidents, scripts, reads, store, data, .. } = parts;
    let Parts { traffic, levels, service, .. } = parts;
    let Parts { clock, operators, metrics, .. } = parts;
    let doorkeeper = Doorkeeper::new(operators, Arc::clone(&clock), Arc::clone(&metrics));
    let gate = Gate::new(Arc::clone(&service), Arc::clone(&metrics));
    let counter = CallCounter::new(&metrics, gate.clone())?;
    let purchases = PurchaseApi { items: Arc::clone(&items), clock: Arc::clone(&clock), gate };
    let item = ItemApi { items, clock: Arc::clone(&clock), doorkeeper: doorkeeper.clone() };
    let replay = Arc::new(ReplayApi::new(store, data, reads.clone(), Arc::clone(&clock)));
    let incident = IncidentApi {
        incidents,
        sales: sales.clone(),
        reads: reads.clone(),
        doorkeeper: doorkeeper.clone(),
        clock: Arc::clone(&clock),
    };
    let script = ScriptApi {
        scripts,
        reads: reads.clone(),
        replay: Arc::clone(&replay),
        doorkeeper: doorkeeper.clone(),
        clock: Arc::clone(&clock),
    };
    let degradation = DegradationApi {
        levels,
        reads: reads.clone(),
        service,
        clock: Arc::clone(&clock),
        doorkeeper: doorkeeper.clone(),
    };
    let alert = AlertApi::new(reads.clone(), sales.clone());
    let sale = SaleApi { sales, reads: reads.clone(), clock, doorkeeper };
    let report = ReportApi { reads };
    let traffic = TrafficApi { desk: traffic };

    let mut routes = Routes::builder();
    // Each differs from the others in its type only.
    macro_rules! serve {
        ($server:ident, $service:ident, $api:expr, $bytes_max:expr) => {
            let service = proto::$server::$service::from_arc($api);
            let service = service.max_decoding_message_size($bytes_max);
            routes.add_service(counter.count(service));
        };
    }
    serve!(purchase_service_server, PurchaseServiceServer, Arc::new(purchases), COMMAND_BYTES_MAX);
    serve!(item_service_server, ItemServiceServer, Arc::new(item), COMMAND_BYTES_MAX);
    serve!(sale_service_server, SaleServiceServer, Arc::new(sale), PLAN_BYTES_MAX);
    serve!(report_service_server, ReportServiceServer, Arc::new(report), COMMAND_BYTES_MAX);
    serve!(replay_service_server, ReplayServiceServer, replay, COMMAND_BYTES_MAX);
    serve!(traffic_service_server, TrafficServiceServer, Arc::new(traffic), BEACONS_BYTES_MAX);
    serve!(
        degradation_service_server,
        DegradationServiceServer,
        Arc::new(degradation),
        COMMAND_BYTES_MAX
    );
    serve!(incident_service_server, IncidentServiceServer, Arc::new(incident), COMMAND_BYTES_MAX);
    serve!(script_service_server, ScriptServiceServer, Arc::new(script), COMMAND_BYTES_MAX);
    serve!(alert_service_server, AlertServiceServer, Arc::new(alert), COMMAND_BYTES_MAX);
    Ok(routes.routes())
}

/// What tells clients which calls there are. Older tools ask for v1alpha.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
