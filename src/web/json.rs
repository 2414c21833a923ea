//! Answers in JSON.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;

/// One JSON value and the end of its line.
pub(super) fn say(status: StatusCode, what: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, JSON)], format!("{what}\n")).into_response()
}

const JSON: &str = "application/json";
