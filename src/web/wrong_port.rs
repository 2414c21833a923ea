//! gRPC calls to a port that does not serve gRPC: the answer names the right port. It is a gRPC
//! answer, so that every client shows it.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// What clients of gRPC announce their messages with.
const GRPC: &str = "application/grpc";

/// UNIMPLEMENTED. Source: the status codes of gRPC.
const UNIMPLEMENTED: HeaderValue = HeaderValue::from_static("12");

/// Where a port stands that is no gRPC port.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrongPort {
    /// What it serves, in words.
    pub(super) serves: &'static str,
    /// Where gRPC is.
    pub(super) grpc: u16,
}

/// Answers calls of gRPC, and lets everything else pass.
pub(super) async fn turn_back(
    State(WrongPort { serves, grpc }): State<WrongPort>,
    request: Request,
    next: Next,
) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(GRPC.as_bytes())) {
        return next.run(request).await;
    }
    let message = format!("this port serves {serves}; gRPC is on port {grpc}");
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert("grpc-status", UNIMPLEMENTED);
    if let Ok(message) = HeaderValue::from_str(&message) {
        headers.insert("grpc-message", message);
    }
    answer
}
