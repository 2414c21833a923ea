//! Goals against results.

use super::Writing;
use crate::{
    pages::{
        document::{Block, Cell, Column, Section, Table},
        numbers::{amount, group, percent},
        post_mortem::Stage,
        words::{Definition, Term},
    },
    reports::{GoalKind, GoalLine},
};

/// What a goal is about.
pub fn goal_name(kind: GoalKind) -> Term {
    match kind {
        GoalKind::Units => Term::GoalUnits,
        GoalKind::Revenue => Term::GoalRevenue,
        GoalKind::Conversion => Term::GoalConversion,
        GoalKind::NewBuyers => Term::GoalNewBuyers,
    }
}

/// A target or a result in its unit.
pub fn goal_value(kind: GoalKind, value: i64, currency: &str) -> String {
    match kind {
        GoalKind::Units | GoalKind::NewBuyers => group(value),
        GoalKind::Revenue => amount(value, currency),
        GoalKind::Conversion => percent(value),
    }
}

/// The section.
pub fn section(writing: &Writing<'_>) -> Section {
    let word = |term: Term| writing.word(term);
    let mut table = Table::new(vec![
        Column::text(word(Term::Goal), "goal").defined(Definition::Goals),
        Column::number(word(Term::Target), "target"),
        Column::number(word(Term::Result), "result"),
        Column::number(word(Term::Attainment), "attainment_ppm"),
        Column::text(word(Term::Verdict), "reached"),
    ]);
    table.rows = writing.facts.goals.goals.iter().map(|goal| row(writing, goal)).collect();
    let block = match table.is_empty() {
        true => Block::Note(word(Term::NoGoals).to_owned()),
        false => Block::Table(table),
    };
    Section { anchor: "goals", title: word(Term::GoalsTitle), blocks: vec![block] }
}

fn row(writing: &Writing<'_>, goal: &GoalLine) -> Vec<Cell> {
    let value = |value| goal_value(goal.kind, value, &writing.facts.sale.currency);
    let name = goal_name(goal.kind);
    let plain = match goal.kind {
        GoalKind::Units => "units",
        GoalKind::Revenue => "revenue_minor",
        GoalKind::Conversion => "conversion_ppm",
        GoalKind::NewBuyers => "new_buyers",
    };
    let (result, attainment, verdict) = match goal.result {
        None => {
            let unknown = writing.word(Term::Unknowable);
            (
                Cell::named(unknown, ""),
                Cell::named(writing.word(Term::Nothing), ""),
                Cell::default(),
            )
        }
        Some(result) => {
            let reached = goal.attainment_ppm >= 1_000_000;
            let verdict = match (writing.facts.stage, reached) {
                (Stage::NotOpenYet | Stage::Running, _) => {
                    Cell::named(writing.word(Term::NotOver), "")
                }
                (Stage::Over, true) => Cell::named(writing.word(Term::Yes), "true"),
                (Stage::Over, false) => Cell::named(writing.word(Term::No), "false"),
            };
            (
                Cell::named(value(result), result.to_string()),
                Cell::bar(goal.attainment_ppm),
                verdict,
            )
        }
    };
    let target = Cell::named(value(goal.target), goal.target.to_string());
    vec![Cell::named(writing.word(name), plain), target, result, attainment, verdict]
}
