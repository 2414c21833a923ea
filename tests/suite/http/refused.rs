//! Requests that are wrong are refused by what is wrong with them, and change nothing.

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

use super::{PLACE_ORDER, Shop, failure, order, said};
use crate::support::{PATIENCE, request_id};

/// An order with one field as that text.
fn with(item: &str, field: &str, text: &str) -> String {
    let id = request_id();
    format!(r#"{{"requestId":"{id}","itemId":"{item}","buyer":"ming","{field}":{text}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_message_is_refused_by_its_field_and_changes_nothing() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let before = shop.node.item(&item).await;
    for (body, field) in [
        (String::new(), "message"),
        ("[]".to_owned(), "message"),
        ("{".to_owned(), "message"),
        ("{} {}".to_owned(), "message"),
        ("\u{feff}{}".to_owned(), "message"),
        (with(&item, "unit", "1"), "unit"),
        (with(&item, "units", "1, \"units\": 2"), "units"),
        (with(&item, "units", "1, \"item_id\": \"x\""), "item_id"),
        (with(&item, "units", "1.5"), "units"),
        (with(&item, "units", "\"one\""), "units"),
        (with(&item, "units", "true"), "units"),
        (with(&item, "units", "{}"), "units"),
        (with(&item, "units", "9223372036854775808"), "units"),
        (with(&item, "units", "9223372036854775808.0"), "units"),
        (with(&item, "units", "\"9223372036854775808\""), "units"),
        (with(&item, "units", "18446744073709551616"), "units"),
        (with(&item, "units", "-9223372036854775809"), "units"),
        (with(&item, "units", "1e400"), "units"),
        (with(&item, "channel", "7"), "channel"),
    ] {
        let answer = shop.send(PLACE_ORDER, "application/json", body.clone()).await;
        let (status, answer) = said(answer).await;
        let (code, reason, named) = failure(&answer);
        assert_eq!((status, code.as_str()), (400, "invalid_argument"), "{body}: {answer}");
        assert_eq!(
            (reason.as_str(), named.as_str()),
            ("INVALID_ARGUMENT", field),
            "{body}: {answer}"
        );
    }
    assert_eq!(shop.node.item(&item).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_inside_a_list_is_named_with_its_place() {
    let shop = Shop::open().await;
    let plan = json!({ "sale": { "items": [{ "sku": "a" }, { "unitPriceMinor": "x" }] } });
    let (_status, answer) = shop.call("SaleService/CreateSale", &plan).await;
    assert_eq!(failure(&answer).2, "sale.items[1].unit_price_minor", "{answer}");
    let plan = json!({ "sale": { "items": [{ "price": 1 }] } });
    let (_status, answer) = shop.call("SaleService/CreateSale", &plan).await;
    assert_eq!(failure(&answer).2, "sale.items[0].price", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_beyond_64_bits_without_a_sign_is_refused() {
    let shop = Shop::open().await;
    for number in ["18446744073709551616", "1e30", "\"18446744073709551616\"", "-1"] {
        let body = format!(r#"{{"minPosition":{number}}}"#);
        let answer = shop.send("ReportService/ListOrders", "application/json", body).await;
        let (status, answer) = said(answer).await;
        assert_eq!((status, failure(&answer).2.as_str()), (400, "min_position"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_would_be_read_as_another_one_is_refused() {
    let shop = Shop::open().await;
    let list = async |number: &str, buyer: &str| {
        let body = format!(r#"{{"buyer":"{buyer}","minPosition":{number}}}"#);
        said(shop.send("ReportService/ListOrders", "application/json", body).await).await
    };
    // The number that it would be cut to stands elsewhere in the message.
    for number in ["18446744073709551616", "18446744073709551617", "1.8446744073709551616e19"] {
        let (status, answer) = list(number, "18446744073709551615").await;
        assert_eq!((status, failure(&answer).2.as_str()), (400, "min_position"), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("within 64 bits"), "{answer}");
    }
    // Floating-point holds neither.
    for number in ["9007199254740993.0", "1.00000000000000000001"] {
        let (status, answer) = list(number, "ming").await;
        assert_eq!((status, failure(&answer).2.as_str()), (400, "min_position"), "{answer}");
    }
    for number in ["0", "-0", "0.0", "1.0", "1e0", "10e-1", "0e99", "18446744073709551615"] {
        let (status, answer) = list(number, "ming").await;
        assert!(status == 200 || failure(&answer).1 != "INVALID_ARGUMENT", "{number}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_content_is_refused_with_what_is_taken() {
    let shop = Shop::open().await;
    let (unary, stream) = (PLACE_ORDER, "AlertService/FollowAlerts");
    for (method, kind, accepted) in [
        (unary, "text/plain", "application/json, application/proto"),
        (unary, "application/x-www-form-urlencoded", "application/json, application/proto"),
        (unary, "application/json; charset=latin1", "application/json, application/proto"),
        (unary, "application/connect+json", "application/json, application/proto"),
        (unary, "application/grpc", "application/json, application/proto"),
        (stream, "application/json", "application/connect+json, application/connect+proto"),
    ] {
        let answer = shop.send(method, kind, "{}").await;
        assert_eq!(answer.status(), 415, "{kind}");
        assert_eq!(answer.headers()["accept-post"], accepted);
        assert!(!answer.headers().contains_key("connection"), "{kind}");
        assert_eq!(failure(&said(answer).await.1).1, "CONTENT_TYPE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let shop = Shop::open().await;
    let large = with("x", "channel", &format!("\"{}\"", "x".repeat(70_000)));
    let refused = |answer: Value| {
        let (code, reason, _field) = failure(&answer);
        assert_eq!(
            (code.as_str(), reason.as_str()),
            ("resource_exhausted", "TOO_LARGE"),
            "{answer}"
        );
    };
    let answer = shop.send(PLACE_ORDER, "application/json", large.clone()).await;
    assert_eq!(answer.status(), 429);
    // The server closes behind a body that it does not read: a client must not go on there.
    assert_eq!(answer.headers()["connection"], "close");
    refused(said(answer).await.1);

    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(large.as_bytes()).unwrap();
    let url = shop.url("doorbuster.v1.PurchaseService/PlaceOrder");
    let call = shop.client.post(url).header("content-type", "application/json");
    let call = call.header("content-encoding", "gzip").body(packed.finish().unwrap());
    refused(said(call.send().await.unwrap()).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_and_other_http_methods_are_told_so() {
    let shop = Shop::open().await;
    for path in
        ["doorbuster.v1.PurchaseService/Steal", "doorbuster.v1.Nothing/PlaceOrder", "", "healthz"]
    {
        let answer = shop.client.post(shop.url(path)).body("{}").send().await.unwrap();
        let (status, answer) = said(answer).await;
        let (code, reason, _field) = failure(&answer);
        assert_eq!((status, code.as_str()), (404, "unimplemented"), "{path}");
        assert_eq!(reason, "METHOD_UNKNOWN");
    }
    let url = shop.url("doorbuster.v1.PurchaseService/PlaceOrder");
    for method in ["GET", "PUT", "OPTIONS", "DELETE"] {
        let call = shop.client.request(method.parse().unwrap(), &url);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["allow"], "POST");
        assert!(answer.headers().get("access-control-allow-origin").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_compression_is_refused_with_what_is_supported() {
    let shop = Shop::open().await;
    for (encoding, body, code) in
        [("br", "{}", "unimplemented"), ("gzip", "{}", "invalid_argument")]
    {
        let url = shop.url("doorbuster.v1.SaleService/ListSales");
        let call = shop.client.post(url).header("content-type", "application/json");
        let call = call.header("content-encoding", encoding).body(body);
        let (_status, answer) = said(call.send().await.unwrap()).await;
        assert_eq!(failure(&answer).0, code, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_can_neither_order_nor_read_what_is_served() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let before = shop.node.item(&item).await;
    let own = format!("http://{}", shop.node.http());
    let port = shop.node.http().port();
    let rebound = format!("evil.example:{port}");
    for (header, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost:1", 403),
        ("host", rebound.as_str(), 421),
        ("host", "", 421),
    ] {
        let url = shop.url("doorbuster.v1.PurchaseService/PlaceOrder");
        let call = shop.client.post(url).header("content-type", "application/json");
        let call = call.header(header, value).body(order(&item, json!(1)).to_string());
        let (given, answer) = said(call.send().await.unwrap()).await;
        assert_eq!((given, failure(&answer).0.as_str()), (status, "permission_denied"), "{value}");
        let call = shop.client.get(shop.url("openapi.json")).header(header, value);
        assert_eq!(call.send().await.unwrap().status(), status, "{value}");
    }
    assert_eq!(shop.node.item(&item).await, before);
    let call = shop.client.get(shop.url("openapi.json")).header("origin", own);
    assert_eq!(call.send().await.unwrap().status(), 200, "the port itself is no other place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_begin_and_a_body_that_does_not_come_are_ended() {
    let shop = Shop::open_with(|config| config.connection_start_ms = 50).await;
    let mut silent = TcpStream::connect(shop.node.http()).await.unwrap();
    let mut sink = Vec::new();
    let ended = timeout(PATIENCE, silent.read_to_end(&mut sink)).await.expect("it is closed");
    assert!(ended.is_err() || sink.is_empty(), "{sink:?}");

    let mut slow = TcpStream::connect(shop.node.http()).await.unwrap();
    let head = format!(
        "POST /doorbuster.v1.{PLACE_ORDER} HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/json\r\ncontent-length: 10\r\n\r\n{{"
    );
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes()).await.unwrap();
    let read = timeout(PATIENCE, slow.read_to_end(&mut sink)).await.expect("it is closed");
    read.unwrap();
    let answer = String::from_utf8(sink).unwrap();
    assert!(answer.starts_with("HTTP/1.1 504 ") && answer.contains("BODY_LATE"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_fail_before_their_service_are_counted_like_others() {
    let shop = Shop::open_with(|config| config.web = Some(([127, 0, 0, 1], 0).into())).await;
    shop.send(PLACE_ORDER, "application/json", "{").await;
    let url = format!("http://{}/metrics", shop.node.web());
    let text = shop.client.get(url).send().await.unwrap().text().await.unwrap();
    let counted = "doorbuster_grpc_calls_total{method=\"doorbuster.v1.PurchaseService/PlaceOrder\",\
                   code=\"INVALID_ARGUMENT\"} 1";
    assert!(text.contains(counted), "{text}");
}
