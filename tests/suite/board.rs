//! Goal: the board shows the figures of the reports, every viewer gets the newest frame, viewers
//! cost almost nothing, and only operators steer. Method: a real server on loopback whose clock
//! stands still, asked over plain sockets.

mod after;
mod asking;
mod limits;
mod pulse;
mod steer;
mod stream;

use std::net::SocketAddr;

use doorbuster::{metrics::Reading, values::ServiceLevel};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Node, PATIENCE};

/// What the board answered.
struct Said {
    status: u16,
    /// Lines, in small letters.
    headers: Vec<String>,
    body: String,
}

impl Said {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

async fn board_node() -> Node {
    Node::start_with(|config| config.board = Some(([127, 0, 0, 1], 0).into())).await
}

/// Sends a request and reads the whole answer. The board ends the connection as it is asked to.
async fn ask(board: SocketAddr, head: &str, body: &str) -> Said {
    let mut stream = TcpStream::connect(board).await.unwrap();
    let length = body.len();
    let request = format!("{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").unwrap();
    said(&String::from_utf8(answer).unwrap())
}

fn said(answer: &str) -> Said {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    Said { status, headers: lines.map(str::to_lowercase).collect(), body: body.to_owned() }
}

async fn get(board: SocketAddr, path: &str) -> Said {
    ask(board, &format!("GET {path} HTTP/1.1\r\nhost: {board}"), "").await
}

/// A follower of a sale.
struct Follower {
    stream: TcpStream,
    /// What came and was not looked at yet.
    rest: String,
    head: String,
}

impl Follower {
    /// Begins to follow once the read models know the sale.
    async fn of(board: SocketAddr, sale: &str) -> Self {
        let known = async {
            loop {
                let follower = Self::at_once(board, sale).await;
                if follower.status() != 404 {
                    return follower;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, known).await.expect("the read models know the sale")
    }

    /// Begins to follow; the head of the answer is there when this returns.
    async fn at_once(board: SocketAddr, sale: &str) -> Self {
        let mut stream = TcpStream::connect(board).await.unwrap();
        let asked = format!("GET /sales/{sale}/events HTTP/1.1\r\nhost: {board}\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut follower = Self { stream, rest: String::new(), head: String::new() };
        follower.head = follower.until("\r\n\r\n").await;
        follower
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads on until this stands in what came.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.rest.find(end) {
                let rest = self.rest.split_off(at + end.len());
                return std::mem::replace(&mut self.rest, rest);
            }
            let mut bytes = [0; 16_384];
            let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("something");
            let read = read.unwrap();
            assert!(read > 0, "the board hung up after {:?}", self.rest);
            self.rest.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    /// The next frame. Chunks of the transfer may cut it, which its JSON does not survive where they
    /// do: frames are sent whole.
    async fn frame(&mut self) -> Value {
        self.until("event: pulse\ndata: ").await;
        let told = self.until("\n\n").await;
        serde_json::from_str(told.trim_end()).unwrap_or_else(|_| panic!("no frame: {told}"))
    }
}

/// The figures of a node.
async fn metrics(web: SocketAddr) -> String {
    let mut stream = TcpStream::connect(web).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: node\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").unwrap();
    String::from_utf8(answer).unwrap()
}

/// A node of which nothing is known but what it counted.
fn nothing_read() -> Reading {
    Reading {
        ready: true,
        level: ServiceLevel::Full,
        store_reachable: true,
        items_awake: 0,
        items_owned: 0,
        owner_changes_max: 0,
        sales_awake: 0,
        commands_waiting: 0,
        beacons_waiting: 0,
        clock_off_ms: 0,
        clock_jumps: 0,
        clock_steps: 0,
        log_position: 0,
        projections: Vec::new(),
        nodes: None,
        tls: None,
    }
}
