//! A caller that does not read its answers is not read either.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use doorbuster::grpc::proto;
use futures_util::{StreamExt as _, stream};
use tokio::time::{sleep, timeout};

use super::{Raw, body_of, framed, status_of};
use crate::support::{Node, PATIENCE, item, place, request_id};

const PLACE_ORDERS: &str = "/doorbuster.v1.PurchaseService/PlaceOrders";

/// Orders of a connection, in these tests.
const WINDOW: usize = 2_000;

/// More than the window, what HTTP/2 holds between both ends, and a chunk or two: a message has
/// some 130 bytes, so 5 MiB are 40,000 of them.
const SENT_MAX: u64 = 60_000;

/// Waits until a count rests for a second.
async fn rests(count: &AtomicU64) -> u64 {
    let resting = async {
        loop {
            let before = count.load(Ordering::Relaxed);
            sleep(Duration::from_secs(1)).await;
            if count.load(Ordering::Relaxed) == before && before > 0 {
                return before;
            }
            assert!(before <= SENT_MAX * 4, "{before} orders were read");
        }
    };
    timeout(PATIENCE, resting).await.expect("it is not read any more")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_answers_are_not_read_is_not_read() {
    let node = Node::start_with(|config| config.connection_orders_max = WINDOW).await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 10)])]).await;
    let mut raw = Raw::connect(node.address()).await;
    let sent = Arc::new(AtomicU64::new(0));
    let (counted, known) = (Arc::clone(&sent), items[0].clone());
    let orders = stream::iter(0_u64..).map(move |tag| {
        counted.store(tag + 1, Ordering::Relaxed);
        // Items that do not exist, one that does, and orders that are wrong: all are answered.
        let item = match tag % 3 {
            0 => known.clone(),
            1 => request_id(),
            _ => "no id".to_owned(),
        };
        framed(&proto::PlaceOrdersRequest { tag, command: Some(place(&item, "greedy", 1)) })
    });
    let unread = raw.call(PLACE_ORDERS, &[], body_of(orders)).await;
    let before = rests(&sent).await;
    assert!(before <= SENT_MAX, "{before} orders were read and none of their answers");
    // Another client is served meanwhile.
    node.place(&items[0], "honest", 1).await.unwrap();
    // Once it reads, it is read again.
    let mut body = axum::body::Body::new(unread.into_body());
    let goes_on = async {
        while sent.load(Ordering::Relaxed) < before + SENT_MAX {
            super::next_frame(&mut body).await.unwrap();
        }
    };
    timeout(PATIENCE, goes_on).await.expect("it is read again");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_one_item_keep_their_order_and_every_item_is_answered() {
    let node = Node::start().await;
    let drafts: Vec<_> = (0..5).map(|n| item(&format!("sku-{n}"), &[("main", 10)])).collect();
    let (_, items) = node.sale(drafts).await;
    let orders: Vec<_> = (0..3_000_usize)
        .map(|tag| {
            let item = if tag % 7 == 6 { request_id() } else { items[tag % 5].clone() };
            let command = Some(place(&item, &format!("buyer-{tag}"), 1));
            proto::PlaceOrdersRequest { tag: tag as u64, command }
        })
        .collect();
    let of: Vec<_> = orders.iter().map(|o| o.command.clone().unwrap().item_id).collect();
    let answers = node.purchases().place_orders(stream::iter(orders)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(|answer| answer.unwrap().tag).collect().await;
    assert_eq!(answers.len(), 3_000);
    for item in &items {
        let tags: Vec<_> = answers.iter().filter(|tag| of[**tag as usize] == *item).collect();
        assert!(tags.is_sorted(), "{item}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_whose_answers_are_not_read_hold_the_places_of_their_connection_only() {
    let node = Node::start_with(|config| config.connection_reports_max = 2).await;
    let drafts: Vec<_> = (0..50).map(|n| item(&format!("sku-{n:02}"), &[("main", 10)])).collect();
    let (sale, _) = node.sale(drafts).await;
    let mut raw = Raw::connect(node.address()).await;
    let path = "/doorbuster.v1.SaleService/GetSale";
    let ask = framed(&proto::GetSaleRequest { sale_id: sale.clone() });
    let first = raw.call(path, &[], ask.clone().into()).await;
    let second = raw.call(path, &[], ask.clone().into()).await;
    // The third waits for a permit, which unread answers hold.
    let mut honest = node.sales();
    let mut third = Box::pin(raw.call(path, &[], ask.clone().into()));
    tokio::select! {
        _ = &mut third => panic!("three of two places"),
        answer = honest.get_sale(proto::GetSaleRequest { sale_id: sale }) => {
            answer.unwrap();
        }
    }
    assert_eq!(status_of(first).await.code(), tonic::Code::Ok);
    let third = timeout(PATIENCE, third).await.expect("it has the place now");
    for answer in [second, third] {
        assert_eq!(status_of(answer).await.code(), tonic::Code::Ok);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_that_are_not_completed_hold_up_those_of_their_connection_only() {
    let node = Node::start().await;
    let mut raw = Raw::connect(node.address()).await;
    let path = "/doorbuster.v1.SaleService/CreateSale";
    let mut calls = Vec::new();
    // Sixty messages of 4 MiB, each begun with 20 KiB: 16 MiB may be reserved.
    for _ in 0..60 {
        let mut begun = vec![0];
        begun.extend((4_u32 << 20).to_be_bytes());
        begun.resize(20 << 10, 0);
        let body = body_of(stream::iter([begun]).chain(stream::pending()));
        let mut sender = raw.send.clone();
        let request = hyper::Request::post(format!("http://node{path}"))
            .header("content-type", "application/grpc")
            .body(body)
            .unwrap();
        calls.push(tokio::spawn(async move { drop(sender.send_request(request).await) }));
    }
    let order = framed(&place(&request_id(), "honest", 1));
    let status = raw.status(super::PLACE_ORDER, &[], order).await;
    assert_eq!(status.code(), tonic::Code::NotFound, "small ones are answered: {status:?}");
    node.sale(vec![item("phone", &[("main", 10)])]).await;
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_not_completed_hold_up_no_other_of_their_connection() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 10)])]).await;
    let mut raw = Raw::connect(node.address()).await;
    let mut calls = Vec::new();
    for _ in 0..60 {
        let begun = framed(&place(&items[0], "slow", 1))[..20].to_vec();
        let body = body_of(stream::iter([begun]).chain(stream::pending()));
        let mut sender = raw.send.clone();
        let request = hyper::Request::post(format!("http://node{}", super::PLACE_ORDER))
            .header("content-type", "application/grpc")
            .body(body)
            .unwrap();
        calls.push(tokio::spawn(async move { drop(sender.send_request(request).await) }));
    }
    for buyer in ["ann", "bob"] {
        let order = framed(&place(&items[0], buyer, 1));
        let status = raw.status(super::PLACE_ORDER, &[], order).await;
        assert_eq!(status.code(), tonic::Code::Ok, "{status:?}");
    }
    assert_eq!(node.item(&items[0]).await.held_units, 2);
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}
