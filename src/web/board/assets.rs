//! The board's script, style sheet and icon, embedded in the program. Addresses contain a hash of
//! the content, so browsers cache them permanently and still get those of this version.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::values::Fingerprint;

const SCRIPT: &str = include_str!("board.js");
/// What the post-mortem has, and what only the board has.
const STYLE: &str = concat!(include_str!("../../pages/style.css"), include_str!("board.css"));
const MARK: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">\
    <path fill=\"#2b62d9\" d=\"M2 13V8h3v5zm4.5 0V3h3v10zM11 13V6h3v7z\"/></svg>";

static NAMES: LazyLock<(String, String)> = LazyLock::new(|| {
    (
        format!("/board.js?v={}", Fingerprint::of([SCRIPT.as_bytes()])),
        format!("/board.css?v={}", Fingerprint::of([STYLE.as_bytes()])),
    )
});

/// Where the script and the style sheet of this version are.
pub(super) fn names() -> (&'static str, &'static str) {
    let (script, style) = &*NAMES;
    (script, style)
}

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/board.js", get(async |headers| file(&headers, SCRIPT, "text/javascript")))
        .route("/board.css", get(async |headers| file(&headers, STYLE, "text/css")))
        .route("/board.svg", get(async |headers| file(&headers, MARK, "image/svg+xml")))
}

/// A file with its content hash as its ETag: a client that has it gets 304.
fn file(asked: &HeaderMap, text: &'static str, kind: &'static str) -> Response {
    let tag = format!("\"{}\"", Fingerprint::of([text.as_bytes()]));
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut answer = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => text.into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    answer
}
