//! The description of the port as OpenAPI 3.1, made of the descriptors and the table of RPCs.

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use serde_json::{Map, Value, json};

use super::{
    protocol::Format,
    schema::{Comments, Schemas, reference},
};
use crate::{admission::Role, grpc::rpcs::Rpc};

/// What stands above the methods.
const ABOUT: &str = "The contract of doorbuster over HTTP/JSON, by the Connect protocol \
    (https://connectrpc.com/docs/protocol). Each method is a POST of one JSON message. 64-bit numbers \
    are written as strings and read as strings or numbers; fields are written in lowerCamelCase and \
    read in that or in the spelling of the proto files; unknown fields are refused. Fields that have \
    their default value are not written. Answers that are streams are messages with five bytes in \
    front: flags, then the length as a big-endian number; the last one has the flag 2 and holds \
    `error` if the stream failed.";

/// The whole document.
pub(super) fn document(pool: &DescriptorPool) -> Value {
    let comments = Comments::of(pool);
    let mut schemas = Schemas::of(pool, &comments).found;
    schemas.insert("connect.error".to_owned(), error());
    schemas.insert("connect.error_detail".to_owned(), error_detail());
    let (mut paths, mut tags) = (Map::new(), Vec::new());
    for service in pool.services() {
        tags.push(json!({
            "name": service.full_name(),
            "description": comments.at(&service.parent_file(), service.path()),
        }));
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            paths.insert(path, json!({ "post": operation(&service, &method, &comments) }));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "doorbuster",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token, where the server has tokens.",
                },
            },
        },
    })
}

fn operation(service: &ServiceDescriptor, method: &MethodDescriptor, comments: &Comments) -> Value {
    let streams = method.is_server_streaming() || method.is_client_streaming();
    let kind = Format::Json.content_type(streams);
    let kind = kind.to_str().unwrap_or_default();
    let content = |name: &str| {
        let mut content = Map::new();
        content.insert(kind.to_owned(), json!({ "schema": reference(name) }));
        Value::from(content)
    };
    let mut about = comments.at(&method.parent_file(), method.path()).to_owned();
    if method.is_client_streaming() {
        about.push_str("\n\nOver gRPC only: the request is a stream. Here it is answered 501.");
    } else if method.is_server_streaming() {
        about.push_str("\n\nThe answer is a stream of messages.");
    }
    let failed = json!({
        "description": "The call failed.",
        "content": { "application/json": { "schema": reference("connect.error") } },
    });
    let mut operation = json!({
        "operationId": format!("{}_{}", service.name(), method.name()),
        "tags": [service.full_name()],
        "description": about.trim(),
        "parameters": [header("Connect-Protocol-Version", json!({ "type": "string", "pattern": "^1$" }),
            "The version of the protocol; may be left out."),
            header("Connect-Timeout-Ms", json!({ "type": "string", "pattern": "^[0-9]{1,10}$" }),
            "How long the client waits, in milliseconds.")],
        "requestBody": { "required": true, "content": content(method.input().full_name()) },
        "responses": { "default": failed },
    });
    if !method.is_client_streaming() {
        operation["responses"]["200"] = json!({ "description": "The answer.", "content": content(method.output().full_name()) });
    }
    // A server without tokens asks for none.
    operation["security"] = json!([{ "token": [] }, {}]);
    if let Some(row) = Rpc::named(&format!("{}/{}", service.full_name(), method.name())) {
        operation["x-roles"] = row.roles.iter().map(Role::name).collect();
    }
    operation
}

fn header(name: &str, schema: Value, about: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "schema": schema, "description": about })
}

/// What a call that failed answers.
fn error() -> Value {
    json!({
        "type": "object",
        "title": "ConnectError",
        "description": "Why a call failed. One of the details is a google.rpc.ErrorInfo with the \
            domain doorbuster and the reason; google.rpc.BadRequest names the field that was wrong, \
            google.rpc.RetryInfo says when to try again.",
        "properties": {
            "code": { "type": "string", "enum": CODES },
            "message": { "type": "string" },
            "details": { "type": "array", "items": reference("connect.error_detail") },
        },
        "required": ["code"],
    })
}

fn error_detail() -> Value {
    json!({
        "type": "object",
        "title": "ConnectErrorDetail",
        "properties": {
            "type": { "type": "string", "description": "Name of the message." },
            "value": {
                "type": "string",
                "contentEncoding": "base64",
                "description": "The message as protobuf, in base64 without padding.",
            },
            "debug": { "description": "The message as JSON." },
        },
        "required": ["type", "value"],
    })
}

/// Codes of failures, by their numbers in gRPC.
const CODES: [&str; 16] = [
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];
