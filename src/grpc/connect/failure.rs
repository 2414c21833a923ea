//! A gRPC status as Connect says it: `code`, `message`, and the same details, each with its bytes and
//! as JSON.

use std::sync::OnceLock;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use tonic::Status;
use tonic_types::pb;

use super::protocol::{code_name, http_status};

/// The object that says what failed.
pub(super) fn as_json(status: &Status) -> Value {
    let details = match pb::Status::decode(status.details()) {
        Ok(status) => status.details,
        Err(_none) => Vec::new(),
    };
    let details: Vec<_> = details.iter().map(detail).collect();
    let mut said = json!({ "code": code_name(status.code()), "message": status.message() });
    if !details.is_empty() {
        said["details"] = details.into();
    }
    said
}

/// The answer to a unary call that failed.
pub(super) fn answer(status: &Status) -> Response<Body> {
    with_status(http_status(status.code()), status)
}

/// The same where HTTP has a status of its own for it.
pub(super) fn with_status(http: StatusCode, status: &Status) -> Response<Body> {
    let mut answer = Response::new(Body::from(as_json(status).to_string()));
    *answer.status_mut() = http;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn detail(detail: &prost_types::Any) -> Value {
    let name = detail.type_url.rsplit('/').next().unwrap_or_default();
    let mut said = json!({ "type": name, "value": STANDARD_NO_PAD.encode(&detail.value) });
    if let Some(debug) = readable(name, &detail.value) {
        said["debug"] = debug;
    }
    said
}

/// The detail for people.
fn readable(name: &str, bytes: &[u8]) -> Option<Value> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).ok());
    let message = pool.as_ref()?.get_message_by_name(name)?;
    serde_json::to_value(DynamicMessage::decode(message, bytes).ok()?).ok()
}
