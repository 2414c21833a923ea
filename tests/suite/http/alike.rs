//! Every RPC of the table is sent the same wrong fields in both encodings.

use doorbuster::grpc::{
    proto,
    rpcs::{ALL, Rpc},
};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{Shop, failure};

/// Fields of a message, by what they hold.
pub fn filled(
    message: &MessageDescriptor,
    id: &str,
    text: &str,
    number: &str,
    deep: usize,
) -> Value {
    let mut fields = Map::new();
    for field in message.fields() {
        let excluded = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
        if field.is_map() || excluded {
            continue;
        }
        let value = match field.kind() {
            Kind::String if field.name().ends_with("_id") => json!(id),
            Kind::String => json!(text),
            Kind::Int64 | Kind::Uint64
                if number.starts_with('-') && field.kind() == Kind::Uint64 =>
            {
                json!("1")
            }
            Kind::Int64 | Kind::Uint64 => json!(number),
            Kind::Message(inner) if inner.package_name() == "doorbuster.v1" && deep > 0 => {
                filled(&inner, id, text, number, deep - 1)
            }
            _ => continue,
        };
        let value = if field.is_list() { json!([value]) } else { value };
        fields.insert(field.json_name().to_owned(), value);
    }
    Value::Object(fields)
}

/// What is wrong with a message in each case.
fn cases(message: &MessageDescriptor) -> Vec<(&'static str, Value)> {
    let id = "5f0c1cb0-3c43-4a53-9a3c-0d6f1f2a9d01";
    vec![
        ("empty", json!({})),
        ("ids that are none", filled(message, "garbage", "x", "1", 2)),
        ("negative numbers", filled(message, id, "x", "-1", 2)),
        ("numbers that are too large", filled(message, id, "x", "9223372036854775807", 2)),
        ("text that is too long", filled(message, id, &"x".repeat(5_000), "1", 2)),
        ("control characters", filled(message, id, "a\u{7}b", "1", 2)),
        ("what does not exist", filled(message, id, "x", "1", 0)),
    ]
}

async fn over_grpc(shop: &Shop, rpc: &Rpc, message: DynamicMessage) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(shop.node.channel());
    client.ready().await.unwrap();
    let path = format!("/{}", rpc.name()).parse().unwrap();
    let codec = tonic_prost::ProstCodec::<DynamicMessage, ()>::default();
    client.unary(Request::new(message), path, codec).await.map(|_answer| ())
}

pub fn told(answer: Result<(), Status>) -> (String, String, String) {
    let Err(status) = answer else { return Default::default() };
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("{status:?}"));
    let code = match status.code() {
        Code::InvalidArgument => "invalid_argument",
        Code::NotFound => "not_found",
        Code::FailedPrecondition => "failed_precondition",
        Code::AlreadyExists => "already_exists",
        Code::Unauthenticated => "unauthenticated",
        Code::Unavailable => "unavailable",
        Code::ResourceExhausted => "resource_exhausted",
        other => panic!("{other:?}: {status}"),
    };
    (code.to_owned(), info.reason, info.metadata.get("field").cloned().unwrap_or_default())
}

pub fn unary() -> Vec<(&'static Rpc, MethodDescriptor)> {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let services = pool.services();
    let methods: Vec<_> =
        services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let of = |rpc: &Rpc| {
        let named = |method: &&MethodDescriptor| {
            method.name() == rpc.method && method.parent_service().name() == rpc.service
        };
        methods.iter().find(named).cloned().unwrap()
    };
    let all = ALL.iter().map(|rpc| (rpc, of(rpc)));
    all.filter(|(_, method)| !method.is_client_streaming() && !method.is_server_streaming())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_refuses_the_same_wrong_fields_in_both_encodings() {
    // Reports are asked for positions that the log does not have: they need not wait for these.
    let shop = Shop::open_with(|config| config.min_position_wait_ms = 0).await;
    let mut refused = 0;
    for (rpc, method) in unary() {
        for (case, message) in cases(&method.input()) {
            let read = DynamicMessage::deserialize(method.input(), message.clone()).unwrap();
            let grpc = told(over_grpc(&shop, rpc, read).await);
            let path = format!("{}/{}", rpc.service, rpc.method);
            let (status, said) = shop.call(&path, &message).await;
            let http = if status == 200 { Default::default() } else { failure(&said) };
            assert_eq!(grpc, http, "{path}, {case}: {message}\n{said}");
            refused += usize::from(status != 200);
        }
    }
    assert!(refused > unary().len() * 2, "{refused} calls were refused");
}
