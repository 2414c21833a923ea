//! A sale afterwards: its figures, and the whole of it as of any second.

use std::fmt::Write as _;

use super::{
    drawn::REASONS,
    lists::{ITEMS_ON_PAGE, event_name},
    say::{Say, close_table, element, open_table},
    shell::element_link,
    words::Word,
};
use crate::{
    events::AttemptOutcome,
    pages::{
        PostMortem, Style,
        document::Block,
        escape,
        numbers::{Clock, amount, group},
        sections::document,
        words::{Term, fill},
    },
    replay::state::{SaleStateAt, StateAt},
    reports::{ActLine, Pulse, TimelineSecond},
    values::UnixMs,
};

/// Something on the track that can be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackMark {
    pub at: UnixMs,
    /// Stored name of the event.
    pub kind: String,
    pub subject: String,
}

impl From<ActLine> for TrackMark {
    fn from(act: ActLine) -> Self {
        Self { at: act.at, kind: act.kind, subject: act.sku }
    }
}

/// What the track spans and has on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    pub from: UnixMs,
    pub until: UnixMs,
    pub marks: Vec<TrackMark>,
}

/// Marks that are shown.
const MARKS_SHOWN: usize = 60;

/// The body of the page.
pub fn body(pulse: &Pulse, track: Option<&Track>, say: Say) -> String {
    let sale = &pulse.sale;
    let mut out = String::from("<div class=\"top\"><div>");
    element(&mut out, "h1", "", &sale.name);
    let window = format!("{} – {}", say.moment(sale.opens_at), say.moment(sale.closes_at));
    element(&mut out, "p", "now quiet", &window);
    out.push_str("</div><p class=\"ways\">");
    element_link(&mut out, "", &format!("/sales/{}", sale.sale_id), say.word(Word::Live));
    let report = format!("/sales/{}/post-mortem", sale.sale_id);
    element_link(&mut out, "", &report, say.word(Word::FullReport));
    out.push_str("</p></div><div class=\"stack\">");
    match track {
        None => element(&mut out, "p", "empty", say.word(Word::NotYet)),
        Some(track) => player(&mut out, track, say),
    }
    let _ = write!(
        out,
        "<div id=\"figures\"><p class=\"quiet\">{}</p></div></div>",
        escape::html(say.word(Word::OnItsWay))
    );
    out
}

fn player(out: &mut String, track: &Track, say: Say) {
    let (play, pause) = (say.word(Word::Play), say.word(Word::PlayPause));
    let _ = write!(
        out,
        "<section class=\"card\" aria-labelledby=\"t-track\"><h2 id=\"t-track\">{} \
         <span id=\"moment\">{}</span></h2>",
        escape::html(say.word(Word::AsOf)),
        escape::html(&say.moment(track.until))
    );
    let _ = write!(
        out,
        "<p class=\"player\"><button type=\"button\" id=\"play\" aria-pressed=\"false\" \
         data-play=\"{play}\" data-pause=\"{pause}\">{play}</button>\
         <label>{} <select id=\"speed\">",
        escape::html(say.word(Word::Speed))
    );
    for speed in [1, 4, 10, 60, 600] {
        let chosen = if speed == 4 { " selected" } else { "" };
        let _ = write!(out, "<option value=\"{speed}\"{chosen}>{speed}×</option>");
    }
    let moment = escape::html(say.word(Word::Moment));
    let _ = write!(
        out,
        "</select></label><input type=\"range\" id=\"track\" min=\"{0}\" max=\"{1}\" step=\"1000\" \
         value=\"{1}\" aria-label=\"{moment}\"></p>",
        track.from.0, track.until.0
    );
    ticks(out, track);
    marks(out, track, say);
    out.push_str("<div id=\"then\"></div></section>");
}

/// Where the marks are on the track, in a thousand parts of its length.
fn ticks(out: &mut String, track: &Track) {
    out.push_str(
        "<svg class=\"ticks\" viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\">",
    );
    let wide = track.until.since(track.from).max(1);
    for mark in &track.marks {
        let place = mark.at.since(track.from).saturating_mul(1_000) / wide;
        let _ = write!(out, "<path d=\"M{} 0v14\"/>", place.clamp(1, 999));
    }
    out.push_str("</svg>");
}

fn marks(out: &mut String, track: &Track, say: Say) {
    let _ = write!(out, "<p class=\"quiet\">{}</p>", say.word(Word::Marks));
    out.push_str("<ul class=\"marks\">");
    for mark in track.marks.iter().take(MARKS_SHOWN) {
        // The second that it happened in, at its end.
        let at = mark.at.second().saturating_mul(1_000).saturating_add(999);
        let name = event_name(&mark.kind, say);
        let told = format!("{} {name} {}", say.time(mark.at), mark.subject);
        let told = escape::html(told.trim());
        let _ = write!(out, "<li><button type=\"button\" data-ms=\"{at}\">{told}</button></li>");
    }
    if track.marks.is_empty() {
        element(out, "li", "quiet", say.word(Word::NoMarks));
    }
    out.push_str("</ul>");
}

/// The sale as of one second.
pub fn then(
    state: Option<&SaleStateAt>,
    demand: Option<&TimelineSecond>,
    (at, pulse): (UnixMs, &Pulse),
    say: Say,
) -> String {
    let mut out = String::new();
    let Some(state) = state else {
        element(&mut out, "p", "empty quiet", say.word(Word::NothingThen));
        return out;
    };
    let refusals = demand.map_or(&[][..], |demand| demand.refusals.as_slice());
    let refused = refusals.iter().map(|(_, count)| *count).sum();
    out.push_str("<ul class=\"tiles live\">");
    let mut tile = |key: &str, name: &str, value: String, note: String| {
        let _ = write!(out, "<li data-then=\"{key}\">");
        element(&mut out, "span", "name", name);
        element(&mut out, "b", "", &value);
        element(&mut out, "span", "more", &note);
        out.push_str("</li>");
    };
    let units = &state.units;
    tile("allocated", say.term(Term::Allocated), group(units.allocated), String::new());
    tile("available", say.term(Term::Available), group(units.available), String::new());
    tile("held", say.term(Term::Held), group(units.held), String::new());
    tile("sold", say.term(Term::Sold), group(units.sold), String::new());
    let money = amount(state.revenue_minor, pulse.sale.currency.code());
    tile("revenue", say.term(Term::Revenue), money, String::new());
    let attempts =
        say.filled(Word::Attempted, &[("n", &group(demand.map_or(0, |demand| demand.attempts)))]);
    tile("placed", say.term(Term::Placed), group(state.orders.placed), attempts);
    let expired = format!("{} {}", say.term(Term::Expired), group(state.orders.expired));
    tile("paid", say.term(Term::Paid), group(state.orders.ever_paid()), expired);
    tile("refused", say.word(Word::RefusedSoFar), group(refused), most_refused(refusals, say));
    out.push_str("</ul>");
    states(&mut out, &state.items, (at, pulse), say);
    if pulse.items.len() > state.items.len() && !state.next_page_token.is_empty() {
        let shown = ITEMS_ON_PAGE.to_string();
        element(&mut out, "p", "quiet", &say.filled(Word::ItemsCut, &[("n", &shown)]));
    }
    out
}

/// The reason that stood in the way most often.
fn most_refused(refusals: &[(AttemptOutcome, i64)], say: Say) -> String {
    let most = refusals.iter().max_by_key(|(_, count)| *count);
    let Some((outcome, _)) = most else { return String::new() };
    let place = match outcome {
        AttemptOutcome::Placed | AttemptOutcome::Repeated => return String::new(),
        AttemptOutcome::SoldOut => 0,
        AttemptOutcome::NotEnoughUnits => 1,
        AttemptOutcome::NotOpenYet => 2,
        AttemptOutcome::Closed => 3,
        AttemptOutcome::Paused => 4,
        AttemptOutcome::OverBuyerLimit => 5,
        AttemptOutcome::OverOrderLimit => 6,
        AttemptOutcome::NotEligible => 7,
        AttemptOutcome::GiftGone => 8,
        AttemptOutcome::PriceChanged => 9,
    };
    REASONS.get(place).map_or(String::new(), |(term, _)| say.term(*term).to_owned())
}

fn states(out: &mut String, items: &[StateAt], (at, pulse): (UnixMs, &Pulse), say: Say) {
    open_table(
        out,
        &[
            ("", say.term(Term::Item)),
            ("", say.word(Word::State)),
            ("n", say.term(Term::Available)),
            ("n", say.term(Term::Held)),
            ("n", say.term(Term::Sold)),
            ("n", say.term(Term::Placed)),
            ("n", say.term(Term::Paid)),
            ("n", say.term(Term::Revenue)),
        ],
    );
    for StateAt { item, state, .. } in items {
        let units = state.units();
        let (word, class) = if state.closed || at >= state.closes_at {
            (Word::Closed, "closed")
        } else if state.paused {
            (Word::Paused, "paused")
        } else if at < state.opens_at {
            (Word::NotOpen, "not-open")
        } else if units.allocated > 0 && units.available <= 0 {
            (Word::SoldOut, "sold-out")
        } else {
            (Word::Open, "open")
        };
        let _ = write!(out, "<tr data-item=\"{item}\"><td class=\"what\">");
        if let Some(offer) = &state.offer {
            element(out, "span", "title", &offer.title);
            element(out, "span", "quiet sku", &offer.sku);
        }
        out.push_str("</td><td>");
        element(out, "span", &format!("state {class}"), say.word(word));
        out.push_str("</td>");
        let (placed, paid) = (state.orders.placed, state.orders.ever_paid());
        for count in [units.available, units.held, units.sold, placed, paid] {
            element(out, "td", "n", &group(count));
        }
        let money = amount(state.revenue_minor, pulse.sale.currency.code());
        element(out, "td", "n", &money);
        out.push_str("</tr>");
    }
    close_table(out);
}

/// The body of the page of a post-mortem that is not there yet.
pub fn being_written(path: &str, say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "h1", "", say.word(Word::FullReport));
    let _ = write!(
        out,
        "<p id=\"waits\" role=\"status\">{}</p><p>",
        escape::html(say.word(Word::BeingWritten))
    );
    element_link(&mut out, "", path, say.word(Word::LookAgain));
    out.push_str("</p>");
    out
}

/// The figures of a sale that is over, as its post-mortem has them first.
pub fn figures(facts: &PostMortem, say: Say) -> String {
    let document = document(facts, Style { lang: say.lang, clock: Clock::UTC });
    let mut out = String::from("<section class=\"card\"><h2>");
    out.push_str(&escape::html(say.word(Word::AllOfIt)));
    out.push_str("</h2>");
    if let Some(unfinished) = &document.unfinished {
        element(&mut out, "p", "unfinished", unfinished);
    }
    out.push_str("<ul class=\"tiles thirds\">");
    for tile in &document.tiles {
        out.push_str("<li>");
        element(&mut out, "span", "name", tile.name);
        element(&mut out, "b", "", &tile.value);
        element(&mut out, "span", "more", &tile.note);
        out.push_str("</li>");
    }
    out.push_str("</ul>");
    let blocks = document.sections.iter().take(2).flat_map(|section| &section.blocks);
    for block in blocks {
        match block {
            Block::Findings(findings) => {
                out.push_str("<ol class=\"findings\">");
                for (says, more) in findings {
                    out.push_str("<li>");
                    element(&mut out, "strong", "", says);
                    element(&mut out, "span", "", more);
                    out.push_str("</li>");
                }
                out.push_str("</ol>");
            }
            Block::Table(table) => {
                let columns: Vec<_> =
                    table.columns.iter().map(|column| ("", column.title)).collect();
                open_table(&mut out, &columns);
                for cells in &table.rows {
                    let cells: Vec<_> =
                        cells.iter().map(|cell| ("", cell.shown.as_str())).collect();
                    super::say::row(&mut out, &cells);
                }
                close_table(&mut out);
            }
            Block::Note(text) | Block::Paragraph(text) => element(&mut out, "p", "quiet", text),
            Block::Subtitle(_) | Block::Facts(_) | Block::Chart(_) => {}
        }
    }
    let position = facts.position.to_string();
    let of = fill(say.term(Term::AsOfPosition), &[]);
    element(&mut out, "p", "quiet", &format!("{of} {position}"));
    out.push_str("</section>");
    out
}
