//! What operators see of the nodes: figures by peer, reasons, alerts, and how often owners change.

use std::{
    net::SocketAddr,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use doorbuster::{
    config::Config,
    grpc::proto::{
        self, AlertChange, FollowAlertsResponse, NodeStanding,
        alert_service_client::AlertServiceClient,
    },
    ownership::{Member, Owners, Route, Standing, Views},
    values::NodeId,
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tonic::Streaming;
use uuid::Uuid;

use super::pair::{among, sale_of, seen, sees};
use crate::{
    nodes::pair::Pair,
    support::{PATIENCE, order},
    web::figures::{Figures, until_figures},
};

/// The way to the second node, which can be shut; the node keeps its own way out.
struct Door {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Door {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let mut is_open = is_open.clone();
                tokio::spawn(async move {
                    let Ok(mut inside) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = is_open.wait_for(|open| !open) => {}
                        _ = copy_bidirectional(&mut outside, &mut inside) => {}
                    }
                });
            }
        });
        Self { address, open }
    }
}

/// Two nodes that know each other, the second one behind a door.
async fn with_door(secrets: &TempDir) -> (Pair, Door) {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let door = Door::to(free).await;
    let (number, address) = (AtomicUsize::new(0), door.address.to_string());
    let peer = among(secrets, "secret");
    let pair = Pair::start_with(move |config: &mut Config| {
        peer(config);
        config.alerts = true;
        config.web = Some(([127, 0, 0, 1], 0).into());
        if number.fetch_add(1, Ordering::SeqCst) == 1 {
            config.peers_listen = Some(free);
            config.peers_address = Some(address.clone());
        }
    })
    .await;
    for node in &pair.nodes {
        sees(node, 1, NodeStanding::Answers).await;
    }
    (pair, door)
}

fn of_peer(figure: &str, peer: &str) -> String {
    format!("doorbuster_peer_{figure}_total{{peer=\"{peer}\"}}")
}

fn standing(peer: &str, standing: &str) -> String {
    format!("doorbuster_peer_standing{{peer=\"{peer}\",standing=\"{standing}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_peer_has_its_figures_and_one_that_stops_in_order_is_never_suspected() {
    let secrets = tempfile::tempdir().unwrap();
    let (mut pair, door) = with_door(&secrets).await;
    let items = sale_of(&pair.nodes[0], 8, 30).await;
    for buyer in 0..32 {
        order(&pair.nodes[buyer % 2].place(&items[buyer / 2 % 8], "ann", 1).await.unwrap());
    }
    let addresses = [seen(&pair.nodes[0]).await, seen(&pair.nodes[1]).await];
    let addresses = addresses.map(|seen| seen.own.unwrap().address);
    assert_eq!(addresses[1], door.address.to_string());
    let figures = [Figures::of(&pair.nodes[0]).await, Figures::of(&pair.nodes[1]).await];
    for (here, there) in [(0, 1), (1, 0)] {
        let (own, peer) = (&figures[here], &addresses[there]);
        let forwarded = own.value(&of_peer("forwarded", peer));
        assert!(forwarded > 0, "{}", own.0);
        let received = figures[there].value(&of_peer("received", &addresses[here]));
        assert_eq!(received, forwarded, "what went out came in");
        assert_eq!(own.value(&of_peer("suspected", peer)), 0);
        for (name, is_so) in [("answers", 1), ("suspected", 0), ("leaves", 0), ("older", 0)] {
            assert_eq!(own.value(&standing(peer, name)), is_so, "{name}");
        }
        assert!(own.value("doorbuster_items_owned") <= own.value("doorbuster_items_awake"));
    }
    let owned = figures.iter().map(|figures| figures.value("doorbuster_items_owned"));
    assert_eq!(owned.sum::<u64>(), 8);

    let other = pair.nodes[1].take_app();
    let stopped = tokio::task::spawn_blocking(move || other.stop().unwrap());
    let is_gone = |figures: &Figures| {
        let missed = format!("{} 1", standing(&addresses[1], "suspected"));
        assert!(!figures.0.contains(&missed), "{}", figures.0);
        !figures.0.contains(&addresses[1])
    };
    until_figures(&pair.nodes[0], is_gone).await;
    stopped.await.unwrap();
}

/// The next that is told of that rule, while the clock of the first node goes on.
async fn told_of(
    pair: &Pair,
    told: &mut Streaming<FollowAlertsResponse>,
    rule: &str,
) -> (AlertChange, proto::Alert) {
    let next = async {
        loop {
            tokio::select! {
                next = told.message() => {
                    let next = next.unwrap().expect("it goes on");
                    let change = next.change();
                    let alert = next.alert.unwrap();
                    if alert.rule == rule {
                        return (change, alert);
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(200)) => pair.advance(1),
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("something is told")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_answer_raises_an_alert_and_so_does_an_item_that_goes_to_and_fro() {
    let secrets = tempfile::tempdir().unwrap();
    let (pair, door) = with_door(&secrets).await;
    sale_of(&pair.nodes[0], 8, 1_000).await;
    let request = proto::FollowAlertsRequest { after_position: Some(0), ..Default::default() };
    let mut alerts = AlertServiceClient::new(pair.nodes[0].channel());
    let mut told = alerts.follow_alerts(request).await.unwrap().into_inner();

    door.open.send_replace(false);
    let suspected = sees(&pair.nodes[0], 1, NodeStanding::Suspected).await;
    let other = &suspected.others[0];
    assert!(!other.reason.is_empty(), "{other:?}");
    assert_eq!((other.suspected, other.items_owned), (1, 0));
    let (change, alert) = told_of(&pair, &mut told, "node_suspected").await;
    assert_eq!((change, alert.sale_id.as_str()), (AlertChange::Raised, ""));
    // The other one goes on calling this one.
    sees(&pair.nodes[1], 1, NodeStanding::Answers).await;
    assert_eq!(seen(&pair.nodes[1]).await.others[0].suspected, 0);

    // Away, back, away, back: four times.
    for is_open in [true, false, true] {
        door.open.send_replace(is_open);
        let standing = if is_open { NodeStanding::Answers } else { NodeStanding::Suspected };
        let seen = sees(&pair.nodes[0], 1, standing).await;
        assert_eq!(seen.others[0].reason.is_empty(), is_open, "{seen:?}");
    }
    let (change, alert) = told_of(&pair, &mut told, "owner_changes").await;
    assert_eq!((change, alert.sku.is_empty()), (AlertChange::Raised, false));
    assert_eq!(alert.signals[0].millionths, 4_000_000);
    let figures = Figures::of(&pair.nodes[0]).await;
    assert_eq!(figures.value(&of_peer("suspected", &door.address.to_string())), 2);
    let (change, _) = told_of(&pair, &mut told, "node_suspected").await;
    assert_eq!(change, AlertChange::Cleared);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_this_node_first_as_the_guide_shows_it() {
    let secrets = tempfile::tempdir().unwrap();
    let (pair, door) = with_door(&secrets).await;
    door.open.send_replace(false);
    sees(&pair.nodes[0], 1, NodeStanding::Suspected).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.args(["nodes", "--server", &format!("http://{}", pair.nodes[0].address())]);
    let said = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(said.status.success(), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    let rows = |text: &str| -> Vec<Vec<String>> {
        let rows = text.lines().take_while(|line| !line.is_empty());
        rows.map(|row| row.split_whitespace().map(str::to_owned).collect()).collect()
    };
    let table = rows(&said);
    let standings: Vec<&str> = table.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(standings, ["STANDING", "this", "suspected"], "{said}");
    assert_eq!(table[2][1], door.address.to_string());
    assert!(table[1].len() == 9 && table[2].len() > 9, "why it is suspected: {said}");
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/nodes.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let sample = guide.split_once("```text\n").unwrap().1;
    assert_eq!(rows(sample)[0], table[0]);
}

const OWN: NodeId = NodeId(Uuid::from_u128(1));
const OTHER: NodeId = NodeId(Uuid::from_u128(2));

/// Two nodes, and an item of the other one.
fn owners() -> (Owners, Uuid) {
    let mut owners = Owners::new(OWN, "10.0.0.1:7430");
    owners.announced(vec![Member {
        node_id: OTHER,
        address: "10.0.0.2:7430".to_owned(),
        version: "0.1.0".to_owned(),
        is_older: false,
    }]);
    let mut answers = owners.clone();
    answers.heard(OTHER, Standing::Answers);
    let items = (0..100).map(Uuid::from_u128);
    let item = items.into_iter().find(|item| answers.route(*item) == Route::Node(OTHER));
    (owners, item.unwrap())
}

#[test]
fn changes_of_an_owner_are_counted_for_a_minute_and_standings_have_their_beginning() {
    let (mut owners, item) = owners();
    let (mut views, start) = (Views::default(), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!((views.owner(item), views.changes(item, start)), (Route::Here, 0));
    views.saw(at(0), &owners);
    // Meeting the other one is no change of an owner.
    owners.heard(OTHER, Standing::Answers);
    views.saw(at(1), &owners);
    views.forget_earlier();
    assert_eq!((views.owner(item), views.changes(item, at(1))), (Route::Node(OTHER), 0));

    for (second, standing) in [
        (10, Standing::Suspected),
        (20, Standing::Suspected),
        (30, Standing::Answers),
        (40, Standing::Leaves),
    ] {
        owners.heard(OTHER, standing);
        views.saw(at(second), &owners);
    }
    assert_eq!(views.since(OTHER), Some(at(40)));
    assert_eq!(views.since(OWN), None);
    let counted = [40, 70, 71, 90, 91, 100, 101].map(|second| views.changes(item, at(second)));
    assert_eq!(counted, [3, 3, 2, 2, 1, 1, 0]);
    // What is in the window is kept when older views are dropped.
    owners.heard(OTHER, Standing::Answers);
    views.saw(at(95), &owners);
    assert_eq!(views.changes(item, at(95)), 2);
    owners.heard(OTHER, Standing::Suspected);
    owners.heard(OTHER, Standing::Answers);
    views.saw(at(96), &owners);
    assert_eq!(views.since(OTHER), Some(at(95)), "the same standing goes on");
    owners.announced(Vec::new());
    views.saw(at(97), &owners);
    assert_eq!(views.since(OTHER), None);
}
