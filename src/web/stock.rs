//! `GET /stock/SALE`: the units left of a sale as server-sent events, for the pages of a shop.
//!
//! It is served on a listener of its own, and only where the setting `stock` names its address: whoever
//! reaches it may read how many units are left. Each update is written once, for all pages. A page that
//! does not read is not waited for, and each connection ends after some minutes: pages connect again.

use std::{convert::Infallible, fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio::net::TcpListener;

use super::{
    Limits, Server,
    json::say,
    wrong_port::{WrongPort, turn_back},
};
use crate::{
    actors::{NotWatched, StockDesk, StockTold, StockWatcher},
    connections::Security,
    reports::ReportError,
    values::SaleId,
};

/// What a page waits before it connects again, in milliseconds, and how every stream begins.
const BEGIN: &str = "retry: 2000\n\n";

/// The end of a stream of a server that stops.
const STOPS: &str = "event: end\ndata: {\"reason\":\"server_stopping\"}\n\n";

/// How long one connection lasts.
const LASTS: Duration = Duration::from_secs(600);

/// Connections beside those of watchers, which are told that there are too many.
const SPARE: usize = 64;

/// Serves pages on that listener, in the background.
pub fn serve(
    listener: (TcpListener, Security),
    desk: Arc<StockDesk>,
    connections_max: usize,
    grpc_port: u16,
) -> Server {
    let limits = Limits {
        connections_max: connections_max.saturating_add(SPARE),
        connection_lasts: LASTS,
        ..Limits::default()
    };
    let elsewhere = WrongPort { serves: "the stock of sales", grpc: grpc_port };
    let router = Router::new()
        .route("/stock/{sale_id}", get(watch))
        .fallback(missing)
        .with_state(desk)
        .layer(map_response(finish))
        .layer(from_fn_with_state(elsewhere, turn_back));
    Server::of(listener, router, limits)
}

async fn missing() -> Response {
    let paths = json!({ "error": "not found", "paths": ["/stock/SALE"] });
    say(StatusCode::NOT_FOUND, &paths)
}

/// One stream a connection, which pages of any origin may read.
async fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn watch(State(desk): State<Arc<StockDesk>>, Path(sale_id): Path<String>) -> Response {
    let sale = match SaleId::parse("sale_id", &sale_id) {
        Ok(sale) => sale,
        Err(invalid) => {
            let why = json!({ "error": invalid.to_string(), "field": invalid.field });
            return say(StatusCode::BAD_REQUEST, &why);
        }
    };
    match desk.watch(sale).await {
        Ok(watcher) => {
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
            (kind, Body::from_stream(frames(watcher))).into_response()
        }
        Err(NotWatched::Unknown(ReportError::NotFound(field))) => {
            let why = json!({ "error": format!("{field} does not exist"), "field": field });
            say(StatusCode::NOT_FOUND, &why)
        }
        Err(why @ (NotWatched::TooMany | NotWatched::Stopping)) => later(&why.to_string()),
        // The cause is for the log: it may name files, which must not be disclosed here.
        Err(NotWatched::Unknown(error)) => {
            tracing::debug!(%error, "the stock of a sale was not read");
            later("the stock cannot be read at the moment")
        }
    }
}

fn later(why: &str) -> Response {
    let mut answer = say(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": why }));
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// What a page gets: the sale as it is, and then what changes.
fn frames(watcher: StockWatcher) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let told = stream::unfold(Some(watcher), |watcher| async {
        let mut watcher = watcher?;
        match watcher.next().await {
            Some(told) => Some((told.written(frame), Some(watcher))),
            None => Some((Bytes::from_static(STOPS.as_bytes()), None)),
        }
    });
    let begin = stream::once(async { Bytes::from_static(BEGIN.as_bytes()) });
    begin.chain(told).map(Ok)
}

/// An event; a comment where nothing changed, so that proxies do not consider the connection dead.
fn frame(told: &StockTold) -> Bytes {
    let item = |item: &crate::actors::ItemStock| {
        json!({
            "item_id": item.item_id.to_string(),
            "sku": item.sku,
            "state": item.state.name(),
            "available_units": item.available_units,
        })
    };
    let items: Vec<_> = told.items().map(item).collect();
    if items.is_empty() {
        return Bytes::from_static(b":\n\n");
    }
    let round = &told.round;
    let said = json!({ "server_time_ms": round.at.0, "all": told.all, "items": items });
    let mut frame = String::new();
    // JSON has no line breaks of its own, so this is one line. Writing to a text does not fail.
    let _ = write!(frame, "event: stock\nid: {}\ndata: {said}\n\n", round.number);
    Bytes::from(frame)
}
