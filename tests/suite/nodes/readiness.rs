//! A node says that it is not ready before it has a store, and again before it goes.

use std::sync::Arc;

use doorbuster::{
    actors::{NotReady, Readiness, State, watch_store},
    clock::{ManualClock, SharedClock},
    grpc::proto,
    store::embedded::EmbeddedStore,
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt;

use super::store::NodeStore;
use crate::support::{Node, OPENS_AT, PATIENCE, create_sale, item, order};

#[tokio::test(flavor = "multi_thread")]
async fn every_service_can_be_asked_for_its_health() {
    let node = Node::start().await;
    for service in ["Purchase", "Item", "Sale", "Report", "Replay", "Traffic"] {
        let request = HealthCheckRequest { service: format!("doorbuster.v1.{service}Service") };
        let told = HealthClient::new(node.channel()).check(request).await;
        assert_eq!(told.expect(service).into_inner().status(), ServingStatus::Serving);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_store_and_is_ready_once_that_answers() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, true);
    store.set_away(true);
    let node = Node::start_without(store.clone(), clock).await;

    let whole = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(node.channel()).check(whole).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::NotServing);
    let draft = vec![item("phone", &[("shanghai", 1)])];
    let status = node.sales().create_sale(create_sale(draft.clone())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_error_info().unwrap().reason, "STORE_UNAVAILABLE");
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    let listed = node.sales().list_sales(proto::ListSalesRequest::default()).await.unwrap();
    assert!(
        listed.into_inner().freshness.unwrap().lag_ms > 0,
        "the contents of the store are unknown"
    );

    store.set_away(false);
    node.health_becomes(ServingStatus::Serving).await;
    let (_, items) = node.sale(draft).await;
    order(&node.place(&items[0], "ann", 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so_first_and_still_serves_who_comes() {
    let mut node = Node::start_with(|config| config.drain_ms = 1_500).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let request = HealthCheckRequest { service: "doorbuster.v1.PurchaseService".to_owned() };
    let mut watched = HealthClient::new(node.channel()).watch(request).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let app = node.take_app();
    let stopping = tokio::task::spawn_blocking(move || app.stop());
    let next = tokio::time::timeout(PATIENCE, watched.message()).await.unwrap();
    assert_eq!(next.unwrap().unwrap().status(), ServingStatus::NotServing);
    order(&node.place(&items[0], "ann", 1).await.expect("who comes all the same is served"));
    drop(watched);
    stopping.await.unwrap().unwrap();

    let placed = doorbuster::store::embedded::LogReader::open(node.data()).unwrap();
    let events = placed.read_all(doorbuster::events::Position::START, 1_000).unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "OrderPlaced").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_not_to_be_ready_stands_until_whoever_gave_it_takes_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(ManualClock::at(OPENS_AT));
    let log = EmbeddedStore::open(dir.path(), Arc::clone(&clock)).unwrap();
    let readiness = Readiness::starting(OPENS_AT);
    readiness.clock_is_untrusted(Some("it jumped".to_owned()));
    assert_eq!(readiness.state(), State::NotReady(NotReady::Starting));
    let watching = watch_store(log, Arc::default(), clock, readiness.clone(), "here".to_owned());
    let watching = tokio::spawn(watching);
    let becomes = async |wanted: State| {
        let mut states = readiness.subscribe();
        let there = states.wait_for(|state| *state == wanted);
        tokio::time::timeout(PATIENCE, there).await.expect("it becomes that").unwrap();
    };
    becomes(State::NotReady(NotReady::ClockUntrusted("it jumped".to_owned()))).await;
    readiness.clock_is_untrusted(None);
    becomes(State::Ready).await;
    readiness.log_is_damaged("a page is torn");
    readiness.clock_is_untrusted(Some("it jumped".to_owned()));
    becomes(State::NotReady(NotReady::LogDamaged("a page is torn".to_owned()))).await;
    readiness.drain();
    becomes(State::NotReady(NotReady::Draining)).await;
    watching.abort();
}
