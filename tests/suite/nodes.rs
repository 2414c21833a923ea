//! Goal: any node serves any item, at any time, and none is ever wrong: never oversold, no order
//! twice, no refusal from a memory that is out of date, nothing lost with a node. Method: two real
//! servers in this process on one embedded store that says of itself that it is shared; each goes
//! to it through a gate where a test can hold it up or take its store away.

/// What comes too late to be decided.
mod late;
/// Units come back and nothing is lost when nodes or the store go away.
mod outages;
pub mod pair;
/// What must not depend on which of two nodes was first.
mod races;
/// Readiness: when a node wants to be sent calls.
mod readiness;
pub mod store;
/// Beacons of one sale come to both nodes, and give way to orders.
mod traffic;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use doorbuster::{
    events::Position,
    grpc::proto::{self, RefusalReason, place_order_response, record_payment_response},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::pair::{Pair, until_answered};
use crate::{
    cluster::Cluster,
    support::{Node, create_sale, item, order, pay, place, refused, request_id},
};

const SHOPPERS: u64 = 40;
const UNITS: i64 = 60;

type Clients = [proto::purchase_service_client::PurchaseServiceClient<crate::support::Channel>; 2];

/// Orders by the request that made them, as clients were told.
type Journal = Arc<Mutex<HashMap<String, proto::PlaceOrderResponse>>>;

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_sell_one_item_in_a_storm_and_the_promises_hold() {
    let pair = Pair::start().await;
    let (item, journal) = storm(&pair.nodes).await;
    let conflicts: usize = pair.stores.iter().map(|store| store.conflicts()).sum();
    assert!(conflicts > 0, "the nodes never met, so this showed nothing");

    let placed = pair.events("OrderPlaced").await;
    assert_eq!(placed.len(), journal.len(), "each order that was told is in the log, once");
    for first in journal.values() {
        let found = placed.iter().find(|event| event.revision == first.revision).unwrap();
        assert_eq!(found.position.0, first.position);
    }
    let [a, b] = [pair.nodes[0].item(&item).await, pair.nodes[1].item(&item).await];
    assert_eq!(a, b);
    assert_eq!(a.available_units + a.held_units + a.sold_units, UNITS);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_sell_one_item_over_the_wire_and_the_promises_hold() {
    let mut cluster = Cluster::start();
    let address = cluster.address(0);
    let mut nodes = [
        Node::start_with(|config| config.store = address.clone()).await,
        Node::start_with(|config| config.store = address.clone()).await,
    ];
    let (_, journal) = storm(&nodes).await;
    for node in &mut nodes {
        node.stop();
    }
    cluster.stop();

    let mut placed = HashMap::new();
    let log = cluster.log();
    let mut after = Position::START;
    loop {
        let page = log.read_all(after, 500).unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        for event in page.into_iter().filter(|event| event.kind == "OrderPlaced") {
            placed.insert(event.revision, event.position.0);
        }
    }
    assert_eq!(placed.len(), journal.len(), "each order that was told is in the log, once");
    for first in journal.values() {
        assert_eq!(placed.get(&first.revision), Some(&first.position));
    }
    cluster.assert_proved();
    for node in &nodes {
        cluster.assert_read_models_are_of_this_log(node.data());
    }
}

/// Many shoppers at two nodes: the item they wanted, and what they were told by request.
async fn storm(nodes: &[Node; 2]) -> (String, HashMap<String, proto::PlaceOrderResponse>) {
    let mut limited = item("phone", &[("shanghai", UNITS)]);
    limited.limit_per_buyer = Some(3);
    let (_, mut items) = nodes[0].sale(vec![limited]).await;
    let item = items.remove(0);
    let journal = Journal::default();
    let clients = [nodes[0].purchases(), nodes[1].purchases()];

    let mut crowd = tokio::task::JoinSet::new();
    for shopper in 0..SHOPPERS {
        let random = StdRng::seed_from_u64(shopper);
        crowd.spawn(shop(clients.clone(), item.clone(), shopper, random, journal.clone()));
    }
    while let Some(shopped) = crowd.join_next().await {
        shopped.unwrap();
    }
    let journal = journal.lock().unwrap().clone();
    (item, journal)
}

/// Orders here and there, repeats it elsewhere, pays, cancels or walks away.
async fn shop(clients: Clients, item: String, shopper: u64, mut random: StdRng, journal: Journal) {
    for _ in 0..4 {
        let request = place(&item, &format!("buyer-{shopper}"), random.random_range(1..3));
        let mut first = None;
        for _ in 0..random.random_range(1..4) {
            let client = &clients[random.random_range(0..2)];
            let answer = until_answered!(client.clone(), place_order, request);
            if let Some(place_order_response::Outcome::Order(_)) = &answer.outcome {
                assert_eq!(
                    first.get_or_insert(answer.clone()),
                    &answer,
                    "one request, two answers"
                );
            } else {
                assert_eq!(first, None, "placed and then refused");
            }
        }
        let Some(first) = first else { continue };
        let order = order(&first);
        journal.lock().unwrap().insert(request.request_id, first);
        let client = &clients[random.random_range(0..2)];
        if random.random_bool(0.5) {
            let payment = pay(&order);
            let paid = until_answered!(client.clone(), record_payment, payment);
            let Some(record_payment_response::Outcome::Order(_)) = paid.outcome else {
                panic!("a payment in time was refused: {paid:?}");
            };
        } else if random.random_bool(0.5) {
            let cancel = cancel(&order);
            until_answered!(client.clone(), cancel_order, cancel);
        }
    }
}

pub fn cancel(order: &proto::Order) -> proto::CancelOrderRequest {
    proto::CancelOrderRequest {
        request_id: request_id(),
        item_id: order.item_id.clone(),
        order_id: order.order_id.clone(),
        buyer: order.buyer.clone(),
    }
}

/// Buys a unit at a node, as often as it takes to get an answer.
pub async fn buy(node: &Node, item: &str, buyer: &str) -> proto::PlaceOrderResponse {
    let request = place(item, buyer, 1);
    until_answered!(node.purchases(), place_order, request)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_does_not_refuse_because_of_a_pause_that_is_over() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let pause = proto::PauseItemRequest {
        request_id: request_id(),
        item_id: items[0].clone(),
        operator: "olga".to_owned(),
        reason: "price is wrong".to_owned(),
    };
    a.items().pause_item(pause).await.unwrap();
    assert_eq!(refused(&buy(a, &items[0], "ann").await), RefusalReason::Paused);
    assert_eq!(refused(&buy(b, &items[0], "ann").await), RefusalReason::Paused);

    let resume = proto::ResumeItemRequest {
        request_id: request_id(),
        item_id: items[0].clone(),
        operator: "olga".to_owned(),
        reason: "price is right".to_owned(),
    };
    until_answered!(b.items(), resume_item, resume);
    order(&buy(a, &items[0], "ann").await);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_came_back_on_another_node_can_be_bought_here() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let held = order(&buy(a, &items[0], "ann").await);
    assert_eq!(refused(&buy(a, &items[0], "bob").await), RefusalReason::SoldOut);

    let cancel = cancel(&held);
    until_answered!(b.purchases(), cancel_order, cancel);
    order(&buy(a, &items[0], "bob").await);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shown_as_paid_by_the_node_that_did_not_take_the_payment() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (_, items) = a.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let held = order(&buy(a, &items[0], "ann").await);
    let payment = pay(&held);
    until_answered!(b.purchases(), record_payment, payment);

    let show = proto::GetOrderRequest {
        item_id: held.item_id.clone(),
        order_id: held.order_id.clone(),
        buyer: "ann".to_owned(),
    };
    let shown = until_answered!(a.purchases(), get_order, show);
    assert_eq!(shown.order.unwrap().state(), proto::OrderState::Paid);
    assert_eq!(sold_units(a, &items[0]).await, 1);
    pair.judge().await;
}

async fn sold_units(node: &Node, item: &str) -> i64 {
    let request = proto::GetItemRequest { item_id: item.to_owned() };
    until_answered!(node.items(), get_item, request).item.unwrap().sold_units
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_from_one_node_is_waited_for_on_the_other() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (sale, items) = a.sale(vec![item("phone", &[("shanghai", 5)])]).await;
    for buyer in 1..=5 {
        let placed = buy(a, &items[0], &format!("buyer-{buyer}")).await;
        let request = proto::ListOrdersRequest {
            sale_id: sale.clone(),
            min_position: placed.position,
            ..Default::default()
        };
        let listed = b.reports().list_orders(request).await.unwrap().into_inner();
        assert_eq!(listed.orders.len(), buyer, "what one node was told, the other shows");
    }
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_put_up_on_both_nodes_at_once_is_one_sale() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let drafts = (0..10).map(|n| item(&format!("sku-{n}"), &[("shanghai", 5)])).collect();
    let request = create_sale(drafts);
    let (one, two) =
        tokio::join!(async { until_answered!(a.sales(), create_sale, request) }, async {
            until_answered!(b.sales(), create_sale, request)
        },);
    assert_eq!(one.sale.unwrap(), two.sale.unwrap());
    assert_eq!(pair.events("SaleCreated").await.len(), 1);
    assert_eq!(pair.events("ItemAdded").await.len(), 10);
    pair.judge().await;
}
