//! Asks requests of the web port and the board for a token, by the rows of their routes.

use std::sync::Arc;

use axum::{
    extract::MatchedPath,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::{
    json::say,
    routes::{Opened, Port, row, row_of_path},
};
use crate::{
    admission::{Roles, TokenRecord, TokenRefused, Tokens, is_in_url},
    clock::SharedClock,
    metrics::{Metrics, TokenFault},
};

/// The name of the cookie by which pages of the board are read.
pub(super) const COOKIE: &str = "doorbuster-token";

/// The door of one port.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) port: Port,
    pub(super) opened: Opened,
    pub(super) tokens: Arc<Tokens>,
    pub(super) clock: SharedClock,
    pub(super) metrics: Arc<Metrics>,
}

/// Why a request is not let in.
pub(super) enum Refused {
    Token(TokenRefused),
    Role(Roles),
    /// The program has no row for it.
    NoRow,
}

impl Door {
    /// Lets a request in: with its token, where it was asked for one.
    pub(super) fn admit(
        &self,
        request: &axum::extract::Request,
    ) -> Result<Option<Arc<TokenRecord>>, Refused> {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let method = request.method();
        let roles = match path {
            // There is nothing there, which is told to those who may ask.
            None => Some(Roles::ANY),
            Some(path) => {
                let found = row(self.port, method.as_str(), path);
                let found = found.or_else(|| row_of_path(self.port, path)).ok_or(Refused::NoRow)?;
                found.access.asks(self.opened)
            }
        };
        let Some(roles) = roles else { return Ok(None) };
        if is_in_url(request.uri().query()) && !self.tokens.is_open() {
            return Err(self.refuse(TokenRefused::InUrl));
        }
        let reads = self.port == Port::Board && matches!(*method, Method::GET | Method::HEAD);
        let token = self.token(request.headers(), reads).map_err(|why| self.refuse(why))?;
        if token.as_ref().is_some_and(|token| !roles.has(token.role)) {
            self.metrics.token_refused(TokenFault::Role);
            return Err(Refused::Role(roles));
        }
        Ok(token)
    }

    fn refuse(&self, why: TokenRefused) -> Refused {
        self.metrics.token_refused(why.into());
        Refused::Token(why)
    }

    /// The token of a request: of its header, and where it only reads, also of the cookie. A page of
    /// another origin could make a browser send a cookie, so nothing is changed by one.
    fn token(
        &self,
        headers: &HeaderMap,
        reads: bool,
    ) -> Result<Option<Arc<TokenRecord>>, TokenRefused> {
        let header = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let cookie = match header {
            None if reads => cookie(headers).map(|token| format!("Bearer {token}")),
            _ => None,
        };
        let authorization = header.or(cookie.as_ref().map(String::as_bytes));
        self.tokens.check(authorization, self.clock.now())
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?.split(';');
    cookies
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

impl Refused {
    /// As programs are told.
    pub(super) fn answer(&self) -> Response {
        let (status, reason, why, roles) = match self {
            Self::Token(why) => {
                (StatusCode::UNAUTHORIZED, why.reason(), why.message().to_owned(), None)
            }
            Self::Role(roles) => {
                let why = format!("the role of this token may not do this; these may: {roles}");
                (StatusCode::FORBIDDEN, "ROLE_FORBIDDEN", why, Some(roles))
            }
            Self::NoRow => {
                let why = "this route has no row in the table of routes".to_owned();
                (StatusCode::NOT_FOUND, "ROUTE_UNKNOWN", why, None)
            }
        };
        let mut said = json!({ "error": why, "reason": reason });
        if let Some(roles) = roles {
            said["roles"] = roles.to_string().into();
        }
        let mut answer = say(status, &said);
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        answer
    }
}
