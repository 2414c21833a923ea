//! `POST /traffic`: what a page sends is taken like what comes over gRPC, and the listener's limits
//! hold.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{beacons_of, traffic_of};
use crate::support::{Node, OPENS_AT, item, request_id};

async fn shop() -> (Node, String) {
    let node = Node::start_with(|config| config.web = Some(([127, 0, 0, 1], 0).into())).await;
    let (_, items) = node.sale(vec![item("phone", &[("east", 1_000)])]).await;
    (node, items[0].clone())
}

/// Status, headers in small letters, body.
async fn post(web: SocketAddr, kind: &str, body: &str) -> (u16, String, Value) {
    let length = body.len();
    let head = format!(
        "POST /traffic HTTP/1.1\r\nhost: node\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(web).await.unwrap();
    // A body that is refused may not be read to its end.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap())
}

fn beacon(item_id: &str) -> Value {
    json!({"beacon_id": request_id(), "item_id": item_id, "action": "cart", "visitor": "ann"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sends_beacons_as_text_and_hears_what_became_of_them() {
    let (node, item_id) = shop().await;
    let mut timed = beacon(&item_id);
    timed["time"] = json!(OPENS_AT.0 - 1_000);
    timed["age_band"] = json!("18-24");
    let bad =
        json!({"beacon_id": request_id(), "item_id": item_id, "action": "buy", "visitor": "x"});
    let unknown = json!({"beacon_id": request_id(), "item_id": request_id(), "action": "view", "visitor": "x"});
    let odd = json!({"beacon_id": request_id(), "item_id": item_id, "action": "view", "visitor": "x", "price": 1});
    let first = beacon(&item_id);
    let body = json!({"beacons": [first, timed, bad, unknown, odd, 7, {"visitor": 7}]}).to_string();
    let (status, head, said) = post(node.web(), "text/plain;charset=UTF-8", &body).await;
    assert_eq!(status, 200);
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    assert_eq!(
        (&said["accepted"], &said["duplicates"], &said["shed"]),
        (&json!(2), &json!(0), &json!(0))
    );
    let refused = said["refused"].as_array().unwrap();
    assert_eq!(refused[0]["reason"], "INVALID");
    assert_eq!(refused[0]["beacons"], 4);
    assert_eq!(refused[0]["field"], "beacons[2].action");
    assert_eq!(refused[1]["reason"], "UNKNOWN_ITEM");
    assert_eq!(refused[1]["field"], "beacons[3].item_id");

    let again = json!({"beacons": [first]}).to_string();
    let (status, _, said) = post(node.web(), "application/json", &again).await;
    assert_eq!((status, &said["duplicates"]), (200, &json!(1)));
    assert_eq!(beacons_of(&traffic_of(node.data())).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_wrong_is_refused_by_its_field() {
    let (node, item_id) = shop().await;
    let many: Vec<Value> = (0..1_001).map(|_| json!(1)).collect();
    let many = json!({ "beacons": many }).to_string();
    let deep = "[".repeat(10_000);
    let cases = [
        ("", "body"),
        ("{", "body"),
        (deep.as_str(), "body"),
        ("[]", "body"),
        ("\u{0}\u{1}", "body"),
        ("{}", "beacons"),
        (r#"{"beacons": {}}"#, "beacons"),
        (r#"{"beacons": [], "sale": 1}"#, "sale"),
        (many.as_str(), "beacons"),
    ];
    for (body, field) in cases {
        let (status, _, said) = post(node.web(), "text/plain", body).await;
        assert_eq!((status, &said["field"]), (400, &json!(field)), "{said}");
    }
    let form = json!({"beacons": [beacon(&item_id)]}).to_string();
    assert_eq!(post(node.web(), "application/x-www-form-urlencoded", &form).await.0, 415);
    let (status, _, said) = post(node.web(), "text/plain", r#"{"beacons": []}"#).await;
    assert_eq!((status, &said["accepted"]), (200, &json!(0)));
    assert!(traffic_of(node.data()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_as_long_as_browsers_send_and_no_longer() {
    let (node, item_id) = shop().await;
    let beacons: Vec<Value> = (0..300).map(|_| beacon(&item_id)).collect();
    let body = json!({ "beacons": beacons }).to_string();
    assert!((40_000..65_536).contains(&body.len()), "{}", body.len());
    let (status, _, said) = post(node.web(), "text/plain", &body).await;
    assert_eq!((status, &said["accepted"]), (200, &json!(300)));
    let padded = format!("{body}{}", " ".repeat(65_537 - body.len()));
    let (status, _, said) = post(node.web(), "text/plain", &padded).await;
    assert_eq!(status, 413, "{said}");
    // Other questions have no body, and no room for one.
    let long = "x".repeat(17 * 1024);
    let request = format!("GET /healthz HTTP/1.1\r\nhost: node\r\nx-padding: {long}\r\n\r\n");
    let mut stream = TcpStream::connect(node.web()).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}
