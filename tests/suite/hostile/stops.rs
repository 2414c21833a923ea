//! A server that is told to stop ends, whatever its clients do. The time for it is so long in these
//! tests that a server which had to cut its clients off would not end in time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use doorbuster::{app::App, grpc::proto};
use futures_util::{StreamExt as _, stream};
use tokio::{task::spawn_blocking, time::timeout};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt as _;

use super::{Raw, body_of, framed};
use crate::support::{Node, PATIENCE, item, place};

/// Ten minutes: longer than any wait here.
const NEVER_MS: u64 = 600_000;

async fn stops(app: App) {
    let stopped = spawn_blocking(move || app.stop());
    timeout(PATIENCE, stopped).await.expect("it stops").unwrap().unwrap();
}

fn order(item: &str, tag: u64) -> proto::PlaceOrdersRequest {
    let command = Some(place(item, &format!("buyer-{tag}"), 1));
    proto::PlaceOrdersRequest { tag, command }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_go_on_sending_are_answered_and_then_ended() {
    let mut node = Node::start_with(|config| config.stop_grace_ms = NEVER_MS).await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 1_000_000)])]).await;
    let mut streams = Vec::new();
    let answered = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let (mut client, item) = (node.purchases(), items[0].clone());
        let answered = Arc::clone(&answered);
        streams.push(tokio::spawn(async move {
            // Never ends by itself and never pauses.
            let orders = stream::iter(0..).then(move |tag| {
                let order = order(&item, tag);
                async move {
                    tokio::task::yield_now().await;
                    order
                }
            });
            let mut answers = client.place_orders(orders).await.unwrap().into_inner();
            let mut tags = 0..;
            loop {
                match answers.message().await {
                    Ok(Some(answer)) => {
                        assert_eq!(Some(answer.tag), tags.next(), "no order was left out");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(None) => panic!("the stream ended without a word"),
                    Err(status) => return status,
                }
            }
        }));
    }
    while answered.load(Ordering::Relaxed) < 1_000 {
        tokio::task::yield_now().await;
    }
    stops(node.take_app()).await;
    for stream in streams {
        let status = stream.await.unwrap();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "STOPPING");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_something_is_told_that_it_ends() {
    let mut node = Node::start_with(|config| config.stop_grace_ms = NEVER_MS).await;
    let mut raw = Raw::connect(node.address()).await;
    let path = "/doorbuster.v1.TrafficService/RecordTraffic";
    let open = stream::iter([framed(&proto::RecordTrafficRequest::default())]);
    let open = body_of(open.chain(stream::pending()));
    let recording =
        tokio::spawn(async move { super::status_of(raw.call(path, &[], open).await).await });
    let request = HealthCheckRequest { service: String::new() };
    let mut health = HealthClient::new(node.channel()).watch(request).await.unwrap().into_inner();
    health.message().await.unwrap();
    stops(node.take_app()).await;
    assert_eq!(recording.await.unwrap().code(), Code::Unavailable);
    while let Ok(Some(_)) = health.message().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_reads_nothing_is_cut_when_the_time_is_over() {
    let mut node = Node::start_with(|config| config.stop_grace_ms = 1_000).await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 1_000_000)])]).await;
    let mut raw = Raw::connect(node.address()).await;
    let item = items[0].clone();
    let orders = stream::iter(0..).map(move |tag| framed(&order(&item, tag)));
    let path = "/doorbuster.v1.PurchaseService/PlaceOrders";
    let unread = raw.call(path, &[], body_of(orders)).await;
    // Its window is full, and it goes on sending.
    node.item_until(&items[0], |item| item.held_units > 500).await;
    stops(node.take_app()).await;
    drop(unread);
}
