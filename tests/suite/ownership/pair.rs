//! Two real servers that pass commands on to each other.

use std::{fs, os::unix::fs::PermissionsExt as _};

use doorbuster::{
    config::Config,
    events::{Category, NodeAnnounced, NodeEvent, SERVICE, StreamName, encode},
    grpc::proto::{
        self, NodeStanding, node_service_client::NodeServiceClient, place_orders_response,
    },
    store::{EventStore, Expected},
    values::NodeId,
};
use tempfile::TempDir;
use tokio_stream::StreamExt as _;
use uuid::Uuid;

use crate::{
    nodes::pair::Pair,
    support::{Node, OPENS_AT, PATIENCE, item, order, place},
};

/// What makes a node one of several.
pub fn among(secrets: &TempDir, secret: &str) -> impl Fn(&mut Config) + use<> {
    let file = secrets.path().join(secret);
    fs::write(&file, format!("{secret:0>40}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    move |config| {
        config.peers_listen = Some("127.0.0.1:0".parse().unwrap());
        config.peers_secret_file = Some(file.clone());
    }
}

pub async fn seen(node: &Node) -> proto::ListNodesResponse {
    let request = proto::ListNodesRequest {};
    NodeServiceClient::new(node.channel()).list_nodes(request).await.unwrap().into_inner()
}

/// Waits until a node sees so many others like this.
pub async fn sees(node: &Node, count: usize, standing: NodeStanding) -> proto::ListNodesResponse {
    let asked = async {
        loop {
            let seen = seen(node).await;
            let like_this = seen.others.iter().filter(|other| other.standing() == standing);
            if like_this.count() == count {
                return seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the nodes see each other")
}

async fn together(secrets: &TempDir) -> Pair {
    let pair = Pair::start_with(among(secrets, "secret")).await;
    for node in &pair.nodes {
        sees(node, 1, NodeStanding::Answers).await;
    }
    pair
}

pub async fn sale_of(node: &Node, items: usize, units: i64) -> Vec<String> {
    let drafts = (0..items).map(|n| item(&format!("sku-{n}"), &[("shanghai", units)])).collect();
    node.sale(drafts).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn any_node_takes_any_order_and_nobody_meets_a_conflict() {
    let secrets = tempfile::tempdir().unwrap();
    let pair = together(&secrets).await;
    let items = sale_of(&pair.nodes[0], 8, 30).await;
    let before: usize = pair.stores.iter().map(|store| store.conflicts()).sum();

    let mut crowd = tokio::task::JoinSet::new();
    for buyer in 0..240 {
        let mut purchases = pair.nodes[buyer % 2].purchases();
        let request = place(&items[buyer / 2 % 8], &format!("buyer-{buyer}"), 1);
        crowd.spawn(async move { purchases.place_order(request).await });
    }
    while let Some(answered) = crowd.join_next().await {
        order(answered.unwrap().expect("no order fails").get_ref());
    }

    let after: usize = pair.stores.iter().map(|store| store.conflicts()).sum();
    assert_eq!(after, before, "each item had one writer");
    for node in &pair.nodes {
        let seen = seen(node).await;
        assert!(seen.others[0].forwarded > 0, "every item was its own: {seen:?}");
        assert!(seen.own.unwrap().received > 0, "nothing came from the other");
    }
    assert_eq!(pair.events("OrderPlaced").await.len(), 240);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_mixes_items_of_both_nodes_and_is_answered_in_order_for_each() {
    let secrets = tempfile::tempdir().unwrap();
    let pair = together(&secrets).await;
    let items = sale_of(&pair.nodes[0], 6, 100).await;

    let orders = (0..300_u64).map({
        let items = items.clone();
        move |tag| {
            let command = Some(place(&items[tag as usize % 6], &format!("buyer-{tag}"), 1));
            proto::PlaceOrdersRequest { tag, command }
        }
    });
    let stream = tokio_stream::iter(orders);
    let mut answers = pair.nodes[1].purchases().place_orders(stream).await.unwrap().into_inner();
    let mut last = [None; 6];
    for _ in 0..300 {
        let answer = answers.next().await.expect("an answer for each").unwrap();
        let Some(place_orders_response::Result::Answer(placed)) = &answer.result else {
            panic!("{answer:?}");
        };
        order(placed);
        let before = last[answer.tag as usize % 6].replace((answer.tag, placed.revision));
        assert!(before < Some((answer.tag, placed.revision)), "{before:?}, then {answer:?}");
        assert!(before.is_none_or(|(_, revision)| revision < placed.revision));
    }
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_hands_its_items_over_and_no_order_fails() {
    let secrets = tempfile::tempdir().unwrap();
    let mut pair = together(&secrets).await;
    let items = sale_of(&pair.nodes[0], 8, 1_000).await;
    for item in &items {
        order(&pair.nodes[1].place(item, "early", 1).await.unwrap());
    }
    // Each node reads what it would go on with.
    for store in &pair.stores {
        store.has_loaded(items.len()).await;
    }

    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let mut crowd = tokio::task::JoinSet::new();
    for (buyer, item) in items.iter().enumerate() {
        let (mut purchases, item) = (pair.nodes[1].purchases(), item.clone());
        let mut stopped = stopped.clone();
        crowd.spawn(async move {
            let mut placed = 0;
            while placed < 20 || !*stopped.borrow_and_update() {
                let request = place(&item, &format!("buyer-{buyer}-{placed}"), 1);
                order(purchases.place_order(request).await.expect("no order fails").get_ref());
                placed += 1;
            }
            placed
        });
    }
    let other = pair.nodes[0].take_app();
    tokio::task::spawn_blocking(move || other.stop().unwrap()).await.unwrap();
    stop.send_replace(true);
    stopped.mark_unchanged();
    let mut placed = items.len();
    while let Some(ended) = crowd.join_next().await {
        placed += ended.unwrap();
    }

    assert_eq!(pair.events("OrderPlaced").await.len(), placed);
    assert_eq!(pair.events("NodeLeft").await.len(), 1);
    assert_eq!(pair.stores[1].loads(), items.len(), "an item was read anew when it came");
    sees(&pair.nodes[1], 0, NodeStanding::Answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_know_the_secret_is_sent_nothing() {
    let secrets = tempfile::tempdir().unwrap();
    let pair = Pair::start_with({
        let number = std::sync::atomic::AtomicUsize::new(0);
        move |config: &mut Config| {
            let first = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            among(&secrets, if first { "known" } else { "other" })(config);
        }
    })
    .await;
    for node in &pair.nodes {
        let seen = sees(node, 1, NodeStanding::Suspected).await;
        assert_eq!(seen.others[0].forwarded, 0);
        let why = async {
            loop {
                let reason = self::seen(node).await.others.remove(0).reason;
                if !reason.is_empty() {
                    return reason;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let why = tokio::time::timeout(PATIENCE, why).await.expect("it was called");
        assert_eq!(why, "it does not know the secret of this service");
    }
    let items = sale_of(&pair.nodes[0], 4, 10).await;
    for item in &items {
        order(&pair.nodes[0].place(item, "ann", 1).await.unwrap());
    }
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_address_that_never_answers_owns_nothing() {
    let secrets = tempfile::tempdir().unwrap();
    let pair = together(&secrets).await;
    // It takes connections and says nothing.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let roll = StreamName { category: Category::Node, id: SERVICE };
    let last = pair.log.last_revision(roll).await.unwrap().unwrap();
    let announced = NodeEvent::Announced(NodeAnnounced {
        node_id: NodeId(Uuid::from_u128(77)),
        address: mute.local_addr().unwrap().to_string(),
        version: "by hand".to_owned(),
        wire: 9,
        started_at_ms: OPENS_AT,
        announced_at_ms: OPENS_AT.plus(1),
    });
    let id = Uuid::from_u128(78);
    let event = encode(id, &announced, id, id);
    pair.log.append(roll, Expected::Exact(last), [event].into()).await.unwrap();

    let seen = sees(&pair.nodes[0], 1, NodeStanding::Suspected).await;
    assert_eq!(seen.others.len(), 2);
    let items = sale_of(&pair.nodes[0], 9, 10).await;
    for (buyer, item) in items.iter().enumerate() {
        order(&pair.nodes[buyer % 2].place(item, "ann", 1).await.unwrap());
    }
}
