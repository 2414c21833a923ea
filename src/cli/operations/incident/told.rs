//! An incident as text.

use crate::{
    cli::{
        json::{self as shapes, short},
        output::{facts, table_of},
        rows::Column::{self, Text},
    },
    grpc::proto::{GetIncidentResponse, Incident, IncidentStep},
};

const STEPS: &[Column<IncidentStep>] = &[
    Text("TIME", |step| (&step.step_time).into()),
    Text("STEP", |step| (&step.kind).into()),
    Text("OPERATOR", |step| (&step.operator).into()),
    Text("REASON", |step| (&step.reason).into()),
    Text("DETAILS", |step| (&step.details_json).into()),
];

pub(super) fn severity_name(incident: &Incident) -> &'static str {
    short("INCIDENT_SEVERITY_", incident.severity().as_str_name())
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
        ("severity", severity_name(incident).to_owned()),
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
            ("basis", short("IMPACT_BASIS_", impact.basis().as_str_name()).to_owned()),
            ("planned", impact.planned_units.to_string()),
            ("ordered", impact.ordered_units.to_string()),
            ("lost units", impact.lost_units.to_string()),
            ("lost revenue", shapes::amount(impact.lost_revenue.as_ref())),
            ("lost units a minute", impact.lost_units_per_minute.to_string()),
            ("lost revenue a minute", shapes::amount(impact.lost_revenue_per_minute.as_ref())),
        ];
        told.push_str(&format!("\n\nWhat it cost against the plan\n{}", facts(&cost)));
    }
    told.push_str(&format!("\n\n{}", table_of(STEPS, &found.steps)));
    told
}
