//! Incidents with their cost, steps and lessons.

use serde_json::Value;

use super::Writing;
use crate::{
    pages::{
        document::{Block, Cell, Column, Section, Table},
        numbers::{Clock, group},
        post_mortem::IncidentFacts,
        words::{Sentence, Term, event_name},
    },
    reports::{Basis, IncidentStepLine},
    values::{IncidentSeverity, number_of},
};

/// The section; none if no incident was recorded.
pub fn section(writing: &Writing<'_>) -> Option<Section> {
    let incidents = &writing.facts.incidents;
    if incidents.is_empty() {
        return None;
    }
    let word = |term: Term| writing.word(term);
    let mut table = Table::new(vec![
        Column::time(word(Term::IncidentBegan), "began"),
        Column::text(word(Term::IncidentTitle), "title"),
        Column::text(word(Term::Severity), "severity"),
        Column::text(word(Term::Owner), "owner"),
        Column::number(word(Term::Duration), "duration_ms"),
        Column::number(word(Term::LostUnits), "lost_units"),
        Column::number(word(Term::LostRevenue), "lost_revenue_minor"),
        Column::text(word(Term::Basis), "basis"),
    ]);
    table.rows = incidents.iter().map(|incident| row(writing, incident)).collect();
    let mut steps = Table::new(vec![
        Column::time(word(Term::Time), "time"),
        Column::text(word(Term::IncidentTitle), "title"),
        Column::text(word(Term::What), "step"),
        Column::text(word(Term::Who), "operator"),
        Column::text(word(Term::Details), "details"),
    ]);
    for incident in incidents {
        let title = &incident.record.incident.title;
        steps.rows.extend(incident.record.steps.iter().map(|step| step_row(writing, title, step)));
    }
    let mut blocks = vec![
        Block::Paragraph(writing.sentence(Sentence::IncidentsLead, &[])),
        Block::Table(table),
        Block::Subtitle(word(Term::IncidentSteps)),
        Block::Table(steps),
    ];
    let learnt: Vec<(String, String)> = incidents
        .iter()
        .map(|incident| &incident.record.incident)
        .filter(|incident| incident.reviewed_at.is_some())
        .map(|incident| {
            (format!("{}: {}", incident.title, incident.cause), incident.lessons.clone())
        })
        .collect();
    if !learnt.is_empty() {
        blocks.push(Block::Subtitle(word(Term::Lessons)));
        blocks.push(Block::Findings(learnt));
    }
    if writing.facts.incidents_left_out {
        let shown = group(number_of(incidents.len()));
        blocks.push(Block::Note(writing.sentence(Sentence::IncidentsCut, &[("n", &shown)])));
    }
    Some(Section { anchor: "incidents", title: word(Term::IncidentsTitle), blocks })
}

fn row(writing: &Writing<'_>, facts: &IncidentFacts) -> Vec<Cell> {
    let IncidentFacts { record, impact } = facts;
    let incident = &record.incident;
    let severity = match incident.severity {
        None => Cell::named(writing.word(Term::Nothing), ""),
        Some(severity) => {
            let term = match severity {
                IncidentSeverity::Minor => Term::SeverityMinor,
                IncidentSeverity::Major => Term::SeverityMajor,
                IncidentSeverity::Critical => Term::SeverityCritical,
            };
            Cell::named(writing.word(term), severity.name())
        }
    };
    let lasted = match incident.ended_at {
        Some(ended) => {
            let ms = ended.since(incident.began_at);
            Cell::named(writing.span(ms), ms.to_string())
        }
        None => Cell::named(writing.word(Term::StillOpen), ""),
    };
    let basis = match impact.basis {
        Basis::Curve => Term::BasisCurve,
        Basis::Goal => Term::BasisGoal,
        Basis::Pace => Term::BasisPace,
    };
    vec![
        Cell::named(writing.clock.moment(incident.began_at), Clock::stamp(incident.began_at)),
        Cell::text(&incident.title),
        severity,
        Cell::text(&incident.owner),
        lasted,
        Cell::count(impact.lost.units),
        Cell::amount(impact.lost.revenue_minor, &impact.currency),
        Cell::named(writing.word(basis), impact.basis.name()),
    ]
}

fn step_row(writing: &Writing<'_>, title: &str, step: &IncidentStepLine) -> Vec<Cell> {
    let what = event_name(&step.kind, writing.lang).unwrap_or(&step.kind);
    vec![
        Cell::named(writing.clock.moment(step.at), Clock::stamp(step.at)),
        Cell::text(title),
        Cell::named(what, &step.kind),
        Cell::text(&step.operator),
        Cell::text(said(step)),
    ]
}

/// What a step says, in its author's words; the first and the end of an incident have none.
fn said(step: &IncidentStepLine) -> String {
    let Ok(Value::Object(details)) = serde_json::from_str(&step.details) else {
        return String::new();
    };
    let texts = ["action", "impact", "cause"];
    let text = texts.iter().find_map(|name| details.get(*name).and_then(Value::as_str));
    text.unwrap_or(&step.reason).to_owned()
}
