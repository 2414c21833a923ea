//! What callers may take of the web listener, with limits small enough to be met in a test.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use doorbuster::{
    actors::{
        CatalogDesk, DemandDesk, Directory, FreezeWatch, Freshness, Moves, Readiness, Shared, Tail,
        TrafficDesk, TrafficLimits, TrafficParts,
    },
    admission::Tokens,
    clock::{ManualClock, SharedClock},
    connections::Security,
    metrics::Metrics,
    reports::Reports,
    store::{SharedStore, embedded::EmbeddedStore},
    web::{Limits, Parts, Server, routes::Opened},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::{ask, send, to_the_end};
use crate::support::OPENS_AT;

/// A web listener of a node that never started.
async fn listener(limits: Limits) -> (Server, SocketAddr, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(ManualClock::at(OPENS_AT));
    let store: SharedStore = EmbeddedStore::open(data.path(), Arc::clone(&clock)).unwrap();
    let metrics = Arc::new(Metrics::new(OPENS_AT));
    let runtime = tokio::runtime::Handle::current();
    let shared = Arc::new(Shared {
        store: Arc::clone(&store),
        snapshots: None,
        clock: Arc::clone(&clock),
        moves: Moves::since(&clock),
        metrics: Arc::clone(&metrics),
        readiness: Readiness::starting(OPENS_AT),
        demand: DemandDesk::new(Arc::clone(&store), Arc::clone(&clock), runtime.clone()),
        runtime,
        arbiters: Vec::new(),
        waiting_max: 1,
        order_wait_max: std::time::Duration::from_secs(1),
        decide_within: std::time::Duration::from_secs(1),
        freezes: FreezeWatch::without(),
        idle_ms: 1,
    });
    let items = Directory::new(Arc::clone(&shared));
    let tail = Arc::new(Tail::new(Arc::clone(&store), Vec::new(), Arc::default()));
    let reports = Reports::open(data.path());
    let traffic = TrafficDesk::new(TrafficParts {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        metrics: Arc::clone(&metrics),
        readiness: Readiness::starting(OPENS_AT),
        service: Arc::default(),
        items: Arc::clone(&items),
        catalog: CatalogDesk::new(reports, &[], tail, Arc::clone(&clock)),
        arbiter: None,
        limits: TrafficLimits { waiting_max: 1_000, shed_at_commands: 1 },
    });
    let parts = Parts {
        nodes: None,
        metrics,
        readiness: Readiness::starting(OPENS_AT),
        items,
        traffic,
        sales: Directory::new(shared),
        projections: Vec::new(),
        freshness: Freshness::new(store, Arc::clone(&clock)),
        clock,
        service: Arc::default(),
        grpc_port: 0,
        tokens: Arc::new(Tokens::open()),
        opened: Opened::default(),
        tls: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (Server::start((listener, Security::default()), parts, limits), address, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_store_never_answered_is_starting() {
    let (server, web, _data) = listener(Limits::default()).await;
    let said = ask(web, "GET", "/readyz").await;
    let starting = "{\"ready\":false,\"reason\":\"starting\"}\n";
    assert_eq!((said.status, said.body.as_str()), (503, starting));
    assert_eq!(ask(web, "GET", "/healthz").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_long_gets_no_answer() {
    let limits = Limits { request_bytes_max: 1000, ..Limits::default() };
    let (server, web, _data) = listener(limits).await;
    let request = |padding: usize| {
        format!("GET /healthz HTTP/1.1\r\nhost: node\r\nx-padding: {}\r\n\r\n", "a".repeat(padding))
    };
    let answer = send(web, request(900).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(send(web, request(1000).as_bytes()).await, "");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_whole_request_is_closed() {
    let limits = Limits { head_lasts: Duration::from_millis(100), ..Limits::default() };
    let (server, web, _data) = listener(limits).await;
    let mut slow = TcpStream::connect(web).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    assert_eq!(to_the_end(slow).await, "", "cut off without an answer");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_silent_connections_take_all_places() {
    // Nothing is closed because it is late.
    let hour = Duration::from_secs(3600);
    let limits = Limits {
        connections_max: 4,
        head_lasts: hour,
        connection_lasts: hour,
        ..Limits::default()
    };
    let (server, web, _data) = listener(limits).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        let mut one = TcpStream::connect(web).await.unwrap();
        one.write_all(b"G").await.unwrap();
        silent.push(one);
    }
    for path in ["/healthz", "/metrics", "/healthz"] {
        assert_eq!(ask(web, "GET", path).await.status, 200, "{path}");
    }
    // The oldest ones had to go.
    assert_eq!(to_the_end(silent.remove(0)).await, "");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_unread_answers_take_all_places() {
    let hour = Duration::from_secs(3600);
    let limits = Limits { connections_max: 2, connection_lasts: hour, ..Limits::default() };
    let (server, web, _data) = listener(limits).await;
    let mut unread = Vec::new();
    for _ in 0..8 {
        // A body that never comes: the request stays under way.
        let mut one = TcpStream::connect(web).await.unwrap();
        let head = "POST /traffic HTTP/1.1\r\nhost: node\r\ncontent-length: 9\r\n\r\n";
        one.write_all(head.as_bytes()).await.unwrap();
        unread.push(one);
    }
    assert_eq!(ask(web, "GET", "/healthz").await.status, 200);
    server.stop().await;
}
