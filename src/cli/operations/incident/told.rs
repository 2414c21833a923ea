//! An incident as JSON and as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    cli::{
        json as shapes,
        output::{facts, table},
    },
    grpc::proto::{
        GetIncidentResponse, ImpactBasis, Incident, IncidentImpact, IncidentSeverity as Severity,
        IncidentStep,
    },
};

fn severity_name(incident: &Incident) -> String {
    match incident.severity() {
        Severity::Unspecified => String::new(),
        known => known.as_str_name().trim_start_matches("INCIDENT_SEVERITY_").to_owned(),
    }
}

pub(super) fn row(incident: &Incident) -> [String; 6] {
    [
        incident.incident_id.clone(),
        shapes::time(incident.begin_time.as_ref()),
        shapes::time(incident.end_time.as_ref()),
        severity_name(incident),
        incident.owner.clone(),
        incident.title.clone(),
    ]
}

/// An incident as JSON: what is not known yet is absent.
pub(super) fn shape(incident: &Incident) -> Value {
    let texts = [
        ("incident_id", incident.incident_id.clone()),
        ("sale_id", incident.sale_id.clone()),
        ("title", incident.title.clone()),
        ("alert_id", incident.alert_id.clone()),
        ("rule", incident.rule.clone()),
        ("severity", severity_name(incident)),
        ("impact", incident.impact.clone()),
        ("owner", incident.owner.clone()),
        ("begin_time", shapes::time(incident.begin_time.as_ref())),
        ("detect_time", shapes::time(incident.detect_time.as_ref())),
        ("end_time", shapes::time(incident.end_time.as_ref())),
        ("resolve_time", shapes::time(incident.resolve_time.as_ref())),
        ("review_time", shapes::time(incident.review_time.as_ref())),
        ("cause", incident.cause.clone()),
        ("lessons", incident.lessons.clone()),
    ];
    let known = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut shape: Map<String, Value> =
        known.map(|(name, text)| (name.to_owned(), json!(text))).collect();
    shape.insert("item_ids".to_owned(), json!(incident.item_ids));
    Value::Object(shape)
}

pub(super) fn step(step: &IncidentStep) -> Value {
    json!({
        "kind": step.kind,
        "step_time": shapes::time(step.step_time.as_ref()),
        "operator": step.operator,
        "reason": step.reason,
        "details": serde_json::from_str::<Value>(&step.details_json).unwrap_or_default(),
        "revision": step.revision,
    })
}

fn basis_name(impact: &IncidentImpact) -> &'static str {
    match impact.basis() {
        ImpactBasis::Unspecified => "",
        known => known.as_str_name().trim_start_matches("IMPACT_BASIS_"),
    }
}

/// What an incident cost, as JSON.
pub(super) fn impact(impact: &IncidentImpact) -> Value {
    let minutes = impact.minutes.iter().map(|minute| {
        json!({
            "from_time": shapes::time(minute.from_time.as_ref()),
            "planned_units": minute.planned_units,
            "ordered_units": minute.ordered_units,
            "lost_units": minute.lost_units,
            "lost_revenue": shapes::money(minute.lost_revenue.as_ref()),
        })
    });
    let refusals: BTreeMap<_, _> = impact.refusals.iter().collect();
    json!({
        "basis": basis_name(impact),
        "from_time": shapes::time(impact.from_time.as_ref()),
        "until_time": shapes::time(impact.until_time.as_ref()),
        "planned_units": impact.planned_units,
        "ordered_units": impact.ordered_units,
        "available_units_at_begin": impact.available_units_at_begin,
        "available_units_at_end": impact.available_units_at_end,
        "lost_units": impact.lost_units,
        "unit_price": shapes::money(impact.unit_price.as_ref()),
        "lost_revenue": shapes::money(impact.lost_revenue.as_ref()),
        "lost_units_per_minute": impact.lost_units_per_minute,
        "lost_revenue_per_minute": shapes::money(impact.lost_revenue_per_minute.as_ref()),
        "attempts": impact.attempts,
        "refusals": refusals,
        "minutes": minutes.collect::<Value>(),
    })
}

pub(super) fn text(incident: &Incident) -> String {
    let alert = match incident.rule.as_str() {
        "" => String::new(),
        rule => format!("{rule} ({})", incident.alert_id),
    };
    let lines = [
        ("incident", incident.incident_id.clone()),
        ("sale", incident.sale_id.clone()),
        ("items", incident.item_ids.join(", ")),
        ("title", incident.title.clone()),
        ("alert", alert),
        ("severity", severity_name(incident)),
        ("impact", incident.impact.clone()),
        ("owner", incident.owner.clone()),
        ("began", shapes::time(incident.begin_time.as_ref())),
        ("ended", shapes::time(incident.end_time.as_ref())),
        ("reviewed", shapes::time(incident.review_time.as_ref())),
        ("cause", incident.cause.clone()),
        ("lessons", incident.lessons.clone()),
    ];
    let lines: Vec<_> = lines.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    facts(&lines)
}

pub(super) fn whole_text(incident: &Incident, found: &GetIncidentResponse) -> String {
    let mut told = text(incident);
    if let Some(impact) = &found.impact {
        let cost = [
            ("basis", basis_name(impact).to_owned()),
            ("planned", impact.planned_units.to_string()),
            ("ordered", impact.ordered_units.to_string()),
            ("lost units", impact.lost_units.to_string()),
            ("lost revenue", shapes::amount(impact.lost_revenue.as_ref())),
            ("lost units a minute", impact.lost_units_per_minute.to_string()),
            ("lost revenue a minute", shapes::amount(impact.lost_revenue_per_minute.as_ref())),
        ];
        told.push_str(&format!("\n\nWhat it cost against the plan\n{}", facts(&cost)));
    }
    let steps = found.steps.iter().map(|step| {
        let at = shapes::time(step.step_time.as_ref());
        [
            at,
            step.kind.clone(),
            step.operator.clone(),
            step.reason.clone(),
            step.details_json.clone(),
        ]
    });
    let header = ["TIME", "STEP", "OPERATOR", "REASON", "DETAILS"];
    told.push_str(&format!("\n\n{}", table(header, &[], steps.collect())));
    told
}
