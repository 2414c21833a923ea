//! Streams: messages with five bytes in front, and one more that says how it ended.

use serde_json::{Value, json};

use super::{PLACE_ORDER, Shop, failure, order, said};

const JSON: &str = "application/connect+json";

fn enveloped(message: &Value) -> Vec<u8> {
    let text = message.to_string();
    let mut body = vec![0];
    body.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    body.extend(text.as_bytes());
    body
}

/// The messages of an answer, each with its flags.
fn messages(mut body: &[u8]) -> Vec<(u8, Value)> {
    let mut read = Vec::new();
    while let [flags, a, b, c, d, rest @ ..] = body {
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap();
        read.push((*flags, serde_json::from_slice(&rest[..length]).unwrap()));
        body = &rest[length..];
    }
    assert!(body.is_empty());
    read
}

async fn streamed(shop: &Shop, method: &str, body: Vec<u8>) -> Vec<(u8, Value)> {
    let answer = shop.send(method, JSON, body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], JSON);
    messages(&answer.bytes().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_comes_message_by_message_and_ends_well() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    shop.call(PLACE_ORDER, &order(&item, json!(1))).await;
    let asked = enveloped(&json!({ "itemId": item, "unpaced": true }));
    let came = streamed(&shop, "ReplayService/ReplayItem", asked).await;
    let kinds: Vec<_> = came.iter().filter_map(|(_, event)| event["kind"].as_str()).collect();
    assert!(kinds.contains(&"OrderPlaced"), "{came:?}");
    assert_eq!(came.last().unwrap(), &(2, json!({})));
    assert!(came[..came.len() - 1].iter().all(|(flags, _)| *flags == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_says_so_in_its_last_message() {
    let shop = Shop::open().await;
    let unknown = enveloped(&json!({ "itemId": "garbage", "unpaced": true }));
    for (body, field) in [
        (unknown, "item_id"),
        (enveloped(&json!({ "item": "x" })), "item"),
        (Vec::new(), "message"),
        (vec![0, 0, 0, 0, 9, b'{', b'}'], "message"),
        (vec![1, 0, 0, 0, 2, b'{', b'}'], "message"),
        (vec![2, 0, 0, 0, 2, b'{', b'}'], "message"),
    ] {
        let came = streamed(&shop, "ReplayService/ReplayItem", body).await;
        let [(2, end)] = came.as_slice() else { panic!("{came:?}") };
        let (code, _reason, named) = failure(&end["error"]);
        assert_eq!((code.as_str(), named.as_str()), ("invalid_argument", field), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_requests_are_not_served() {
    let shop = Shop::open().await;
    for method in ["PurchaseService/PlaceOrders", "TrafficService/RecordTraffic"] {
        let came = streamed(&shop, method, enveloped(&json!({}))).await;
        let (code, reason, _field) = failure(&came[0].1["error"]);
        assert_eq!((code.as_str(), reason.as_str()), ("unimplemented", "STREAM_UNSUPPORTED"));
        let (status, answer) = said(shop.send(method, "application/json", "{}").await).await;
        assert_eq!((status, failure(&answer).0.as_str()), (501, "unimplemented"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_streams_and_says_why() {
    let mut shop = Shop::open().await;
    let item = shop.item().await;
    shop.node.advance(3_000);
    shop.call(PLACE_ORDER, &order(&item, json!(1))).await;
    // As fast as it happened: most of an hour lies between two events.
    let body = enveloped(&json!({ "itemId": item, "speed": 1 }));
    let answer = shop.send("ReplayService/ReplayItem", JSON, body).await;
    assert_eq!(answer.status(), 200);
    let app = shop.node.take_app();
    let stopped = tokio::task::spawn_blocking(move || app.stop());
    let came = messages(&answer.bytes().await.unwrap());
    let (code, reason, _field) = failure(&came.last().unwrap().1["error"]);
    assert_eq!((code.as_str(), reason.as_str()), ("unavailable", "STOPPING"), "{came:?}");
    stopped.await.unwrap().unwrap();
}
