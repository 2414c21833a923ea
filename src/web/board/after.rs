//! A sale afterwards: its figures, the whole post-mortem, and the sale as of any second.

use std::{
    sync::{Arc, LazyLock, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    http::{HeaderValue, header},
    response::Response,
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, time::timeout};

use super::{
    asking::{Question, pages, parts},
    assets,
    desk::Kept,
    no_page::{NoPage, later},
    state::Board,
};
use crate::{
    pages::{
        PostMortem,
        board::{self as written, Track, TrackMark},
    },
    projections,
    replay::{
        Log, ReplayError,
        state::{Moment, Past},
    },
    reports::{ActsQuery, Paging, Pulse, ReportError, Reports, TimelineSecond, Whose},
    values::{Invalid, SaleId, UnixMs},
};

/// Post-mortems that are kept.
const KEPT_MAX: usize = 4;

/// Items of a moment that are shown.
const ITEMS_SHOWN: i32 = 50;

/// A sale of more items is not looked through for its last event when its page is opened.
const LOOKED_THROUGH_MAX: usize = 200;

/// A post-mortem answers for so many times as long as it took, whether the log has gone on or not.
const GOOD_FOR_TIMES: u32 = 4;

/// Why there is none yet.
const BEING_WRITTEN: &str = "it is still being written: ask again";

/// What a post-mortem may load: its own style sheet, and nothing else.
static REPORT_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(written::post_mortem_style().as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/sales/{sale_id}/after", pages(after))
        .route("/sales/{sale_id}/at", parts(at))
        .route("/sales/{sale_id}/figures", parts(figures))
        .route("/sales/{sale_id}/post-mortem", get(post_mortem))
}

async fn after(question: Question) -> Result<String, NoPage> {
    let pulse = question.pulse().await?;
    let track = question.board.track(Arc::clone(&pulse)).await?;
    Ok(written::after_page(&pulse, track.as_ref(), question.lang, assets::names()))
}

async fn at(question: Question) -> Result<String, NoPage> {
    let (sale, lang) = (question.sale()?, question.lang);
    let ms = question
        .text("ms")
        .parse()
        .map_err(|_| Invalid::new("ms", "must be milliseconds since 1970"))?;
    let at = UnixMs(ms).checked("ms")?;
    let pulse = question.pulse().await?;
    question
        .board
        .look_back(move |past, reports| {
            let paging = Paging { page_size: ITEMS_SHOWN, ..Paging::default() };
            let state = match past.sale(sale, Moment::Time(at), &paging) {
                Ok(state) => Some(state),
                // Before the first item was added the state is empty.
                Err(ReplayError::Invalid(wrong)) if at <= past.now => {
                    tracing::trace!(%wrong, "nothing was on offer at that time");
                    None
                }
                Err(error) => return Err(error.into()),
            };
            let demand = demand_until(reports, sale, at)?;
            Ok(written::then(state.as_ref(), demand.as_ref(), (at, &pulse), lang))
        })
        .await
}

/// Attempts up to the end of the second that a moment lies in.
fn demand_until(
    reports: &Reports,
    sale: SaleId,
    at: UnixMs,
) -> Result<Option<TimelineSecond>, NoPage> {
    match reports.timeline_sum(Whose::Sale(sale), None, Some(at.plus(1))) {
        Ok((sum, _)) => Ok(Some(sum)),
        Err(ReportError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn figures(question: Question) -> Result<String, NoPage> {
    let facts = question.board.facts(question.sale()?).await?;
    let facts = facts.ok_or(NoPage::Later(BEING_WRITTEN))?;
    Ok(written::figures(&facts, question.lang))
}

async fn post_mortem(question: Question) -> Response {
    let (board, lang) = (&question.board, question.lang);
    let answer = async {
        let sale = question.sale()?;
        let Some(facts) = board.facts(sale).await? else {
            return Ok(later(written::being_written_page(sale, lang, assets::names())));
        };
        let page = board.look(move |_| Ok(written::post_mortem_page(&facts, lang))).await?;
        let mut answer = question.whole(page);
        if let Some(policy) = &*REPORT_POLICY {
            answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        Ok(answer)
    };
    answer.await.unwrap_or_else(|why: NoPage| why.answer(lang))
}

impl Board {
    /// Looks back from a thread that may block.
    pub(super) async fn look_back<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Past<'_>, &Reports) -> Result<T, NoPage> + Send + 'static,
    ) -> Result<T, NoPage> {
        let log = Log::new(self.parts.log.clone(), Handle::current());
        let now = self.parts.clock.now();
        self.look(move |reports| {
            // The track is shown without marks that are not built yet.
            let marks = projections::view_path(reports.data(), projections::marks::NAME).exists();
            look(&Past { log: &log, marks: marks.then_some(reports), now }, reports)
        })
        .await
    }

    /// From the opening to the end, or to the last event after it; `None` before the opening.
    async fn track(&self, pulse: Arc<Pulse>) -> Result<Option<Track>, NoPage> {
        self.look_back(move |past, reports| {
            let sale = &pulse.sale;
            let from = end_of_second(sale.opens_at);
            let last_whole = end_of_second(past.now.plus(-1_000));
            if last_whole < from {
                return Ok(None);
            }
            let ended = sale.closed_at.map_or(sale.closes_at, |closed| closed.min(sale.closes_at));
            let mut until = end_of_second(ended);
            if pulse.items.len() <= LOOKED_THROUGH_MAX {
                let paging = Paging { page_size: 1_000, ..Paging::default() };
                let last = past.sale(sale.sale_id, Moment::End, &paging);
                let last = last.ok().and_then(|state| state.items.iter().map(|i| i.state.at).max());
                until = last.map_or(until, |last| until.max(end_of_second(last)));
            }
            let until = until.min(last_whole).max(from);
            let paging = Paging { page_size: 200, ..Paging::default() };
            let whose = Whose::Sale(sale.sale_id);
            let acts = reports.acts(&ActsQuery { whose, planned: false, paging })?;
            let mut marks: Vec<TrackMark> = acts.rows.into_iter().map(TrackMark::from).collect();
            for happening in &pulse.happenings {
                let mark = TrackMark {
                    at: happening.at,
                    kind: happening.kind.clone(),
                    subject: happening.subject.clone(),
                };
                let known = |one: &TrackMark| (one.at, &one.kind) == (mark.at, &mark.kind);
                if !marks.iter().any(known) {
                    marks.push(mark);
                }
            }
            marks.retain(|mark| (from.plus(-1_000)..=until).contains(&mark.at));
            marks.sort_by_key(|mark| mark.at);
            Ok(Some(Track { from, until, marks }))
        })
        .await
    }

    /// The post-mortem of a sale, as of the log's end or nearly so; `None` while it is being
    /// written. A slow one is completed also when its request is gone, so that the next request
    /// finds it.
    async fn facts(&self, sale: SaleId) -> Result<Option<Arc<PostMortem>>, NoPage> {
        let (written, lasts) = (&self.pages.reports, self.parts.limits.writing_lasts);
        let Some(turn) = written.turn.take(Some(lasts)).await else { return Ok(None) };
        let (head, now) = (self.parts.log.head_now().0, self.parts.clock.now());
        if let Some(facts) = written.kept(sale, head, now) {
            return Ok(Some(facts));
        }
        let kept = Arc::clone(&written.kept);
        let writing = self.look(move |reports| {
            let _turn = turn;
            let begun = Instant::now();
            let facts = Arc::new(PostMortem::of(reports, sale, None, now)?);
            let done = Instant::now();
            // On a growing log it would be out of date before it is read.
            let good_until = done + (done - begun) * GOOD_FOR_TIMES;
            let mut all = kept.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|known| known.sale != sale);
            all.truncate(KEPT_MAX - 1);
            all.insert(0, Kept { sale, facts: Arc::clone(&facts), good_until });
            Ok(facts)
        });
        timeout(lasts, writing).await.ok().transpose()
    }
}

/// The last millisecond of the second that a moment lies in: then all of it is told.
fn end_of_second(at: UnixMs) -> UnixMs {
    UnixMs(at.second().saturating_mul(1_000).saturating_add(999))
}
