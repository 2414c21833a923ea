//! The contract over plain HTTP.
//!
//! Goal: a client with nothing but HTTP and JSON gets the answers and the failures that a client of
//! gRPC gets, and a body that is wrong changes nothing. Method: real servers on loopback, called over
//! real sockets; what both encodings answer is compared for every RPC of the table.

pub mod alike;
mod document;
mod protocol;
mod refused;
mod streams;

use doorbuster::config::Config;
use reqwest::{Client, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{Node, item, request_id};

pub const PLACE_ORDER: &str = "PurchaseService/PlaceOrder";

/// A node that serves HTTP/JSON, and a client of it.
pub struct Shop {
    pub node: Node,
    pub client: Client,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let node = Node::start_with(|config| {
            config.http = Some(([127, 0, 0, 1], 0).into());
            change(config);
        });
        Self { node: node.await, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.node.http())
    }

    /// Posts a body to a method, given as `PurchaseService/PlaceOrder`.
    pub async fn send(&self, method: &str, kind: &str, body: impl Into<Vec<u8>>) -> Response {
        let url = self.url(&format!("doorbuster.v1.{method}"));
        let request = self.client.post(url).header(CONTENT_TYPE, kind);
        request.body(body.into()).send().await.unwrap()
    }

    /// Calls a method with JSON.
    pub async fn call(&self, method: &str, message: &Value) -> (u16, Value) {
        said(self.send(method, "application/json", message.to_string()).await).await
    }

    /// An item of a sale of its own.
    pub async fn item(&self) -> String {
        let (_sale, items) = self.node.sale(vec![item("phone", &[("north", 3)])]).await;
        items.into_iter().next().unwrap()
    }
}

/// Status and JSON of an answer.
pub async fn said(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}")))
}

pub fn order(item: &str, units: Value) -> Value {
    json!({ "requestId": request_id(), "itemId": item, "buyer": "ming", "units": units })
}

/// Code, reason and field of a failure.
pub fn failure(said: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut reason, mut field) = (String::new(), String::new());
    for detail in said["details"].as_array().into_iter().flatten() {
        let debug = &detail["debug"];
        if detail["type"] == "google.rpc.ErrorInfo" {
            reason = text(&debug["reason"]);
            field = text(&debug["metadata"]["field"]);
        }
    }
    (text(&said["code"]), reason, field)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_and_the_same_request_gets_the_same_answer() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let wanted = order(&item, json!("2"));
    let (status, first) = shop.call(PLACE_ORDER, &wanted).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["order"]["units"], "2", "64-bit numbers are text");
    assert_eq!(first["order"]["state"], "ORDER_STATE_HELD");
    assert_eq!(first["order"]["itemId"], item);
    let (status, again) = shop.call(PLACE_ORDER, &wanted).await;
    assert_eq!((status, &again), (200, &first));
    assert_eq!(shop.node.item(&item).await.held_units, 2, "it is the order that gRPC shows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_no_is_an_answer() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let (status, said) = shop.call(PLACE_ORDER, &order(&item, json!(4))).await;
    assert_eq!(status, 200);
    assert_eq!(said["refusal"]["reason"], "REFUSAL_REASON_NOT_ENOUGH_UNITS", "{said}");
    assert_eq!(said["refusal"]["availableUnits"], "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_spellings_and_both_forms_of_a_number_are_read() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let spelled = json!({ "request_id": request_id(), "item_id": item, "buyer": "li", "units": 1 });
    let (status, said) = shop.call(PLACE_ORDER, &spelled).await;
    assert_eq!((status, &said["order"]["units"]), (200, &json!("1")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_number_of_units_names_its_field() {
    let shop = Shop::open().await;
    let item = shop.item().await;
    let (status, said) = shop.call(PLACE_ORDER, &order(&item, json!("0"))).await;
    assert_eq!(status, 400);
    let (code, reason, field) = failure(&said);
    assert_eq!(
        (code.as_str(), reason.as_str(), field.as_str()),
        ("invalid_argument", "INVALID_ARGUMENT", "units")
    );
    let violations = &said["details"].as_array().unwrap().iter().find_map(|detail| {
        (detail["type"] == "google.rpc.BadRequest")
            .then(|| detail["debug"]["fieldViolations"].clone())
    });
    assert_eq!(violations.as_ref().unwrap()[0]["field"], "units", "{said}");
}
