//! The description of the port.

use std::collections::BTreeSet;

use doorbuster::grpc::rpcs::{ALL, Role};
use serde_json::{Value, json};

use super::{Shop, failure, said};

async fn document(shop: &Shop) -> Value {
    let answer = shop.client.get(shop.url("openapi.json")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    said(answer).await.1
}

/// Every schema that something refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value.as_str() {
            Some(text) if name == "$ref" => {
                found.insert(text.to_owned());
            }
            _ => references(value, found),
        }),
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lists_every_rpc_and_every_schema_that_it_names() {
    let shop = Shop::open().await;
    let document = document(&shop).await;
    assert_eq!(document["openapi"], "3.1.0");
    for rpc in ALL {
        let post = &document["paths"][format!("/{}", rpc.name())]["post"];
        assert!(post["requestBody"].is_object(), "{}", rpc.name());
        assert_eq!(post["security"].is_array(), rpc.role == Role::Operator, "{}", rpc.name());
    }
    assert_eq!(document["paths"].as_object().unwrap().len(), ALL.len());
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in found {
        let path = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(path).is_some(), "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_say_what_the_proto_files_say() {
    let shop = Shop::open().await;
    let document = document(&shop).await;
    let schemas = &document["components"]["schemas"];
    let order = &schemas["doorbuster.v1.PlaceOrderRequest"];
    assert_eq!(order["properties"]["units"]["type"], "string");
    assert_eq!(order["properties"]["units"]["description"], "1 to 1,000,000.");
    assert_eq!(order["additionalProperties"], false);
    let required = order["required"].as_array().unwrap();
    assert!(required.contains(&json!("requestId")) && !required.contains(&json!("channel")));
    let answer = &schemas["doorbuster.v1.PlaceOrderResponse"];
    assert_eq!(answer["not"]["anyOf"][0]["required"], json!(["order", "refusal"]));
    assert!(answer["required"].is_null(), "what has its default value is not written");
    let states = schemas["doorbuster.v1.OrderState"]["enum"].as_array().unwrap();
    assert!(states.contains(&json!("ORDER_STATE_HELD")));
    assert_eq!(schemas["google.protobuf.Timestamp"]["format"], "date-time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_required_field_is_refused() {
    let shop = Shop::open().await;
    let document = document(&shop).await;
    for rpc in ALL {
        let post = &document["paths"][format!("/{}", rpc.name())]["post"];
        let content = &post["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(reference) = content.as_str() else { continue };
        let schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        if schema["required"].is_array() {
            let path = format!("{}/{}", rpc.service, rpc.method);
            let (status, answer) = shop.call(&path, &json!({})).await;
            assert_eq!((status, failure(&answer).0.as_str()), (400, "invalid_argument"), "{path}");
        }
    }
}
