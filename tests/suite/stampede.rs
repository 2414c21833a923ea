//! Goal: whatever many shoppers do at once, the promises hold: never oversold (P1), no retried
//! command makes a second order (P3), units are released exactly once (P4), read models equal a
//! rebuild from zero (P5). Method: for each seed a small sale, a crowd that places, repeats, pays,
//! cancels and walks away through real gRPC while time moves and the server is restarted in the
//! middle; then the log is verified by code that shares nothing with the decider. A failure prints
//! its seed; `DOORBUSTER_STAMPEDE_SEEDS=n` runs more of them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use doorbuster::grpc::proto::{self, place_order_response, record_payment_response};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::support::{Node, item, order, pay, place};

const SHOPPERS: u64 = 60;
const UNITS: i64 = 25;
const LIMIT_PER_BUYER: i64 = 2;

/// What clients were told: order by request, and which orders were said to be paid.
#[derive(Default)]
struct Journal {
    placed: HashMap<String, proto::Order>,
    paid: HashSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promises_hold_for_every_seed() {
    let seeds: u64 = std::env::var("DOORBUSTER_STAMPEDE_SEEDS")
        .ok()
        .map_or(6, |seeds| seeds.parse().expect("DOORBUSTER_STAMPEDE_SEEDS is a number"));
    for seed in 0..seeds {
        println!("seed {seed}");
        stampede(seed).await;
    }
}

async fn stampede(seed: u64) {
    let mut node = Node::start().await;
    let mut limited = item("limited", &[("shanghai", 10), ("guangzhou", UNITS - 10)]);
    limited.limit_per_buyer = Some(LIMIT_PER_BUYER);
    let (_, items) = node.sale(vec![limited, item("open", &[("shanghai", UNITS)])]).await;
    let journal = Arc::new(Mutex::new(Journal::default()));

    for wave in 0..3 {
        let mut crowd = tokio::task::JoinSet::new();
        for shopper in 0..SHOPPERS {
            let random = StdRng::seed_from_u64(seed << 32 | wave << 16 | shopper);
            let journal = Arc::clone(&journal);
            crowd.spawn(shop(node.channel(), items.clone(), shopper, random, journal));
        }
        // Time moves while they shop: some holds expire under their hands.
        node.advance(20);
        tokio::task::yield_now().await;
        node.advance(45);
        while let Some(shopped) = crowd.join_next().await {
            shopped.unwrap();
        }
        if wave == 1 {
            node.restart().await;
        }
    }
    node.advance(61);
    for item in &items {
        node.item_until(item, |item| item.held_units == 0).await;
    }
    check(&mut node, &items, &journal, seed).await;
}

async fn shop(
    channel: crate::support::Channel,
    items: Vec<String>,
    shopper: u64,
    mut random: StdRng,
    journal: Arc<Mutex<Journal>>,
) {
    let mut purchases = proto::purchase_service_client::PurchaseServiceClient::new(channel);
    for _ in 0..random.random_range(1..4) {
        let item = &items[random.random_range(0..items.len())];
        let request = place(item, &format!("buyer-{shopper}"), random.random_range(1..3));
        let mut first = None;
        for _ in 0..random.random_range(1..4) {
            let answer = purchases.place_order(request.clone()).await.unwrap().into_inner();
            let Some(place_order_response::Outcome::Order(order)) = answer.outcome else {
                continue;
            };
            assert_eq!(first.get_or_insert(order.clone()), &order, "P3: one request, two answers");
            journal.lock().unwrap().placed.insert(request.request_id.clone(), order);
        }
        let Some(order) = first else { continue };
        match random.random_range(0..4) {
            0 => {}
            1 => {
                let cancel = proto::CancelOrderRequest {
                    request_id: crate::support::request_id(),
                    item_id: order.item_id.clone(),
                    order_id: order.order_id.clone(),
                    buyer: order.buyer.clone(),
                };
                purchases.cancel_order(cancel).await.unwrap();
            }
            _ => {
                let answer = purchases.record_payment(pay(&order)).await.unwrap().into_inner();
                if let Some(record_payment_response::Outcome::Order(paid)) = answer.outcome {
                    journal.lock().unwrap().paid.insert(paid.order_id);
                }
            }
        }
    }
}

async fn check(node: &mut Node, items: &[String], journal: &Mutex<Journal>, seed: u64) {
    let orders = all_orders(node).await;
    {
        let journal = journal.lock().unwrap();
        let ids: HashSet<&str> = orders.iter().map(|order| order.order_id.as_str()).collect();
        assert_eq!(ids.len(), orders.len(), "seed {seed}: an order is listed twice");
        assert_eq!(ids.len(), journal.placed.len(), "seed {seed}: P3");
        for order in journal.placed.values() {
            assert!(ids.contains(order.order_id.as_str()), "seed {seed}: P2 {order:?}");
        }
        for order in &orders {
            let paid = order.state() == proto::OrderState::Paid;
            assert_eq!(paid, journal.paid.contains(&order.order_id), "seed {seed}: {order:?}");
        }
    }
    for item in items {
        let shown = node.item(item).await;
        let sold: i64 = orders
            .iter()
            .filter(|order| &order.item_id == item && order.state() == proto::OrderState::Paid)
            .map(|order| order.units)
            .sum();
        assert_eq!(shown.allocated_units, UNITS);
        assert_eq!(shown.sold_units, sold, "seed {seed}: P1");
        assert_eq!(shown.available_units, UNITS - sold, "seed {seed}: P4");
    }
    node.stop();
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "seed {seed}: {proof}");
    crate::support::assert_read_models_equal_a_rebuild(node.data());
}

async fn all_orders(node: &Node) -> Vec<proto::Order> {
    // The last answers are in the log; a fresh write tells how far the read model has to come.
    let probe = order(
        &node.place(&node.sale(vec![item("probe", &[("x", 1)])]).await.1[0], "p", 1).await.unwrap(),
    );
    let min_position = node.pay(&probe).await.position;
    let mut orders = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = proto::ListOrdersRequest {
            page_size: 7,
            page_token: page_token.clone(),
            min_position,
            ..Default::default()
        };
        let page = node.reports().list_orders(request).await.unwrap().into_inner();
        orders.extend(page.orders.into_iter().filter_map(|record| record.order));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            orders.retain(|order| order.order_id != probe.order_id);
            return orders;
        }
    }
}
