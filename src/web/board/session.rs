//! Signing in on the board: a page is read with the token in a cookie, because a browser sends no
//! header with an address or an event stream. A page of another site cannot make it do so, scripts
//! cannot read it, and nothing is changed by it: acts are sent with the header.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::post,
};
use serde_json::json;

use super::{
    asking::lang,
    assets,
    state::Board,
    steer::{NotDone, comes_from_here},
};
use crate::{
    admission::TokenRefused,
    pages::board::door_page,
    web::{
        door::{COOKIE, Refused},
        json::say,
    },
};

pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new().route("/session", post(begin).delete(end))
}

/// Keeps the token of the header in a cookie until the browser is closed.
async fn begin(State(board): State<Arc<Board>>, headers: HeaderMap) -> Response {
    if let Err(refused) = comes_from_here(&headers) {
        return NotDone::Refused(refused).answer();
    }
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
    // On a server without tokens there is nothing to keep.
    let token = token.filter(|_| !board.parts.tokens.is_open());
    keeps(token.map(|token| format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict")))
}

async fn end() -> Response {
    keeps(Some(format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")))
}

fn keeps(cookie: Option<String>) -> Response {
    let mut answer = say(StatusCode::OK, &json!({}));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// What somebody is answered who is not let in: a page to sign in on, where a page is asked for.
pub(super) fn turned_away(refused: &Refused, request: &axum::extract::Request) -> Response {
    let mut answer = refused.answer();
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_page = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    if !is_page || matches!(refused, Refused::NoRow) {
        return answer;
    }
    let why = match refused {
        Refused::Token(TokenRefused::Missing) | Refused::NoRow => "",
        Refused::Token(why) => why.message(),
        Refused::Role(_) => "the role of this token may not see the board",
    };
    let query = axum::extract::Query::try_from_uri(request.uri());
    let asked = query.map(|axum::extract::Query(asked)| asked).unwrap_or_default();
    let page = door_page(why, lang(&asked, request.headers()), assets::names());
    *answer.body_mut() = page.into();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    // A browser would ask for a name and a password.
    answer.headers_mut().remove(header::WWW_AUTHENTICATE);
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    answer
}
