//! The log on the board: its newest events, one stream, one order.

use std::sync::Arc;

use axum::Router;

use super::{
    asking::{Question, pages, parts},
    assets,
    no_page::NoPage,
    state::Board,
};
use crate::{
    domain::item::OrderState,
    events::{Category, Position, Recorded, StreamName},
    pages::board::{self as written, EVENTS_ON_PAGE, Fate, Newest},
    replay::{Log, explain::explain},
    reports::{DueState, RefundsDueQuery},
    store::ReadError,
    values::{Invalid, OrderId},
};

/// Positions that are looked at first; twice as many each time too little is found.
const STEP: u64 = 200;

/// Events that one page looks at.
const LOOKED_AT_MAX: usize = 20_000;

pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/log", pages(log))
        .route("/log/{stream}", pages(stream))
        .route("/orders/{order_id}", pages(order))
        .route("/orders/{order_id}/story", parts(story))
}

async fn log(question: Question) -> Result<String, NoPage> {
    let category = match question.text("category") {
        "" => None,
        name => {
            let known = Category::ALL.into_iter().find(|known| known.name() == name);
            Some(known.ok_or_else(|| Invalid::new("category", "is not a kind of stream"))?)
        }
    };
    let before = question.number::<u64>("before")?;
    let page = question
        .board
        .look_back(move |past, _| {
            let head = past.log.head()?;
            let before = before.map_or(head.0.saturating_add(1), |before| before.min(head.0 + 1));
            newest(past.log, category, before).map_err(|error| unreadable(&error))
        })
        .await?;
    Ok(written::log_page(&page, question.lang, assets::names()))
}

fn unreadable(error: &ReadError) -> NoPage {
    tracing::warn!(%error, "a page of the board could not read the log");
    NoPage::Later("the log cannot be read just now; the server's log says why")
}

/// Events before a position, newest first. A store is read forwards only, so steps are taken back,
/// each from where the one before began: positions may have gaps of any size.
fn newest(log: &Log, category: Option<Category>, before: u64) -> Result<Newest, ReadError> {
    let mut found: Vec<Recorded> = Vec::new();
    let (mut end, mut step, mut looked_at) = (before, STEP, 0);
    while found.len() < EVENTS_ON_PAGE && looked_at < LOOKED_AT_MAX && end > 1 {
        let start = end.saturating_sub(1).saturating_sub(step);
        let (mut after, mut of_step) = (Position(start), Vec::new());
        loop {
            let page = log.read_all(after)?;
            let Some(last) = page.last() else { break };
            after = last.position;
            looked_at += page.len();
            let within = page.into_iter().filter(|recorded| recorded.position.0 < end);
            of_step.extend(
                within.filter(|one| category.is_none_or(|wanted| one.stream.category == wanted)),
            );
            if after.0.saturating_add(1) >= end {
                break;
            }
        }
        found.extend(of_step.into_iter().rev());
        end = start.saturating_add(1);
        step = step.saturating_mul(2);
    }
    let more = found.len() > EVENTS_ON_PAGE;
    found.truncate(EVENTS_ON_PAGE);
    let before = match found.last() {
        Some(last) if more => Some(last.position.0),
        Some(_) | None => (end > 1).then_some(end),
    };
    Ok(Newest { events: found, category, before })
}

async fn stream(question: Question) -> Result<String, NoPage> {
    let name = StreamName::parse(&question.named).ok_or(NoPage::NotFound("the stream"))?;
    let from = question.number("from")?.unwrap_or(0);
    let found = question
        .board
        .look_back(move |past, _| {
            let page = past.log.read_stream(name, from, EVENTS_ON_PAGE);
            page.map_err(|error| unreadable(&error))
        })
        .await?;
    if found.is_empty() && from == 0 {
        return Err(NoPage::NotFound("the stream"));
    }
    Ok(written::stream_page(name, from, &found, question.lang, assets::names()))
}

async fn order(question: Question) -> Result<String, NoPage> {
    let id = OrderId::parse("order_id", &question.named)?;
    let found = question.board.look(move |reports| {
        let query = RefundsDueQuery {
            order_id: Some(id),
            state: DueState::All,
            ..RefundsDueQuery::default()
        };
        Ok((reports.order(id)?, reports.refunds_due(&query)?.rows))
    });
    let (order, dues) = found.await?;
    Ok(written::order_page(&order, &dues, fate(order.state), question.lang, assets::names()))
}

/// What became of an order.
fn fate(state: OrderState) -> Fate {
    match state {
        OrderState::Held => Fate::Held,
        OrderState::Paid => Fate::Paid,
        OrderState::Refunded => Fate::Refunded,
        OrderState::Cancelled => Fate::Cancelled,
        OrderState::Expired => Fate::Expired,
    }
}

async fn story(question: Question) -> Result<String, NoPage> {
    let Question { board, named, lang, .. } = question;
    let id = OrderId::parse("order_id", &named)?;
    // All of an item's events are read for one: never two at a time.
    let _turn = board.pages.reports.one_at_a_time().await;
    board
        .look_back(move |past, reports| {
            let order = reports.order(id)?;
            let told = explain(past.log, order.item_id, &order.buyer)?;
            let fates: Vec<Fate> = told.orders.iter().map(|order| fate(order.state)).collect();
            Ok(written::story(&told, &fates, lang))
        })
        .await
}
