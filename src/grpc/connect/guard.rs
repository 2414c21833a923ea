//! Which requests are refused before they are read: those that a web page made a browser send.
//!
//! No page is served on this port, and a browser must not order or steer for another page. A page
//! whose own name was made to lead here is recognised by that name, any other page by its `Origin`.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::{Code, Status};

use super::failure;
use crate::{
    connections::{is_address, names_this_machine},
    grpc::status::CallError,
};

/// The answer to a request that is refused.
pub(super) fn refused(headers: &HeaderMap, on_loopback: bool) -> Option<Response<Body>> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if on_loopback && !names_this_machine(host) {
        let why = "this port listens on loopback and is called by another name";
        return Some(said(StatusCode::MISDIRECTED_REQUEST, "HOST_FOREIGN", why));
    }
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let own = [format!("http://{host}"), format!("https://{host}")];
    let is_own = |origin: &[u8]| own.iter().any(|own| own.as_bytes() == origin);
    // A name can be made to lead anywhere; an address cannot.
    if origin.is_some_and(|origin| !is_own(origin) || !is_address(host)) {
        let why = "requests of web pages are not answered: the header Origin names another place";
        return Some(said(StatusCode::FORBIDDEN, "ORIGIN_FOREIGN", why));
    }
    None
}

fn said(http: StatusCode, reason: &'static str, why: &str) -> Response<Body> {
    let failure = CallError::foreign(Code::PermissionDenied, reason, why.to_owned());
    failure::with_status(http, &Status::from(failure))
}
