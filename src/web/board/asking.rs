//! Common parts of the board's requests: language, ids, and error answers.

use std::{collections::HashMap, future::Future, str::FromStr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};

use super::{
    no_page::{NoPage, fragment},
    state::Board,
};
use crate::{
    pages::Lang,
    reports::Pulse,
    values::{Invalid, SaleId},
};

/// Names and values of an address.
type Asked = HashMap<String, String>;

/// What a page is asked: whose it is, in which language, and what else stands in its address.
pub(super) struct Question {
    pub(super) board: Arc<Board>,
    /// What the path names; empty where it names nothing.
    pub(super) named: String,
    asked: Asked,
    pub(super) lang: Lang,
}

impl FromRequestParts<Arc<Board>> for Question {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, board: &Arc<Board>) -> Result<Self, Response> {
        let named = Option::<Path<String>>::from_request_parts(parts, board).await;
        let named = named.map_err(|wrong| wrong.into_response())?;
        let asked = Query::<Asked>::try_from_uri(&parts.uri);
        let Query(asked) = asked.map_err(|wrong| wrong.into_response())?;
        let lang = lang(&asked, &parts.headers);
        let named = named.map(|Path(named)| named).unwrap_or_default();
        Ok(Self { board: Arc::clone(board), named, asked, lang })
    }
}

impl Question {
    /// The sale that the path names.
    pub(super) fn sale(&self) -> Result<SaleId, NoPage> {
        Ok(SaleId::parse("sale_id", &self.named)?)
    }

    /// Its pulse.
    pub(super) async fn pulse(&self) -> Result<Arc<Pulse>, NoPage> {
        self.board.pulse(self.sale()?).await
    }

    /// A field of the address, empty where it is absent.
    pub(super) fn text(&self, field: &str) -> &str {
        self.asked.get(field).map_or("", String::as_str)
    }

    /// A whole number, which may be absent.
    pub(super) fn number<N: FromStr>(&self, field: &str) -> Result<Option<N>, Invalid> {
        match self.text(field) {
            "" => Ok(None),
            text => {
                text.parse().map(Some).map_err(|_| Invalid::new(field, "must be a whole number"))
            }
        }
    }

    /// Whether the address says the language: then it is kept.
    fn chose_lang(&self) -> bool {
        self.asked.contains_key("lang")
    }

    /// Answers with a whole page.
    pub(super) fn whole(&self, page: String) -> Response {
        html(self.lang, self.chose_lang(), page)
    }
}

/// Answers with the whole pages that are written so.
pub(super) fn pages<F>(
    write: impl FnOnce(Question) -> F + Clone + Send + Sync + 'static,
) -> MethodRouter<Arc<Board>>
where
    F: Future<Output = Result<String, NoPage>> + Send + 'static,
{
    get(async move |question: Question| {
        let (lang, chosen) = (question.lang, question.chose_lang());
        let written = write(question).await;
        written.map_or_else(|why| why.answer(lang), |page| html(lang, chosen, page))
    })
}

/// Answers with the parts of pages that are written so.
pub(super) fn parts<F>(
    write: impl FnOnce(Question) -> F + Clone + Send + Sync + 'static,
) -> MethodRouter<Arc<Board>>
where
    F: Future<Output = Result<String, NoPage>> + Send + 'static,
{
    get(async move |question: Question| {
        let lang = question.lang;
        write(question).await.map_or_else(|why| why.answer(lang), fragment)
    })
}

/// The language that is asked for: in the address, else by a cookie, else by the browser.
pub(super) fn lang(asked: &Asked, headers: &HeaderMap) -> Lang {
    let parse = |text: &str| Lang::parse("lang", text).ok();
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let cookie = || {
        let cookies = header(header::COOKIE)?.split(';');
        cookies.filter_map(|cookie| cookie.trim().strip_prefix("lang=")).find_map(parse)
    };
    let accepted = || {
        let languages = header(header::ACCEPT_LANGUAGE)?.split(',').map(str::trim);
        languages.filter_map(|language| parse(language.get(..2)?)).next()
    };
    let given = asked.get("lang").and_then(|text| parse(text));
    given.or_else(cookie).or_else(accepted).unwrap_or(Lang::English)
}

/// A whole page, which also keeps the language that was chosen in its address.
fn html(lang: Lang, chosen: bool, page: String) -> Response {
    let mut answer = fragment(page);
    if chosen {
        let cookie = match lang {
            Lang::English => "lang=en; Path=/; Max-Age=31536000; SameSite=Strict",
            Lang::Chinese => "lang=zh; Path=/; Max-Age=31536000; SameSite=Strict",
        };
        answer.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
    answer
}
