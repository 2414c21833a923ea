//! Findings and the timeline.

use std::collections::HashSet;

use serde_json::Value;

use super::Writing;
use crate::{
    pages::{
        charts::Mark,
        document::{Block, Cell, Column, Section, Table},
        findings::TOLD,
        numbers::{Clock, group},
        post_mortem::PostMortem,
        words::{Sentence, Term, event_name, fill},
    },
    reports::{ActLine, SoldOut},
    values::{UnixMs, number_of},
};

/// Moments that are told without an act, sold-out items at most.
const SOLD_OUTS_TOLD: usize = 20;

/// The three main findings; a sale without activity has fewer.
pub fn mattered(findings: Vec<(String, String)>, writing: &Writing<'_>) -> Section {
    let all = findings.len() == TOLD;
    let title = writing.word(if all { Term::ThreeThings } else { Term::FewThings });
    let block = match findings.is_empty() {
        true => Block::Note(writing.word(Term::NotJudgedYet).to_owned()),
        false => Block::Findings(findings),
    };
    Section { anchor: "mattered", title, blocks: vec![block] }
}

/// Acts of operators, then beginnings of incidents, numbered as the timeline numbers them.
pub fn marks(facts: &PostMortem) -> Vec<Mark> {
    let acts = facts.acts.iter().map(|act| act.at);
    let incidents = facts.incidents.iter().map(|incident| incident.record.incident.began_at);
    let marked = acts.chain(incidents).zip(1..);
    marked.map(|(at, number)| Mark { second: at.second(), number }).collect()
}

/// Everything that happened, by time: acts, the plan's own moments, and items that sold out.
pub fn timeline(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let word = |term: Term| writing.word(term);
    let mut table = Table::new(vec![
        Column::text(word(Term::Number), "number"),
        Column::time(word(Term::Time), "time"),
        Column::text(word(Term::What), "what"),
        Column::text(word(Term::Item), "sku"),
        Column::text(word(Term::Who), "operator"),
        Column::text(word(Term::Why), "reason"),
        Column::number(word(Term::Revision), "revision"),
    ]);
    let mut rows: Vec<(UnixMs, Vec<Cell>)> = Vec::new();
    for (place, act) in facts.acts.iter().enumerate() {
        rows.push((act.at, act_row(writing, place + 1, act)));
    }
    // What was planned: a page knows of no clock, and a sale may be closed before its end.
    let planned = [
        (facts.sale.opens_at, Term::PlannedOpening, "sale_opens"),
        (facts.sale.closes_at, Term::PlannedEnd, "sale_ends"),
    ];
    for (at, term, plain) in planned {
        rows.push((at, plain_row(writing, at, Cell::named(word(term), plain), "")));
    }
    rows.extend(around(writing));
    for (sold_out, what) in sold_outs(facts) {
        let what = Cell::named(word(what), "sold_out");
        rows.push((sold_out.from, plain_row(writing, sold_out.from, what, &sold_out.sku)));
    }
    // A stable order: what happened at one moment stays in the order of the log.
    rows.sort_by_key(|(at, _)| *at);
    table.rows = rows.into_iter().map(|(_, row)| row).collect();
    let mut blocks = Vec::new();
    // Putting the sale up is an act itself.
    if facts.acts.iter().all(|act| act.kind == "SaleCreated") {
        blocks.push(Block::Note(word(Term::NoActs).to_owned()));
    }
    blocks.push(Block::Table(table));
    let sold_out: HashSet<_> = facts.sold_outs.iter().map(|sold_out| sold_out.item_id).collect();
    if sold_out.len() > SOLD_OUTS_TOLD {
        let told = SOLD_OUTS_TOLD.to_string();
        blocks.push(Block::Note(writing.sentence(Sentence::SoldOutsCut, &[("n", &told)])));
    }
    if facts.acts_left_out {
        let shown = group(number_of(facts.acts.len()));
        blocks.push(Block::Note(fill(word(Term::ActsLeftOut), &[("n", &shown)])));
    }
    Section { anchor: "timeline", title: word(Term::TimelineTitle), blocks }
}

/// Incidents, alerts and levels of the service.
fn around(writing: &Writing<'_>) -> Vec<(UnixMs, Vec<Cell>)> {
    let facts = writing.facts;
    let mut rows = Vec::new();
    let row = |number: String, at: UnixMs, what: Cell, sku: &str, who: &str, why: &str| {
        let time = Cell::named(writing.clock.moment(at), Clock::stamp(at));
        let (number, nothing) = (Cell::text(number), Cell::default());
        (at, vec![number, time, what, Cell::text(sku), Cell::text(who), Cell::text(why), nothing])
    };
    for (incident, number) in facts.incidents.iter().zip(facts.acts.len() + 1..) {
        for step in &incident.record.steps {
            let what = match event_name(&step.kind, writing.lang) {
                Some(name) => format!("{name}: {}", incident.record.incident.title),
                None => step.kind.clone(),
            };
            let what = Cell::named(what, &step.kind);
            let (at, number) = match step.kind.as_str() {
                "IncidentDetected" => (incident.record.incident.began_at, number.to_string()),
                _ => (step.at, String::new()),
            };
            rows.push(row(number, at, what, "", &step.operator, &step.reason));
        }
    }
    for alert in &facts.alerts {
        let what = format!("{}: {}", writing.word(Term::AlertRaisedAct), alert.rule);
        let what = Cell::named(what, "AlertRaised");
        rows.push(row(String::new(), alert.raised_at, what, &alert.sku, "", &alert.when));
    }
    for level in &facts.levels {
        let what = format!("{}: {}", writing.word(Term::LevelSetAct), level.level);
        let what = Cell::named(what, "LevelSet");
        rows.push(row(String::new(), level.from, what, "", &level.operator, &level.reason));
    }
    rows
}

/// When each item was first sold out, and when for good. Between them units came back and were taken
/// again, perhaps many times: the curve shows that.
fn sold_outs(facts: &PostMortem) -> Vec<(&SoldOut, Term)> {
    let mut seen = HashSet::new();
    let first = facts.sold_outs.iter().filter(|sold_out| seen.insert(sold_out.item_id));
    let first: Vec<&SoldOut> = first.take(SOLD_OUTS_TOLD).collect();
    let mut told = Vec::new();
    for sold_out in first {
        let mut of_item = facts.sold_outs.iter().filter(|other| other.item_id == sold_out.item_id);
        let last = of_item.next_back().filter(|last| last.until.is_none() && *last != sold_out);
        told.push((sold_out, Term::ItemSoldOut));
        told.extend(last.map(|last| (last, Term::ItemSoldOutForGood)));
    }
    told
}

fn act_row(writing: &Writing<'_>, number: usize, act: &ActLine) -> Vec<Cell> {
    let what = match event_name(&act.kind, writing.lang) {
        Some(name) => format!("{name}{}", change(writing, act)),
        None => act.kind.clone(),
    };
    vec![
        Cell::text(number.to_string()),
        Cell::named(writing.clock.moment(act.at), Clock::stamp(act.at)),
        Cell::named(what, &act.kind),
        Cell::text(&act.sku),
        Cell::text(&act.operator),
        Cell::text(&act.reason),
        Cell::text(act.revision.to_string()),
    ]
}

fn plain_row(writing: &Writing<'_>, at: UnixMs, what: Cell, sku: &str) -> Vec<Cell> {
    let time = Cell::named(writing.clock.moment(at), Clock::stamp(at));
    let none = Cell::default();
    vec![none.clone(), time, what, Cell::text(sku), none.clone(), none.clone(), none]
}

/// How much an act changed, where one number says it.
fn change(writing: &Writing<'_>, act: &ActLine) -> String {
    let Ok(Value::Object(change)) = serde_json::from_str(&act.change) else { return String::new() };
    match change.get("units").and_then(Value::as_i64) {
        Some(units) => format!(": {}", fill(writing.word(Term::Units), &[("n", &group(units))])),
        None => String::new(),
    }
}
