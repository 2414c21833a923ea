//! What the protocol says of content, versions, compression and deadlines.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use prost::Message as _;
use serde_json::{Value, json};

use super::{PLACE_ORDER, Shop, failure, order, said};
use crate::support::place;

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_is_taken_as_it_is() {
    let shop = Shop::open().await;
    let wanted = place(&shop.item().await, "ming", 1);
    let answer = shop.send(PLACE_ORDER, "application/proto", wanted.encode_to_vec()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/proto");
    let bytes = answer.bytes().await.unwrap();
    let answer = doorbuster::grpc::proto::PlaceOrderResponse::decode(bytes).unwrap();
    assert!(answer.outcome.is_some() && answer.position > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compressed_is_read_and_a_large_answer_is_compressed_when_that_is_taken() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(order(&item, json!(1)).to_string().as_bytes()).unwrap();
    let url = shop.url("doorbuster.v1.PurchaseService/PlaceOrder");
    let call = shop.client.post(url).header("content-type", "application/json");
    let call = call.header("content-encoding", "gzip").body(packed.finish().unwrap());
    let (status, answer) = said(call.send().await.unwrap()).await;
    assert_eq!(status, 200, "{answer}");

    let url = shop.url("doorbuster.v1.AlertService/ListAlertRules");
    let call = shop.client.post(url).header("content-type", "application/json").body("{}");
    let answer = call.header("accept-encoding", "br, gzip").send().await.unwrap();
    let plain = shop.call("AlertService/ListAlertRules", &json!({})).await.1;
    if plain.to_string().len() > 1_024 {
        assert_eq!(answer.headers()["content-encoding"], "gzip");
        let (packed, mut text) = (answer.bytes().await.unwrap(), String::new());
        GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), plain);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_call_and_a_wrong_one_is_named() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    for (timeout, code, field) in [
        ("0", "deadline_exceeded", ""),
        ("soon", "invalid_argument", "Connect-Timeout-Ms"),
        ("12345678901", "invalid_argument", "Connect-Timeout-Ms"),
        ("9999999999", "", ""),
    ] {
        let url = shop.url("doorbuster.v1.PurchaseService/PlaceOrder");
        let call = shop.client.post(url).header("content-type", "application/json");
        let call = call.header("connect-timeout-ms", timeout);
        let call = call.body(order(&item, json!(1)).to_string());
        let (_status, answer) = said(call.send().await.unwrap()).await;
        let (given, _reason, named) = failure(&answer);
        assert_eq!((given.as_str(), named.as_str()), (code, field), "{timeout}: {answer}");
    }
    assert_eq!(shop.node.item(&item).await.held_units, 1, "only the last one placed an order");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_the_protocol_may_be_named_and_must_be_1() {
    let shop = Shop::open().await;
    for (version, wanted) in [("1", 200), ("2", 400)] {
        let url = shop.url("doorbuster.v1.SaleService/ListSales");
        let call = shop.client.post(url).header("content-type", "application/json; charset=utf-8");
        let call = call.header("connect-protocol-version", version).body("{}");
        let (status, answer) = said(call.send().await.unwrap()).await;
        assert_eq!(status, wanted, "{answer}");
    }
}
