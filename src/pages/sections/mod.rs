//! The post-mortem as a document: its sections, their order and contents.
//!
//! Each section is a function of the data. A section without data states that, so that readers do
//! not suspect an omission.

pub mod coupons;
pub mod goals;
mod incidents;
mod proof;
pub mod shoppers;
mod stock;
mod story;

pub use super::writing::{Style, Writing};
use super::{
    document::{Document, Section, Tile},
    findings::findings,
    numbers::{group, percent},
    post_mortem::{PostMortem, Stage},
    words::{Definition, Sentence, Term, fill},
};
use crate::values::UnixMs;

/// The whole document.
pub fn document(facts: &PostMortem, style: Style) -> Document {
    let mut writing = Writing { facts, lang: style.lang, clock: style.clock, marks: Vec::new() };
    writing.marks = story::marks(facts);
    let position = facts.position.to_string();
    Document {
        lang: style.lang,
        kind: writing.word(Term::PostMortem),
        title: facts.sale.name.clone(),
        unfinished: unfinished(facts, style),
        about: about(&writing),
        tiles: tiles(&writing),
        sections: sections(&writing),
        definitions_title: writing.word(Term::DefinitionsTitle),
        foot: writing.sentence(Sentence::Foot, &[("position", &position)]),
    }
}

/// What stands above everything while a sale is not over; `None` once it is.
pub fn unfinished(facts: &PostMortem, style: Style) -> Option<String> {
    let says = match facts.stage {
        Stage::NotOpenYet => Sentence::UnfinishedNotOpen,
        Stage::Running => Sentence::UnfinishedRunning,
        Stage::Over => return None,
    };
    let (opens, closes) = (facts.sale.opens_at, facts.sale.closes_at);
    let (opens, closes) = (style.clock.moment(opens), style.clock.moment(closes));
    let asked = style.clock.moment(facts.asked_at);
    let values = [("opens", opens.as_str()), ("closes", &closes), ("asked", &asked)];
    Some(fill(says.text(style.lang), &values))
}

fn sections(writing: &Writing<'_>) -> Vec<Section> {
    let mut sections = vec![
        story::mattered(findings(writing.facts, writing.lang), writing),
        goals::section(writing),
        story::timeline(writing),
        stock::stock(writing),
        stock::demand(writing),
        shoppers::traffic(writing),
        shoppers::funnel(writing),
        stock::refusals(writing),
        stock::items(writing),
        shoppers::channels(writing),
        shoppers::shoppers(writing),
        stock::holds(writing),
        proof::section(writing),
    ];
    // Behind the timeline, which tells of them, too.
    sections.splice(3..3, incidents::section(writing));
    // Before the proof, which stands last.
    let last = sections.len() - 1;
    sections.splice(last..last, coupons::section(writing));
    sections
}

fn about(writing: &Writing<'_>) -> Vec<(&'static str, String)> {
    let sale = &writing.facts.sale;
    let clock = writing.clock;
    let closed = match sale.closed {
        true => format!(" ({})", writing.word(Term::Closed)),
        false => String::new(),
    };
    let window =
        format!("{} – {}{closed}", clock.moment(sale.opens_at), clock.moment(sale.closes_at));
    vec![
        (writing.word(Term::Window), window),
        (writing.word(Term::Times), clock.name()),
        (writing.word(Term::Currency), sale.currency.clone()),
        (writing.word(Term::SaleId), sale.sale_id.to_string()),
        (
            writing.word(Term::AsOfPosition),
            group(i64::try_from(writing.facts.position).unwrap_or(0)),
        ),
    ]
}

/// How long after the opening everything was gone, and when that was. Where a unit is available again
/// nothing is sold out, but to say that it never was would be wrong.
fn sold_out(writing: &Writing<'_>) -> (String, String) {
    let facts = writing.facts;
    let at = facts.total.sold_out_at.filter(|_| facts.stock.allocated > 0);
    match (at, facts.first_empty) {
        (Some(at), _) => {
            let after = at.since(facts.sale.opens_at).max(0);
            (writing.span(after), writing.clock.moment(at))
        }
        (None, Some(second)) => {
            let moment = writing.clock.moment(UnixMs(second.saturating_mul(1_000)));
            let came_back = fill(writing.word(Term::UnitsCameBack), &[("moment", &moment)]);
            (writing.span(facts.after_opening(second)), came_back)
        }
        (None, None) => (writing.word(Term::NotSoldOut).to_owned(), String::new()),
    }
}

/// Units sold, and the gross where money went back.
fn revenue_note(writing: &Writing<'_>) -> String {
    let total = &writing.facts.total;
    let sold = format!("{} {}", writing.word(Term::Sold), group(total.units_sold));
    if total.refunded_minor == 0 {
        return sold;
    }
    let (gross, back) = (writing.money(total.gross_minor()), writing.money(total.refunded_minor));
    let gross = fill(writing.word(Term::GrossOf), &[("amount", &gross), ("back", &back)]);
    format!("{sold}; {gross}")
}

fn tiles(writing: &Writing<'_>) -> Vec<Tile> {
    let facts = writing.facts;
    let (total, demand) = (&facts.total, &facts.demand_total.demand);
    let of = |part: i64, whole: i64| format!("{} / {}", group(part), group(whole));
    let (sold_out, sold_out_at) = sold_out(writing);
    let peak = facts.peak.map_or(String::new(), |(_, most)| {
        let rate = fill(writing.word(Term::PerSecond), &[("n", &group(most))]);
        format!("{} {rate}", writing.word(Term::PeakDemand))
    });
    vec![
        Tile {
            name: writing.word(Term::Revenue),
            value: writing.money(total.revenue_minor),
            note: revenue_note(writing),
            definition: Definition::Revenue,
        },
        Tile {
            name: writing.word(Term::SellThrough),
            value: percent(facts.sell_through_ppm),
            note: of(facts.stock.sold, facts.stock.allocated),
            definition: Definition::SellThrough,
        },
        Tile {
            name: writing.word(Term::SoldOutAt),
            value: sold_out,
            note: sold_out_at,
            definition: Definition::SoldOutTime,
        },
        Tile {
            name: writing.word(Term::Attempts),
            value: group(demand.attempts),
            note: peak,
            definition: Definition::Attempts,
        },
        Tile {
            name: writing.word(Term::Unmet),
            value: percent(facts.demand_total.unmet_share_ppm),
            note: of(demand.unmet, demand.attempts),
            definition: Definition::Unmet,
        },
        Tile {
            name: writing.word(Term::PaidShare),
            value: percent(total.paid_share_ppm()),
            note: of(total.orders_paid, total.orders_placed),
            definition: Definition::PaidShare,
        },
    ]
}
