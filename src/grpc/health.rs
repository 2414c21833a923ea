//! The health service: it says SERVING exactly while the node is ready.
//!
//! That holds for every service and for the empty name, which stands for the server as a whole. A
//! node that is not ready still answers calls.

use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

use super::proto;
use crate::actors::State;

/// What can be asked for.
const SERVICES: [&str; 7] = [
    "",
    proto::purchase_service_server::SERVICE_NAME,
    proto::item_service_server::SERVICE_NAME,
    proto::sale_service_server::SERVICE_NAME,
    proto::report_service_server::SERVICE_NAME,
    proto::replay_service_server::SERVICE_NAME,
    proto::traffic_service_server::SERVICE_NAME,
];

/// Tells the health service how the node is now.
pub(super) async fn tell(state: &State, health: &HealthReporter) {
    let status = match state {
        State::Ready => ServingStatus::Serving,
        State::NotReady(_) => ServingStatus::NotServing,
    };
    for service in SERVICES {
        health.set_service_status(service, status).await;
    }
}

/// Tells it of every change, for as long as this is awaited.
pub(super) async fn follow(mut states: watch::Receiver<State>, health: HealthReporter) {
    // An error means that the node is gone.
    while states.changed().await.is_ok() {
        let state = states.borrow_and_update().clone();
        tell(&state, &health).await;
    }
}
