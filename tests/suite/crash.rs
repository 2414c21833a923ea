//! Goal: an acknowledged order survives kill -9 (P2), and a retry after it gets the first answer
//! (P3). Method: the real binary is killed at random moments under load; the client's own journal
//! of what it was told is compared with what the server says after it came up again, and the log is
//! verified. `DOORBUSTER_TORTURE_CYCLES=n` kills n times.
//!
//! What this does not show: a kill leaves the operating system's buffers alive, so it says nothing
//! about power loss: see `docs/power-loss.md`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use doorbuster::{
    grpc::proto::{
        self, place_order_response, purchase_service_client::PurchaseServiceClient,
        sale_service_client::SaleServiceClient,
    },
    snapshots::{self, Finding, SnapshotFiles},
    store::{LogSource, embedded::LogReader},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tonic::{Code, transport::Channel};

use crate::support::{PATIENCE, create_sale, item, place, timestamp};

const CLIENTS: usize = 16;

/// The real server in a process of its own.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_doorbuster"))
            .args([
                "serve",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--web",
                "off",
                "--http",
                "off",
                "--board",
                "off",
                "--data",
            ])
            .arg(data)
            // So few that a kill meets a snapshot that is being written or read.
            .env("DOORBUSTER_SNAPSHOT_EVENTS", "40")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).expect("its address as JSON");
        Self { child, address: format!("http://{}", said["address"].as_str().unwrap()) }
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(self.address.clone()).unwrap().connect().await.unwrap()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Journal = Arc<Mutex<Vec<(proto::PlaceOrderRequest, proto::PlaceOrderResponse)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_order_survives_kill_9() {
    let cycles: u64 = std::env::var("DOORBUSTER_TORTURE_CYCLES")
        .ok()
        .map_or(5, |cycles| cycles.parse().expect("DOORBUSTER_TORTURE_CYCLES is a number"));
    let data = tempfile::tempdir().unwrap();
    let journal = Journal::default();
    let mut random = StdRng::seed_from_u64(cycles);
    let mut item_id = None;

    for cycle in 0..cycles {
        let server = Server::start(data.path());
        let channel = server.channel().await;
        let item_id = match &item_id {
            Some(id) => String::clone(id),
            None => item_id.insert(put_up(channel.clone()).await).clone(),
        };
        // A retry of an answered request must get the same bytes after any number of kills.
        let journaled = journal.lock().unwrap().clone();
        for (request, first) in journaled.iter().rev().take(50).chain(journaled.iter().take(50)) {
            let again = answered(channel.clone(), request).await;
            assert_eq!(&again, first, "cycle {cycle}");
        }
        let wanted = journaled.len() + random.random_range(50..400);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let name = format!("{cycle}-{client}");
                tokio::spawn(storm(channel.clone(), item_id.clone(), name, journal.clone()))
            })
            .collect();
        let enough = async {
            while journal.lock().unwrap().len() < wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), enough).await.expect("orders flow");
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
    }
    let log = Arc::new(LogReader::open(data.path()).unwrap());
    let files = SnapshotFiles::of(data.path());
    let snapshots = snapshots::check(&files, &LogSource::File(log)).await.unwrap();
    // A kill leaves the one before, or the new one.
    let right = |of: &snapshots::Checked| matches!(of.finding, Finding::Right { .. });
    assert!(!snapshots.is_empty() && snapshots.iter().all(right), "{snapshots:?}");
    let journal = journal.lock().unwrap();
    check(data.path(), &journal);
    println!(
        "{cycles} kills, each followed by a start: {} acknowledged orders, 0 lost, 0 false alarms",
        journal.len()
    );
}

pub async fn put_up(channel: Channel) -> String {
    let mut request = create_sale(vec![item("phone", &[("shanghai", 1_000_000)])]);
    let sale = request.sale.as_mut().unwrap();
    // This server's clock is the one on the wall.
    sale.open_time = Some(timestamp(doorbuster::values::UnixMs(0)));
    sale.close_time = Some(timestamp(doorbuster::values::UnixMs::LATEST));
    sale.items[0].time_to_pay = Some(prost_types::Duration { seconds: 86_400, nanos: 0 });
    let sale = SaleServiceClient::new(channel).create_sale(request).await.unwrap();
    sale.into_inner().sale.unwrap().items[0].item_id.clone()
}

/// The answer of a server that may just have started: until its store has answered, it is unavailable.
async fn answered(
    channel: Channel,
    request: &proto::PlaceOrderRequest,
) -> proto::PlaceOrderResponse {
    let mut purchases = PurchaseServiceClient::new(channel);
    let answer = async {
        loop {
            match purchases.place_order(request.clone()).await {
                Ok(answer) => return answer.into_inner(),
                Err(status) if status.code() == Code::Unavailable => tokio::task::yield_now().await,
                Err(status) => panic!("{status}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, answer).await.expect("a server that has started answers")
}

/// Places orders until the server is gone.
async fn storm(channel: Channel, item: String, client: String, journal: Journal) {
    let mut purchases = PurchaseServiceClient::new(channel);
    for number in 0.. {
        let request = place(&item, &format!("buyer-{client}-{number}"), 1);
        match purchases.place_order(request.clone()).await {
            Ok(answer) => journal.lock().unwrap().push((request, answer.into_inner())),
            Err(_) => return,
        }
    }
}

/// Reads the log as it lies there, with no server running.
fn check(data: &Path, journal: &[(proto::PlaceOrderRequest, proto::PlaceOrderResponse)]) {
    let proof = audit::verify(data, &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
    let log = LogReader::open(data).unwrap();
    let mut placed = std::collections::HashMap::new();
    let mut after = doorbuster::events::Position::START;
    loop {
        let page = log.read_all(after, 1000).unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        placed.extend(
            page.iter()
                .filter(|event| event.kind == "OrderPlaced")
                .map(|event| (event.id.to_string(), (event.revision, event.position))),
        );
    }
    for (request, answer) in journal {
        let Some(place_order_response::Outcome::Order(order)) = &answer.outcome else {
            panic!("{request:?} was refused: {answer:?}");
        };
        let (revision, position) = placed.get(&order.order_id).expect("P2: an order is lost");
        assert_eq!((*revision, position.0), (answer.revision, answer.position));
    }
}
