//! Checks of every request to the board, and the headers of every answer.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde_json::json;

use super::{line::LineState, session::turned_away, state::Board};
use crate::{
    connections::names_this_machine,
    web::{door::Refused, json::say},
};

/// No foreign resources, no inline scripts, no embedding in frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// With every answer.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Refuses requests for another host, and adds the headers that restrict browsers to every answer.
pub(super) async fn guard(
    State(board): State<Arc<Board>>,
    ConnectInfo(line): ConnectInfo<LineState>,
    mut request: Request,
    next: Next,
) -> Response {
    line.asked();
    let mut answer = if board.on_loopback && !comes_by_its_name(&request) {
        // A foreign page whose name resolves to this address (DNS rebinding) must not read the board.
        let why = "this board listens on loopback and accepts only loopback names in Host";
        say(StatusCode::MISDIRECTED_REQUEST, &json!({ "error": why }))
    } else if let Err(refused) = admitted(&board, &mut request) {
        turned_away(&refused, &request)
    } else if !steers(&request) && !board.shows_itself() {
        let why = "the board is not served at the current service level";
        let mut answer = say(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": why }));
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
        answer
    } else {
        next.run(request).await
    };
    let headers = answer.headers_mut();
    for (name, value) in ALWAYS {
        // A page that is stricter, or a file of its own, says so itself.
        headers.entry(name).or_insert(value);
    }
    // What may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// Asks for the token; the request goes on with what it is.
fn admitted(board: &Board, request: &mut Request) -> Result<(), Refused> {
    if let Some(token) = board.entrance.admit(request)? {
        request.extensions_mut().insert(token);
    }
    Ok(())
}

/// Whether a request steers or asks for the operator: these stay available when nothing is shown.
fn steers(request: &Request) -> bool {
    let path = request.uri().path();
    let asks = path == "/whoami"
        || path == "/session"
        || (path.starts_with("/items/") && path.ends_with("/warehouses"));
    request.method() == Method::POST || asks
}

/// Whether the name that a request came by is one of this machine.
fn comes_by_its_name(request: &Request) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(names_this_machine)
}
