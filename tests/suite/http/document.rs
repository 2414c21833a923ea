//! The description of the port.

use std::collections::BTreeSet;

use doorbuster::grpc::rpcs::ALL;
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
        let roles: Vec<_> = rpc.roles.iter().map(|role| role.name()).collect();
        assert_eq!(post["x-roles"], json!(roles), "{}", rpc.name());
        assert_eq!(post["security"], json!([{ "token": [] }, {}]));
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

/// Something that a schema allows, for a property of that name.
fn example(document: &Value, schema: &Value, name: &str) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        return example(document, found, name);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values[1].clone();
    }
    let text = |value: &str| Value::from(value);
    match (schema["type"].as_str().unwrap(), schema["format"].as_str(), name) {
        ("object", ..) => {
            let fields = schema["properties"].as_object().unwrap().iter();
            fields.map(|(name, field)| (name.clone(), example(document, field, name))).collect()
        }
        ("array", ..) => json!([example(document, &schema["items"], name)]),
        ("boolean", ..) => json!(true),
        ("integer" | "number", ..) => json!(1),
        (_, Some("int64" | "uint64"), _) => text("1"),
        (_, Some("date-time"), _) => text("2026-11-11T00:00:00Z"),
        (_, _, "currencyCode") => text("CNY"),
        // Another one than `fromWarehouse`.
        (_, _, "toWarehouse") => text("y"),
        (_, _, "situation") => text("incident"),
        (_, _, "language") => text("en"),
        _ if schema["pattern"].is_string() => text("900s"),
        _ if name.ends_with("Id") || name.ends_with("Ids") => {
            text("5f0c1cb0-3c43-4a53-9a3c-0d6f1f2a9d01")
        }
        _ => text("x"),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// Fields of requests for which another field, or another kind of question, can stand.
const REPLACEABLE: [(&str, &str); 5] = [
    ("RescheduleSale", "openTime"),
    ("FindOrder", "orderId"),
    ("CompareSales", "baselineSaleId"),
    ("RenderScript", "buyer"),
    ("RenderScript", "itemId"),
];

/// The fields that a server asks for, one after the other, of a request that starts empty.
async fn asked_for(shop: &Shop, document: &Value, path: &str, schema: &Value) -> BTreeSet<String> {
    let (mut request, mut asked) = (json!({}), BTreeSet::new());
    loop {
        let (_, answer) = shop.call(path, &request).await;
        let (code, _, field) = failure(&answer);
        let name = camel(&field);
        let property = &schema["properties"][&name];
        if code != "invalid_argument" || property.is_null() || !asked.insert(name.clone()) {
            return asked;
        }
        request[&name] = example(document, property, &name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_a_server_asks_for_are_required() {
    let shop = Shop::open_with(|config| config.min_position_wait_ms = 0).await;
    let document = document(&shop).await;
    let mut wrong = Vec::new();
    for rpc in ALL {
        let post = &document["paths"][format!("/{}", rpc.name())]["post"];
        let content = &post["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(reference) = content.as_str() else { continue };
        let schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        let path = format!("{}/{}", rpc.service, rpc.method);
        let mut asked = asked_for(&shop, &document, &path, schema).await;
        // The token of an operator stands for the name, and an item for its sale.
        asked.remove("operator");
        if !schema["properties"]["itemId"].is_null() {
            asked.remove("saleId");
        }
        asked.retain(|name| !REPLACEABLE.contains(&(rpc.method, name)));
        let required = schema["required"].as_array().into_iter().flatten();
        let required: BTreeSet<_> =
            required.map(|name| name.as_str().unwrap().to_owned()).collect();
        if asked != required {
            wrong.push(format!("{path}: asked for {asked:?}, required {required:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
