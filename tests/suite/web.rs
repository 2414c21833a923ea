//! Goal: machines can tell how a node is, and what watches over it asks for figures that are there.
//! Method: a real server on loopback, asked over a plain socket; failures of the store are real
//! ones of SQLite, made by a second connection to the log.

pub mod figures;
mod limits;
mod watched;

use std::{net::SocketAddr, sync::Arc};

use doorbuster::{
    app::App,
    clock::ManualClock,
    config::Config,
    events::{Category, NewEvent, StreamName},
    store::{EventStore, Expected, embedded::EmbeddedStore},
};
use rusqlite::Connection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Node, OPENS_AT, PATIENCE, item, place};

/// What a node answered.
pub struct Said {
    pub status: u16,
    /// Lines, in small letters.
    headers: Vec<String>,
    pub body: String,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }
}

/// Asks one question. The node ends the connection with its answer.
pub async fn ask(web: SocketAddr, method: &str, path: &str) -> Said {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: node\r\n\r\n");
    let answer = send(web, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(str::to_lowercase).collect();
    Said { status, headers, body: body.to_owned() }
}

/// Sends these bytes and reads until the other side ends the connection.
async fn send(web: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(web).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    to_the_end(stream).await
}

/// What comes until the other side ends the connection.
async fn to_the_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is cut off may end with an error instead of an end.
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    let _ = ended.await.expect("the other side ends the connection");
    String::from_utf8(answer).unwrap()
}

/// Asks whether the node is ready until it says this.
pub async fn until_readyz_says(web: SocketAddr, status: u16, body: &str) {
    let asked = async {
        loop {
            let said = ask(web, "GET", "/readyz").await;
            if (said.status, said.body.trim_end()) == (status, body) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| panic!("/readyz never said {status} {body}"));
}

/// A node that answers machines, too.
async fn watched_node() -> Node {
    let node = Node::start_with(|config| config.web = Some(([127, 0, 0, 1], 0).into())).await;
    until_readyz_says(node.web(), 200, r#"{"ready":true}"#).await;
    node
}

/// A second connection to the log of a node.
fn log_of(node: &Node) -> Connection {
    Connection::open(node.data().join(doorbuster::store::embedded::LOG_FILE)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_asked_with_get_or_head_and_nothing_else_is_there() {
    let node = watched_node().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let got = ask(node.web(), "GET", path).await;
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(got.header("content-length"), got.body.len().to_string(), "{path}");
        assert_eq!(got.header("cache-control"), "no-store");
        assert_eq!(got.header("connection"), "close", "one question a connection");
        let head = ask(node.web(), "HEAD", path).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let refused = ask(node.web(), method, path).await;
            assert_eq!((refused.status, refused.body.as_str()), (405, ""), "{method} {path}");
            assert_eq!(refused.header("allow"), "get,head");
        }
    }
    assert_eq!(ask(node.web(), "GET", "/healthz").await.body, "{\"alive\":true}\n");
    let text = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(ask(node.web(), "GET", "/metrics").await.header("content-type"), text);
    for path in ["/", "/metrics/", "/healthz/..", "/../etc/passwd", "/%2e%2e/metrics", "/Metrics"] {
        assert_eq!(ask(node.web(), "GET", path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_says_so_until_it_has_stopped() {
    let mut node = Node::start_with(|config| {
        config.web = Some(([127, 0, 0, 1], 0).into());
        config.drain_ms = 3_000;
    })
    .await;
    let web = node.web();
    let (orders, open) = tokio::sync::mpsc::channel(1);
    let open = tokio_stream::wrappers::ReceiverStream::new(open);
    let mut answers = node.purchases().place_orders(open).await.unwrap().into_inner();
    let stopping = tokio::task::spawn_blocking(move || node.stop());
    until_readyz_says(web, 503, r#"{"ready":false,"reason":"draining"}"#).await;
    assert_eq!(ask(web, "GET", "/healthz").await.status, 200, "it is alive");
    // An open call is answered and does not delay the stop.
    assert_eq!(answers.message().await.unwrap_err().code(), tonic::Code::Unavailable);
    drop(orders);
    stopping.await.unwrap();
    assert!(TcpStream::connect(web).await.is_err(), "it has stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_store_does_not_answer_is_not_ready_until_it_does() {
    let node = watched_node().await;
    let log = log_of(&node);
    log.execute_batch("ALTER TABLE streams RENAME TO elsewhere").unwrap();
    until_readyz_says(node.web(), 503, r#"{"ready":false,"reason":"store_unavailable"}"#).await;
    let figures = ask(node.web(), "GET", "/metrics").await.body;
    assert!(figures.contains("\ndoorbuster_store_reachable 0\n"), "{figures}");
    assert!(figures.contains("\ndoorbuster_ready 0\n"), "{figures}");

    log.execute_batch("ALTER TABLE elsewhere RENAME TO streams").unwrap();
    until_readyz_says(node.web(), 200, r#"{"ready":true}"#).await;
    let figures = ask(node.web(), "GET", "/metrics").await.body;
    assert!(figures.contains("\ndoorbuster_store_reachable 1\n"), "{figures}");
    assert!(figures.contains("\ndoorbuster_ready 1\n"), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_its_log_is_not_ready_until_it_can() {
    let node = watched_node().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let log = log_of(&node);
    log.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = node.place(&items[0], "ann", 1).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    until_readyz_says(node.web(), 503, r#"{"ready":false,"reason":"commit_failed"}"#).await;
    assert_eq!(ask(node.web(), "GET", "/healthz").await.status, 200, "it is alive");

    log.execute_batch("ROLLBACK").unwrap();
    until_readyz_says(node.web(), 200, r#"{"ready":true}"#).await;
    let left = "SELECT count(*) FROM meta WHERE key = 'probe'";
    assert_eq!(log.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    node.place(&items[0], "ann", 1).await.expect("it takes orders again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_stopped_is_named_by_a_node_that_is_ready_all_the_same() {
    let mut node = watched_node().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    node.stop();
    let store = EmbeddedStore::open(node.data(), Arc::new(node.clock.clone())).unwrap();
    let stream = StreamName { category: Category::Item, id: uuid::Uuid::from_u128(1) };
    let strange = NewEvent {
        id: uuid::Uuid::from_u128(2),
        kind: "SoldToTheMoon".into(),
        data: b"{}".to_vec(),
        metadata: b"{}".to_vec(),
    };
    store.append(stream, Expected::NoStream, vec![strange].into()).await.unwrap();
    store.close();

    node.restart().await;
    let stopped = async {
        loop {
            let answer = ask(node.web(), "GET", "/readyz").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            let named = |behind: &serde_json::Value| {
                behind["projection"] == "catalog" && behind["state"] == "stopped"
            };
            if said["behind"].as_array().is_some_and(|behind| behind.iter().any(named)) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("it is named");
    let figures = ask(node.web(), "GET", "/metrics").await.body;
    let stopped = "\ndoorbuster_projection_stopped{projection=\"catalog\"} 1\n";
    assert!(figures.contains(stopped), "{figures}");
    node.place(&items[0], "ann", 1).await.expect("selling needs no read model");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_refused_with_the_name_of_its_setting() {
    let node = watched_node().await;
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        web: Some(node.web()),
        http: None,
        board: None,
        ..Config::default()
    };
    let refused = App::start(config, Arc::new(ManualClock::at(OPENS_AT))).err().unwrap();
    let message = format!("web: cannot listen on {}", node.web());
    assert_eq!(refused.to_string(), message);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_web_address_the_node_sells_and_answers_no_machine() {
    let node = Node::start_with(|config| config.web = None).await;
    assert_eq!(node.web_if_any(), None);
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    node.purchases().place_order(place(&items[0], "ann", 1)).await.unwrap();
}
