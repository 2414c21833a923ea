//! Why a page is not answered, and how that is told.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::assets;
use crate::{
    pages::{Lang, board},
    replay::ReplayError,
    reports::ReportError,
    values::Invalid,
};

/// Why a page is not answered.
#[derive(Debug)]
pub(super) enum NoPage {
    /// A field of the address is wrong.
    Invalid(Invalid),
    /// There is no such thing.
    NotFound(&'static str),
    /// It may be there later.
    Later(&'static str),
}

impl NoPage {
    /// As a page in the language of the request.
    pub(super) fn answer(&self, lang: Lang) -> Response {
        let page = |why: &str| board::problem_page(why, lang, assets::names());
        let (status, page) = match self {
            Self::Invalid(invalid) => (StatusCode::BAD_REQUEST, page(&invalid.to_string())),
            Self::NotFound(field) => {
                (StatusCode::NOT_FOUND, page(&format!("{field} does not exist")))
            }
            Self::Later(why) => return later(page(why)),
        };
        let mut answer = fragment(page);
        *answer.status_mut() = status;
        answer
    }
}

impl From<Invalid> for NoPage {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<ReportError> for NoPage {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Invalid(invalid) => Self::Invalid(invalid),
            ReportError::NotFound(field) => Self::NotFound(field),
            ReportError::NotReady(_) => Self::Later("the read models are not ready"),
            ReportError::Stopped => Self::Later("the server is stopping"),
            ReportError::Unreadable(error) => {
                tracing::warn!(%error, "a page of the board could not read its figures");
                Self::Later("the figures cannot be read just now; the server's log says why")
            }
        }
    }
}

impl From<ReplayError> for NoPage {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Invalid(invalid) => Self::Invalid(invalid),
            ReplayError::NotFound(field) => Self::NotFound(field),
            ReplayError::Read(_)
            | ReplayError::Decode(_)
            | ReplayError::Impossible(_)
            | ReplayError::TooMuch(_) => {
                tracing::warn!(%error, "a page of the board could not read a past state");
                Self::Later("the log cannot be read just now; the server's log says why")
            }
        }
    }
}

/// A part of a page.
pub(super) fn fragment(html: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// A page that says what is not there yet, and when to ask again.
pub(super) fn later(page: String) -> Response {
    let mut answer = fragment(page);
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
