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
async fn post(web: SocketAddr, kind: &str, body: impl AsRef<[u8]>) -> (u16, String, Value) {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "POST /traffic HTTP/1.1\r\nhost: node\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(web).await.unwrap();
    // A body that is refused may not be read to its end.
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
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

/// Three beacons, the second of which has this in a field, as it stands in JSON.
fn with_second(item_id: &str, field: &str, text: &str) -> String {
    let mut second = beacon(item_id);
    second[field] = json!("TEXT");
    let all = json!({"beacons": [beacon(item_id), second, beacon(item_id)]}).to_string();
    all.replace("\"TEXT\"", text)
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_character_is_refused_with_its_beacon_and_stops_no_other() {
    let (node, item_id) = shop().await;
    let fields = [
        "beacon_id",
        "sale_id",
        "item_id",
        "action",
        "visitor",
        "channel",
        "page",
        "age_band",
        "gender",
        "region",
        "spending_tier",
        "time",
    ];
    for field in fields {
        for half in [r#""name\ud83d""#, r#""\udd25name""#, r#""\uD83Dx\uDD25""#] {
            let body = with_second(&item_id, field, half);
            let (status, _, said) = post(node.web(), "text/plain", &body).await;
            assert_eq!((status, &said["accepted"]), (200, &json!(2)), "{body}: {said}");
            let refused = &said["refused"][0];
            assert_eq!(refused["field"], format!("beacons[1].{field}"), "{said}");
            let message = refused["message"].as_str().unwrap();
            assert!(message.contains("a character in it was cut"), "{message}");
        }
    }
    // A whole one is text, however it is spelled.
    let body = with_second(&item_id, "page", r#""/\ud83d\udd25""#);
    let (status, _, said) = post(node.web(), "text/plain", &body).await;
    assert_eq!((status, &said["accepted"]), (200, &json!(3)), "{said}");
    // In the name of a field.
    let body = with_second(&item_id, "page", r#""", "\ud83d": 1"#);
    let (status, _, said) = post(node.web(), "text/plain", &body).await;
    assert_eq!((status, &said["accepted"]), (200, &json!(2)), "{said}");
    assert_eq!(said["refused"][0]["field"], "beacons[1].beacon", "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused_with_their_beacon() {
    let (node, item_id) = shop().await;
    for bad in [b"\xff".as_slice(), b"\xf0\x9f\x94", b"\\\\\xff"] {
        let body = with_second(&item_id, "page", "\"/CUT\"");
        let (before, after) = body.split_once("CUT").unwrap();
        let body = [before.as_bytes(), bad, after.as_bytes()].concat();
        let (status, _, said) = post(node.web(), "text/plain", &body).await;
        assert_eq!((status, &said["accepted"]), (200, &json!(2)), "{said}");
        assert_eq!(said["refused"][0]["field"], "beacons[1].page", "{said}");
    }
    // A mark before the document is none of it; another encoding is named.
    let body = json!({"beacons": [beacon(&item_id)]}).to_string();
    let (status, _, said) = post(node.web(), "text/plain", format!("\u{feff}{body}")).await;
    assert_eq!((status, &said["accepted"]), (200, &json!(1)), "{said}");
    let wide: Vec<u8> =
        format!("\u{feff}{body}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (status, _, said) = post(node.web(), "text/plain", &wide).await;
    assert_eq!((status, &said["field"]), (400, &json!("body")), "{said}");
    assert!(said["error"].as_str().unwrap().contains("UTF-16"), "{said}");
    // A field that stands there twice says two things.
    let twice = with_second(&item_id, "page", r#""/a", "page": "/b""#);
    let (status, _, said) = post(node.web(), "text/plain", &twice).await;
    assert_eq!((status, &said["accepted"]), (200, &json!(2)), "{said}");
    assert_eq!(said["refused"][0]["field"], "beacons[1].page", "{said}");
}
