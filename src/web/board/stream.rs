//! One frame a second to every page that follows a sale: built once, sent to all.
//!
//! `GET /sales/{id}/events?lang=` answers with server-sent events: the sale as it is at once, then
//! once a second. A page always gets the newest frame, never a queue of old ones; one that does not
//! read its frames is disconnected (see `line.rs`).

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Extension, Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::timeout,
};
use tonic::codegen::tokio_stream::Stream;

use super::{line::LineState, no_page::NoPage, state::Board, streams::Frame};
use crate::{
    admission::{ServicePart, TokenRecord},
    metrics::{Following, LeftBoard},
    pages::{Lang, board::live_panels},
    reports::Pulse,
    values::SaleId,
    web::json::say,
};

/// What a page waits before it asks again, in milliseconds, and how every stream begins.
const BEGIN: &[u8] = b"retry: 1000\n\n";

/// Sent without new data, so that proxies do not consider the connection dead.
const STILL_HERE: &[u8] = b":\n\n";

/// What is sent before the board rests.
const RESTS: &[u8] = b"event: level\ndata: {\"shows_board\":false}\n\n";

/// How long nothing new may be known before that is sent.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Panels that are shown when the board shows no detail: what is sold, and why no more is shown.
const WITHOUT_DETAIL: [&str; 5] = ["head", "level", "alerts", "tiles", "health"];

pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new().route("/sales/{sale_id}/events", get(events))
}

/// Follows one sale.
async fn events(
    State(board): State<Arc<Board>>,
    ConnectInfo(line): ConnectInfo<LineState>,
    Path(sale_id): Path<String>,
    Query(asked): Query<HashMap<String, String>>,
    token: Option<Extension<Arc<TokenRecord>>>,
) -> Response {
    let parsed = SaleId::parse("sale_id", &sale_id).and_then(|sale| {
        let lang = asked.get("lang").map_or("en", String::as_str);
        Ok((sale, Lang::parse("lang", lang)?))
    });
    let (sale, lang) = match parsed {
        Ok(parsed) => parsed,
        Err(invalid) => return *not_followed(invalid.into()),
    };
    let Ok(place) = Arc::clone(&board.streams.places).try_acquire_owned() else {
        board.leavers.left(LeftBoard::TooMany);
        return later("too many pages follow a sale: retry later, or use another node");
    };
    match followed(&board, sale, lang).await {
        Ok(frames) => {
            let counted = board.parts.metrics.board().follows();
            let end = token.map(|Extension(token)| end_of(&board, &token));
            let body = Body::from_stream(Frames::new(frames, line, (place, counted), end));
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
            ];
            (headers, body).into_response()
        }
        Err(answer) => *answer,
    }
}

/// What ends a page's frames: the end of the token that it was opened with.
fn end_of(board: &Board, token: &TokenRecord) -> End {
    let clock = Arc::clone(&board.parts.clock);
    let end = board.parts.tokens.end_of(token, move || clock.now());
    Box::pin(async move {
        let _why = end.await;
    })
}

fn later(why: &str) -> Response {
    let mut answer = say(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": why }));
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// The frames of a sale in a language: those that are made anyway, or from now on.
async fn followed(
    board: &Arc<Board>,
    sale: SaleId,
    lang: Lang,
) -> Result<watch::Receiver<Frame>, Box<Response>> {
    let key = (sale, lang.name());
    if let Some(known) = board.streams.lock().get(&key) {
        return Ok(known.subscribe());
    }
    let pulse = board.pulse(sale).await.map_err(not_followed)?;
    let frame = frame(board, &pulse, lang);
    let mut channels = board.streams.lock();
    // Another task may have been first.
    let sender = channels.entry(key).or_insert_with(|| {
        let sender = watch::Sender::new(Frame { bytes: frame, again: false });
        tokio::spawn(follow(Arc::clone(board), sale, lang, sender.clone()));
        sender
    });
    Ok(sender.subscribe())
}

/// Why a sale cannot be followed, for a script.
fn not_followed(why: NoPage) -> Box<Response> {
    Box::new(match why {
        NoPage::Invalid(invalid) => {
            let why = json!({ "error": invalid.to_string(), "field": invalid.field });
            say(StatusCode::BAD_REQUEST, &why)
        }
        NoPage::NotFound(field) => {
            let why = json!({ "error": format!("{field} does not exist"), "field": field });
            say(StatusCode::NOT_FOUND, &why)
        }
        NoPage::Later(why) => later(why),
    })
}

/// Renders a frame for each round, until there are no receivers.
async fn follow(board: Arc<Board>, sale: SaleId, lang: Lang, frames: watch::Sender<Frame>) {
    let desk = &board.parts.desk;
    let mut rounds = desk.subscribe();
    loop {
        match timeout(SILENCE_MAX, rounds.changed()).await {
            Ok(Ok(())) if !board.shows_itself() => {
                // Followers get the reason, then the end of the stream.
                board.streams.lock().remove(&(sale, lang.name()));
                frames.send_replace(Frame { bytes: Bytes::from_static(RESTS), again: false });
                return;
            }
            Ok(Ok(())) => {
                if let Some(pulse) = desk.latest(sale) {
                    let bytes = frame(&board, &pulse, lang);
                    frames.send_replace(Frame { bytes, again: false });
                } else {
                    desk.look_at(sale);
                    frames.send_modify(|frame| frame.again = true);
                }
            }
            Ok(Err(_)) => return,
            Err(_silence) => frames.send_modify(|frame| frame.again = true),
        }
        let mut channels = board.streams.lock();
        // No follower can be added while this is held.
        if frames.receiver_count() == 0 {
            channels.remove(&(sale, lang.name()));
            return;
        }
    }
}

fn frame(board: &Board, pulse: &Pulse, lang: Lang) -> Bytes {
    let Some(node) = board.parts.desk.node() else { return Bytes::from_static(STILL_HERE) };
    let detail = ServicePart::BoardDetail.runs_at(node.level);
    let panels = live_panels(pulse, &node, lang);
    let shown = panels.into_iter().filter(|(id, _)| detail || WITHOUT_DETAIL.contains(id));
    let panels: Map<String, Value> =
        shown.map(|(id, html)| (id.to_owned(), Value::String(html))).collect();
    let told = json!({
        "at_ms": pulse.at.0,
        // A page judges by it how old the figures are.
        "now_ms": board.parts.clock.now().0,
        "position": pulse.position.0,
        "level": node.level.name(),
        "panels": panels,
    });
    // JSON has no line breaks of its own, so this is one line.
    Bytes::from(format!("event: pulse\ndata: {told}\n\n"))
}

/// The frames that one page gets.
struct Frames {
    next: Pin<Box<dyn Future<Output = Option<watch::Receiver<Frame>>> + Send>>,
    begun: bool,
    end: Option<End>,
    line: LineState,
    _place: (OwnedSemaphorePermit, Following),
}

type End = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Drop for Frames {
    fn drop(&mut self) {
        self.line.follow(false);
    }
}

impl Frames {
    fn new(
        mut frames: watch::Receiver<Frame>,
        line: LineState,
        place: (OwnedSemaphorePermit, Following),
        end: Option<End>,
    ) -> Self {
        line.follow(true);
        // The one that is there is the first to be sent.
        frames.mark_changed();
        Self { next: Box::pin(next(frames)), begun: false, end, line, _place: place }
    }
}

/// Waits for a frame that this page has not had.
async fn next(mut frames: watch::Receiver<Frame>) -> Option<watch::Receiver<Frame>> {
    frames.changed().await.ok()?;
    Some(frames)
}

impl Stream for Frames {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            return Poll::Ready(None);
        }
        // While a frame is on its way no other is begun; the connection wakes this one then.
        if self.line.is_busy() {
            return Poll::Pending;
        }
        if !self.begun {
            self.begun = true;
            return Poll::Ready(Some(Ok(Bytes::from_static(BEGIN))));
        }
        let Some(mut frames) = ready!(self.next.as_mut().poll(context)) else {
            return Poll::Ready(None);
        };
        let frame = frames.borrow_and_update().clone();
        self.next = Box::pin(next(frames));
        let bytes = if frame.again { Bytes::from_static(STILL_HERE) } else { frame.bytes };
        Poll::Ready(Some(Ok(bytes)))
    }
}
