//! The three endpoints and their answers. Each accepts GET and HEAD; any other method is 405, any
//! other path 404. Beacons are accepted as well: see [`super::beacons`].

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Limits,
    beacons::{self, Inlet},
    door::Door,
    json::say,
    reading::Parts,
    routes::Port,
    wrong_port::{WrongPort, turn_back},
};
use crate::{
    actors::NotReady,
    metrics::ProjectionReading,
    trace::{TRACEPARENT, Trace, within},
    values::millis,
};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(super) fn router(parts: Parts, limits: Limits) -> Router {
    let inlet = Inlet::new(Arc::clone(&parts.traffic), limits);
    let door = Door {
        port: Port::Web,
        opened: parts.opened,
        tokens: Arc::clone(&parts.tokens),
        clock: Arc::clone(&parts.clock),
        metrics: Arc::clone(&parts.metrics),
    };
    let elsewhere = WrongPort { serves: "health, metrics and beacons", grpc: parts.grpc_port };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(missing)
        .with_state(Arc::new(parts))
        .merge(Router::new().route("/traffic", post(beacons::take)).with_state(inlet))
        .layer(from_fn_with_state(door, admitted))
        .layer(map_response(finish))
        .layer(from_fn_with_state(elsewhere, turn_back))
        .layer(from_fn(traced))
}

/// Only requests that the table of routes lets in are answered.
async fn admitted(State(door): State<Door>, request: Request, next: Next) -> Response {
    match door.admit(&request) {
        Ok(_token) => next.run(request).await,
        Err(refused) => refused.answer(),
    }
}

/// What is said in the log while a question is answered names its trace.
async fn traced(request: Request, next: Next) -> Response {
    let brought = request.headers().get(TRACEPARENT).map(HeaderValue::as_bytes);
    within(Trace::of(brought), Box::pin(next.run(request))).await
}

/// The process is alive if it can say so.
async fn healthz() -> Response {
    say(StatusCode::OK, &json!({ "alive": true }))
}

async fn readyz(State(parts): State<Arc<Parts>>) -> Response {
    let unready = parts.unready();
    let mut said = json!({ "ready": unready.is_none() });
    if let Some(reason) = &unready {
        said["reason"] = reason.name().into();
    }
    // The other reasons may name machines and files, which must not be disclosed here.
    if let Some(NotReady::ClockUntrusted(why)) = &unready {
        said["why"] = why.as_str().into();
    }
    let behind = parts.behind();
    if !behind.is_empty() {
        said["behind"] = behind.iter().map(behind_as_json).collect();
    }
    let status = match unready {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    say(status, &said)
}

fn behind_as_json(projection: &ProjectionReading) -> Value {
    let lag_ms = millis(projection.lag);
    let state = match projection {
        ProjectionReading { stopped: true, .. } => "stopped",
        ProjectionReading { held_up: true, .. } => "held_up",
        ProjectionReading { .. } => "late",
    };
    json!({ "projection": projection.name, "lag_ms": lag_ms, "state": state })
}

async fn metrics(State(parts): State<Arc<Parts>>) -> Response {
    match parts.metrics.text(&parts.reading()) {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            say(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "the server's log says why" }))
        }
    }
}

async fn missing() -> Response {
    let paths =
        json!({ "error": "not found", "paths": ["/healthz", "/readyz", "/metrics", "/traffic"] });
    say(StatusCode::NOT_FOUND, &paths)
}

/// One question a connection: they come every few seconds, and an idle connection holds a place.
async fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
