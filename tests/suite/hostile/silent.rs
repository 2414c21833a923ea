//! Connections without a preface, without a call, and more of them than there are places.

use doorbuster::connections::Descriptors;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{PLACE_ORDER, Raw, body_of, framed};
use crate::support::{Node, PATIENCE, item, place};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Reads until the server closes the connection.
async fn closed(mut stream: TcpStream) {
    let mut sink = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut sink));
    // A reset closes it, too.
    let _ = read.await.expect("it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_whole_preface_is_closed() {
    let node = Node::start_with(|config| config.connection_start_ms = 100).await;
    for begun in [0, 1, 15, 24, 30] {
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        stream.write_all(&PREFACE[..begun]).await.unwrap();
        closed(stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_call_is_closed_and_one_with_a_call_is_not() {
    let node = Node::start_with(|config| config.connection_idle_seconds = 1).await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 10)])]).await;
    // A stream that nothing is said on for a while.
    let mut calling = Raw::connect(node.address()).await;
    let (orders, to_send) = tokio::sync::mpsc::channel(1);
    let order = doorbuster::grpc::proto::PlaceOrdersRequest {
        tag: 7,
        command: Some(place(&items[0], "patient", 1)),
    };
    let pieces = tokio_stream::wrappers::ReceiverStream::new(to_send);
    let path = "/doorbuster.v1.PurchaseService/PlaceOrders";
    let answer = calling.call(path, &[], body_of(pieces)).await;

    let mut idle = TcpStream::connect(node.address()).await.unwrap();
    idle.write_all(PREFACE).await.unwrap();
    closed(idle).await;
    // The stream was there at least as long without a word.
    orders.send(framed(&order)).await.unwrap();
    drop(orders);
    assert_eq!(super::status_of(answer).await.code(), tonic::Code::Ok);
    assert_eq!(node.item(&items[0]).await.held_units, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_gets_the_place_of_one_that_is_silent_or_idle() {
    let hour = 3_600_000;
    let node = Node::start_with(|config| {
        config.connections_max = 4;
        config.connection_start_ms = hour / 10;
        config.connection_idle_seconds = 3_600;
    })
    .await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 10)])]).await;
    let mut kept = Vec::new();
    for round in 0..12 {
        let mut silent = TcpStream::connect(node.address()).await.unwrap();
        silent.write_all(&PREFACE[..(round % 3) * 16]).await.unwrap();
        kept.push(silent);
    }
    let mut honest = Raw::connect(node.address()).await;
    let order = framed(&place(&items[0], "honest", 1));
    let status = honest.status(PLACE_ORDER, &[], order).await;
    assert_eq!(status.code(), tonic::Code::Ok);
    closed(kept.remove(0)).await;
}

#[test]
fn a_low_limit_of_open_files_leaves_every_listener_some() {
    let wanted = Descriptors { grpc: 4_096, http: 4_096, web: 512, board: 2_000, stock: 0 };
    assert_eq!(wanted.within(1 << 20), wanted);
    let left = wanted.within(1_024);
    assert_eq!(left, Descriptors { grpc: 416, http: 104, web: 104, board: 208, stock: 0 });
    let wanted = Descriptors { stock: 2_000, ..wanted };
    let left = wanted.within(1_024);
    assert_eq!((left.board, left.stock), (104, 104));
    let tiny = wanted.within(0);
    assert!(tiny.grpc > 0 && tiny.http > 0 && tiny.web > 0 && tiny.board > 0, "{tiny:?}");
}
