//! Many who look, and some who do not take what they are sent: a place for so many, a reason for
//! the others, and orders go on.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use doorbuster::{
    actors::{
        DemandDesk, Directory, FreezeWatch, Freshness, Moves, NodeParts, Past, PulseDesk,
        Readiness, Shared,
    },
    admission::{CurrentServiceLevel, Tokens},
    clock::{ManualClock, SharedClock},
    connections::Security,
    metrics::Metrics,
    reports::Reports,
    store::{LogSource, SharedStore, embedded::EmbeddedStore},
    web::board::{BoardLimits, BoardParts, BoardServer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tonic::service::Routes;

use super::Follower;
use crate::support::{Node, OPENS_AT, PATIENCE, item};

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_is_told_so_and_when_to_come_again() {
    let node = Node::start_with(|config| {
        config.board = Some(([127, 0, 0, 1], 0).into());
        config.board_clients_max = 2;
    })
    .await;
    let (sale, _) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let first = Follower::of(node.board(), &sale).await;
    let mut second = Follower::of(node.board(), &sale).await;
    assert_eq!((first.status(), second.status()), (200, 200));
    let mut third = Follower::of(node.board(), &sale).await;
    assert_eq!(third.status(), 503, "{}", third.head);
    assert!(third.head.to_lowercase().contains("retry-after: "), "{}", third.head);
    assert!(third.until("\n").await.contains("too many pages"));
    drop(first);
    let again = async {
        while Follower::of(node.board(), &sale).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("a place is free once a client has left");
    second.frame().await;
}

/// The outcome of a request to follow.
#[derive(PartialEq, Eq)]
enum Fate {
    Follows,
    TurnedAway,
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_take_no_more_than_their_places_and_orders_go_on() {
    let node = Node::start_with(|config| {
        config.board = Some(([127, 0, 0, 1], 0).into());
        config.web = Some(([127, 0, 0, 1], 0).into());
        config.board_clients_max = 100;
    })
    .await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 1_000)])]).await;
    let board = node.board();
    // Gone before the others come.
    drop(Follower::of(board, &sale).await);
    let (mut follow, mut away, mut held) = (0, 0, Vec::new());
    for hundred in 0..100 {
        let mut comers = JoinSet::new();
        for _ in 0..100 {
            comers.spawn(come(board, sale.clone()));
        }
        node.place(&items[0], &format!("buyer-{hundred}"), 1).await.expect("orders go on");
        for (fate, stream) in comers.join_all().await {
            match fate {
                Fate::Follows => {
                    follow += 1;
                    held.push(stream);
                }
                Fate::TurnedAway => away += 1,
            }
        }
    }
    assert_eq!((follow, away), (100, 9_900));
    let figures = super::metrics(node.web()).await;
    assert!(figures.contains("\ndoorbuster_board_clients 100\n"), "{figures}");
    let away = "\ndoorbuster_board_clients_dropped_total{reason=\"too_many\"} 9900\n";
    assert!(figures.contains(away), "{figures}");
    assert_eq!(node.item(&items[0]).await.held_units, 100);
}

/// Asks to follow, and stays if it may.
async fn come(board: SocketAddr, sale: String) -> (Fate, Option<TcpStream>) {
    let mut stream = TcpStream::connect(board).await.unwrap();
    let asked = format!("GET /sales/{sale}/events HTTP/1.1\r\nhost: {board}\r\n\r\n");
    let mut head = [0; 12];
    let answered = async {
        stream.write_all(asked.as_bytes()).await?;
        stream.read_exact(&mut head).await
    };
    // Where even the farewells are too many the connection just ends.
    match timeout(PATIENCE, answered).await.expect("an answer or an end") {
        Ok(_) if &head == b"HTTP/1.1 200" => (Fate::Follows, Some(stream)),
        Ok(_) => {
            assert_eq!(&head, b"HTTP/1.1 503");
            (Fate::TurnedAway, None)
        }
        Err(_) => (Fate::TurnedAway, None),
    }
}

/// A board of its own over read models.
pub fn strict_board(
    read_models: &Path,
    listener: TcpListener,
    metrics: &Arc<Metrics>,
    limits: BoardLimits,
) -> BoardServer {
    let data = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(ManualClock::at(OPENS_AT));
    let store: SharedStore = EmbeddedStore::open(data.path(), Arc::clone(&clock)).unwrap();
    let runtime = tokio::runtime::Handle::current();
    let readiness = Readiness::starting(OPENS_AT);
    let shared = Arc::new(Shared {
        store: Arc::clone(&store),
        snapshots: None,
        clock: Arc::clone(&clock),
        moves: Moves::since(&clock),
        metrics: Arc::clone(metrics),
        readiness: readiness.clone(),
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
    let service = Arc::new(CurrentServiceLevel::new());
    let sales = Directory::new(shared);
    let desk = PulseDesk::new(Reports::open(read_models), Arc::clone(&clock));
    let parts = NodeParts {
        nodes: None,
        readiness: readiness.clone(),
        items,
        sales,
        projections: Vec::new(),
        freshness: Freshness::new(Arc::clone(&store), Arc::clone(&clock)),
        clock: Arc::clone(&clock),
        metrics: Arc::clone(metrics),
        service: Arc::clone(&service),
        waiting_max: 1,
    };
    // It goes round for as long as the test does.
    std::mem::forget(desk.start(parts).unwrap());
    let log = LogSource::Store(store);
    let parts = BoardParts {
        desk,
        reports: Reports::open(read_models),
        past: Past::new(data.path(), log.clone(), true),
        log,
        data: data.path().to_owned(),
        services: Routes::default(),
        service,
        tokens: Arc::new(Tokens::open()),
        public: false,
        readiness,
        metrics: Arc::clone(metrics),
        clock,
        limits,
        grpc_port: 0,
    };
    BoardServer::start((listener, Security::default()), parts).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_what_it_is_sent_is_let_go_and_nobody_else() {
    let node = Node::start().await;
    let (sale, _) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let board = listener.local_addr().unwrap();
    let metrics = Arc::new(Metrics::new(OPENS_AT));
    let limits = BoardLimits {
        frame_lasts: Duration::from_millis(50),
        held_bytes: 1,
        ..BoardLimits::for_clients(10)
    };
    let server = strict_board(node.data(), listener, &metrics, limits);
    drop(Follower::of(board, &sale).await);

    let deaf = TcpSocket::new_v4().unwrap();
    deaf.set_recv_buffer_size(1).unwrap();
    let mut deaf = deaf.connect(board).await.unwrap();
    let asked = format!("GET /sales/{sale}/events HTTP/1.1\r\nhost: {board}\r\n\r\n");
    deaf.write_all(asked.as_bytes()).await.unwrap();
    let mut keen = Follower::of(board, &sale).await;
    let slow = "doorbuster_board_clients_dropped_total{reason=\"slow\"} 1\n";
    let dropped = async {
        while !metrics.text(&super::nothing_read()).unwrap().contains(slow) {
            keen.frame().await;
        }
    };
    timeout(PATIENCE, dropped).await.expect("the deaf one is let go");
    keen.frame().await;
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
}
