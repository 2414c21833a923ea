//! The pages of the board and the fragments they ask for: the list of sales, and one sale live.
//!
//! Figures of running sales are in memory. Everything else is read from read models and the log on
//! blocking threads, a bounded number at a time.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use axum::{Router, http::Uri, response::Response};

use super::{
    after,
    asking::{Question, pages, parts},
    assets, journal,
    no_page::NoPage,
    state::Board,
};
use crate::{
    events::StreamName,
    pages::board::{self as written, Drawing, ItemsAsked, SaleRow, SaleState},
    reports::{ListSalesQuery, Paging, Pulse, Reports, SalesSummaryQuery},
    values::{Invalid, SaleId},
};

/// How long a page waits for a place.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How often, and how far apart, a sale is asked for that read models do not have yet.
const READ_TRIES: u32 = 20;
const READ_EVERY: Duration = Duration::from_millis(200);

/// How long the first pulse of a sale is reused for other pages, until a round takes the next.
const FIRST_FOR_MS: i64 = 1_000;

/// Sales on one page of the list.
const SALES_ON_PAGE: i32 = 50;

/// What is answered with HTML.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/", pages(sales))
        .route("/sales/{sale_id}", pages(live))
        .route("/sales/{sale_id}/items", parts(items))
        .route("/sales/{sale_id}/rows", parts(rows))
        .merge(after::routes())
        .merge(journal::routes())
        .merge(assets::routes())
        .fallback(missing)
}

impl Board {
    /// Asks from a thread that may block.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reports) -> Result<T, NoPage> + Send + 'static,
    ) -> Result<T, NoPage> {
        let place = self.pages.looks.take(Some(WAIT_MAX)).await;
        let place = place.ok_or(NoPage::Later("too many requests to this board at once"))?;
        let reports = self.parts.reports.clone();
        let looked = tokio::task::spawn_blocking(move || {
            // Also when the caller has gone.
            let _place = place;
            look(&reports)
        });
        looked.await.unwrap_or(Err(NoPage::Later("the board is stopping")))
    }

    /// The current state of the sale: of the last round, or read now if it is not followed yet.
    pub(super) async fn pulse(&self, sale: SaleId) -> Result<Arc<Pulse>, NoPage> {
        if let Some(pulse) = self.parts.desk.latest(sale) {
            return Ok(pulse);
        }
        let mut tries = READ_TRIES;
        loop {
            let taken = self.first_pulse(sale).await;
            tries -= 1;
            // A page is often opened right after its sale was created; read models follow shortly.
            match taken {
                Err(NoPage::NotFound(_)) if tries > 0 && self.has_sale(sale).await => {
                    tokio::time::sleep(READ_EVERY).await;
                }
                taken => return taken,
            }
        }
    }

    /// The pulse of a sale that no round has taken yet; the next one does.
    async fn first_pulse(&self, sale: SaleId) -> Result<Arc<Pulse>, NoPage> {
        let turn = self.pages.turn.take(Some(WAIT_MAX)).await;
        let _turn = turn.ok_or(NoPage::Later("too many sales are opened on this board at once"))?;
        if let Some(pulse) = self.parts.desk.latest(sale) {
            return Ok(pulse);
        }
        let now = self.parts.clock.now();
        let firsts = || self.pages.firsts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = {
            let mut firsts = firsts();
            firsts.retain(|pulse| now.since(pulse.at) < FIRST_FOR_MS);
            firsts.iter().find(|pulse| pulse.sale.sale_id == sale).cloned()
        };
        if let Some(pulse) = known {
            return Ok(pulse);
        }
        let pulse = self.look(move |reports| Ok(Arc::new(reports.pulse(sale, now)?))).await?;
        self.parts.desk.look_at(sale);
        firsts().push(Arc::clone(&pulse));
        Ok(pulse)
    }

    /// Whether the log has that sale, read models or not.
    async fn has_sale(&self, sale: SaleId) -> bool {
        let first = self.parts.log.read_stream(StreamName::sale(sale), 0, 1).await;
        first.is_ok_and(|first| !first.is_empty())
    }
}

async fn missing(uri: Uri, question: Question) -> Response {
    tracing::debug!(path = uri.path(), "no such page");
    NoPage::NotFound("the page").answer(question.lang)
}

async fn sales(question: Question) -> Result<String, NoPage> {
    let board = &question.board;
    let token = question.text("page").to_owned();
    let pulses = board.parts.desk.all();
    let states: HashMap<SaleId, SaleState> =
        pulses.iter().map(|pulse| (pulse.sale.sale_id, SaleState::of(pulse))).collect();
    let (rows, next) = board.look(move |reports| list(reports, token, &states)).await?;
    let now = board.parts.clock.now();
    Ok(written::sales_page(&rows, &next, now, question.lang, assets::names()))
}

fn list(
    reports: &Reports,
    page_token: String,
    states: &HashMap<SaleId, SaleState>,
) -> Result<(Vec<SaleRow>, String), NoPage> {
    let paging = Paging { page_size: SALES_ON_PAGE, page_token };
    let page = reports.list_sales(&ListSalesQuery { paging })?;
    let rows = page.rows.into_iter().map(|line| {
        let paging = Paging { page_size: 1, ..Paging::default() };
        let query = SalesSummaryQuery { sale_id: line.sale_id, paging };
        // Read models come on side by side: one may know a sale before another does.
        let total = reports.sales_summary(&query).ok().map(|summary| summary.total);
        let state = states.get(&line.sale_id).copied();
        SaleRow { line, total, state }
    });
    Ok((rows.collect(), page.next_page_token))
}

async fn live(question: Question) -> Result<String, NoPage> {
    let pulse = question.pulse().await?;
    let node = question.board.parts.desk.node();
    Ok(written::live_page(&pulse, node.as_deref(), question.lang, assets::names()))
}

async fn items(question: Question) -> Result<String, NoPage> {
    let (board, lang) = (&question.board, question.lang);
    board.shows_detail()?;
    let pulse = question.pulse().await?;
    let text = |name: &str| question.text(name).to_owned();
    let page = question.number("page")?.unwrap_or(0);
    let items = ItemsAsked { sort: text("sort"), search: text("q"), page };
    // Ten thousand items are sorted and searched in some milliseconds, but not on this thread.
    board.look(move |_| Ok(written::items(&pulse, &items, lang))).await
}

async fn rows(question: Question) -> Result<String, NoPage> {
    let board = &question.board;
    board.shows_detail()?;
    let pulse = question.pulse().await?;
    let of = question.text("of");
    let drawing = Drawing::ALL.into_iter().find(|drawing| drawing.name() == of);
    let drawing = drawing
        .ok_or_else(|| Invalid::new("of", "must be stock, rate, latency, funnel or refusals"))?;
    let node = board.parts.desk.node();
    Ok(written::rows(drawing, &pulse, node.as_deref(), question.lang))
}
