//! Codes that clients and proxies retry or not by. Every failure has one `ErrorInfo`.

use std::io::Write as _;

use doorbuster::grpc::proto;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{PLACE_ORDER, Raw, framed, framed_bytes};
use crate::support::{Node, create_sale, item, place};

/// The code, the reason and the field.
fn said(status: &Status) -> (Code, String, Option<String>) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no details: {status:?}"));
    assert_eq!(info.domain, "doorbuster");
    (status.code(), info.reason, info.metadata.get("field").cloned())
}

fn invalid(field: &str) -> (Code, String, Option<String>) {
    (Code::InvalidArgument, "INVALID_ARGUMENT".to_owned(), Some(field.to_owned()))
}

async fn node() -> (Node, Raw, String) {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 10)])]).await;
    let raw = Raw::connect(node.address()).await;
    (node, raw, items[0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf_8_is_an_invalid_argument_that_names_its_field() {
    let (_node, mut raw, item) = node().await;
    let mut message = place(&item, "zz", 1).encode_to_vec();
    let at = message.windows(2).position(|two| two == b"zz").unwrap();
    message[at..at + 2].copy_from_slice(b"\xd5\xc5");
    let status = raw.status(PLACE_ORDER, &[], framed_bytes(0, &message)).await;
    assert_eq!(said(&status), invalid("buyer"), "{}", status.message());
    // In a stream, too, and with the path of the field.
    let mut orders = vec![0x12, u8::try_from(message.len()).unwrap()];
    orders.extend(&message);
    let path = "/doorbuster.v1.PurchaseService/PlaceOrders";
    let status = raw.status(path, &[], framed_bytes(0, &orders)).await;
    assert_eq!(said(&status), invalid("command.buyer"), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_an_invalid_argument() {
    let (_node, mut raw, _) = node().await;
    let none: &[u8] = b"";
    let cut_short: &[u8] = b"\0\0\0\0\x10abc";
    for body in [none, cut_short, b"\0\0\0\0\x03\xff\xff\xff"] {
        let status = raw.status(PLACE_ORDER, &[], body.to_vec()).await;
        assert_eq!(said(&status), invalid("message"), "{body:?}: {}", status.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_message_exhausts_a_resource() {
    let (node, mut raw, item) = node().await;
    let too_large = (Code::ResourceExhausted, "TOO_LARGE".to_owned(), None);
    let order = place(&item, &"x".repeat(100_000), 1);
    let status = raw.status(PLACE_ORDER, &[], framed(&order)).await;
    assert_eq!(said(&status), too_large, "{}", status.message());
    // The same of a message that is small until it is unpacked.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&order.encode_to_vec()).unwrap();
    let packed = framed_bytes(1, &packed.finish().unwrap());
    assert!(packed.len() < 2_000, "{} bytes", packed.len());
    let status = raw.status(PLACE_ORDER, &[("grpc-encoding", "gzip")], packed).await;
    assert_eq!(said(&status), too_large, "{}", status.message());
    // And of a plan, which may be larger than a command, but not endless.
    let mut plan = create_sale(vec![crate::support::item("a", &[("main", 1)])]);
    plan.sale.as_mut().unwrap().name = "x".repeat(5 << 20);
    let path = "/doorbuster.v1.SaleService/CreateSale";
    let status = raw.status(path, &[], framed(&plan)).await;
    assert_eq!(said(&status), too_large, "{}", status.message());
    crate::support::order(&node.place(&item, "honest", 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn gzip_is_taken_and_another_compression_named() {
    let (node, mut raw, item) = node().await;
    let channel = node.channel();
    let client = proto::purchase_service_client::PurchaseServiceClient::new(channel);
    let mut client = client.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let placed = client.place_order(place(&item, "buyer", 1)).await.unwrap().into_inner();
    crate::support::order(&placed);

    let order = framed(&place(&item, "buyer", 1));
    let status = raw.status(PLACE_ORDER, &[("grpc-encoding", "br")], order.clone()).await;
    let unsupported = (Code::Unimplemented, "COMPRESSION_UNSUPPORTED".to_owned(), None);
    assert_eq!(said(&status), unsupported);
    assert!(status.message().contains("`br`"), "{}", status.message());
    let accepted = status.metadata().get("grpc-accept-encoding").unwrap().to_str().unwrap();
    assert!(accepted.contains("gzip"), "{accepted}");
    // The flag of a compressed message without the header: what the protocol asks for is INTERNAL.
    let mut flagged = order;
    flagged[0] = 1;
    let status = raw.status(PLACE_ORDER, &[], flagged).await;
    assert_eq!(said(&status), (Code::Internal, "COMPRESSION_FLAG".to_owned(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_does_not_exist_is_named() {
    let (_node, mut raw, _) = node().await;
    for path in ["/doorbuster.v1.PurchaseService/Nope", "/nope.Nope/Nope"] {
        let status = raw.status(path, &[], framed_bytes(0, b"")).await;
        let unknown = (Code::Unimplemented, "METHOD_UNKNOWN".to_owned(), None);
        assert_eq!(said(&status), unknown, "{path}");
        assert!(status.message().contains(&path[1..]), "{}", status.message());
    }
}
