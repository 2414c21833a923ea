//! The alerts and incidents of a sale with injected faults, queried over the public API, as figures
//! for programs and as lines for display.

use chrono::DateTime;
use prost_types::Timestamp;
use serde_json::{Value, json};
use tonic::Status;

use super::lines::Lines;
use crate::{
    cli::json::{shape, time},
    crowd::channel::Channel,
    grpc::proto::{
        Alert, ClearedBecause, GetIncidentRequest, GetIncidentResponse, ImpactBasis, Incident,
        IncidentImpact, IncidentSeverity, ListAlertsRequest, ListIncidentsRequest,
        alert_service_client::AlertServiceClient, incident_service_client::IncidentServiceClient,
    },
};

/// More than any demonstration has.
const PAGE_SIZE: i32 = 1_000;

/// Asks for alerts and incidents.
#[derive(Clone)]
pub struct Desk {
    pub alerts: AlertServiceClient<Channel>,
    pub incidents: IncidentServiceClient<Channel>,
    /// Position of what was last written over it: answers are no older, so that no step is taken
    /// twice because a read model is behind.
    pub seen: u64,
}

/// The alerts and the incidents of a sale, oldest first.
#[derive(Debug, Default)]
pub struct Noticed {
    pub alerts: Vec<Alert>,
    pub incidents: Vec<GetIncidentResponse>,
}

impl Desk {
    /// Asks over that connection.
    pub fn new(channel: Channel) -> Self {
        let alerts = AlertServiceClient::new(channel.clone());
        Self { alerts, incidents: IncidentServiceClient::new(channel), seen: 0 }
    }

    /// The alerts of a sale, oldest first.
    pub async fn alerts(&mut self, sale_id: &str, min_position: u64) -> Result<Vec<Alert>, Status> {
        let request = ListAlertsRequest {
            sale_id: sale_id.to_owned(),
            page_size: PAGE_SIZE,
            min_position: min_position.max(self.seen),
            ..ListAlertsRequest::default()
        };
        let mut alerts = self.alerts.list_alerts(request).await?.into_inner().alerts;
        alerts.reverse();
        Ok(alerts)
    }

    /// The incidents of a sale, oldest first.
    pub async fn incidents(
        &mut self,
        sale_id: &str,
        min_position: u64,
    ) -> Result<Vec<Incident>, Status> {
        let request = ListIncidentsRequest {
            sale_id: sale_id.to_owned(),
            page_size: PAGE_SIZE,
            min_position: min_position.max(self.seen),
            ..ListIncidentsRequest::default()
        };
        let answer = self.incidents.list_incidents(request).await?.into_inner();
        let mut incidents = answer.incidents;
        incidents.reverse();
        Ok(incidents)
    }

    /// All of both, the incidents with their steps and what they cost.
    pub async fn noticed(&mut self, sale_id: &str, min_position: u64) -> Result<Noticed, Status> {
        let alerts = self.alerts(sale_id, min_position).await?;
        let mut incidents = Vec::new();
        for Incident { incident_id, .. } in self.incidents(sale_id, min_position).await? {
            let request = GetIncidentRequest { incident_id, min_position, as_of: None };
            incidents.push(self.incidents.get_incident(request).await?.into_inner());
        }
        Ok(Noticed { alerts, incidents })
    }
}

impl Noticed {
    /// What should have been noticed and was not, one sentence each.
    pub fn missing(&self, rules: &[String]) -> Vec<String> {
        let mut missing = Vec::new();
        for rule in rules {
            if !self.alerts.iter().any(|alert| alert.rule == *rule) {
                missing.push(format!("no alert {rule} was raised"));
            }
        }
        for alert in self.alerts.iter().filter(|alert| alert.cleared_time.is_none()) {
            missing.push(format!("the alert {} is not over", alert.rule));
        }
        if self.incidents.is_empty() {
            missing.push("no incident was opened".to_owned());
        }
        for incident in self.incidents.iter().filter_map(|found| found.incident.as_ref()) {
            if incident.review_time.is_none() {
                missing.push(format!("the incident {:?} was not seen through", incident.title));
            }
        }
        missing
    }

    /// The alerts for programs. The names are an interface.
    pub fn alerts_json(&self) -> Vec<Value> {
        let alert = |alert: &Alert| {
            json!({
                "id": alert.alert_id,
                "rule": alert.rule,
                "severity": severity_of(alert),
                "item_id": known(&alert.item_id),
                "sku": known(&alert.sku),
                "when": alert.when,
                "since": time(alert.since_time.as_ref()),
                "raised_at": time(alert.raised_time.as_ref()),
                "cleared_at": alert.cleared_time.as_ref().map(|at| time(Some(at))),
                "cleared_because": match alert.cleared_because() {
                    ClearedBecause::Unspecified => None,
                    ClearedBecause::Recovered => Some("recovered"),
                    ClearedBecause::SaleOver => Some("sale_over"),
                },
            })
        };
        self.alerts.iter().map(alert).collect()
    }

    /// The incidents for programs. The names are an interface.
    pub fn incidents_json(&self) -> Vec<Value> {
        let incident = |found: &GetIncidentResponse| {
            let incident = found.incident.clone().unwrap_or_default();
            let steps = found.steps.iter().map(|step| {
                json!({
                    "kind": kind(&step.kind),
                    "at": time(step.step_time.as_ref()),
                    "operator": step.operator,
                    "details": serde_json::from_str::<Value>(&step.details_json)
                        .unwrap_or_default(),
                })
            });
            json!({
                "id": incident.incident_id,
                "title": incident.title,
                "rule": known(&incident.rule),
                "severity": severity(&incident),
                "owner": incident.owner,
                "began_at": time(incident.begin_time.as_ref()),
                "ended_at": incident.end_time.as_ref().map(|at| time(Some(at))),
                "steps": steps.collect::<Vec<_>>(),
                "impact": found.impact.as_ref().map(impact),
            })
        };
        self.incidents.iter().map(incident).collect()
    }

    /// Both for people: an entry each.
    pub fn lines(&self) -> String {
        let mut lines = Lines::default();
        for (nth, alert) in self.alerts.iter().enumerate() {
            let name = if nth == 0 { "alerts" } else { "" };
            let subject = if alert.sku.is_empty() { "the sale" } else { &alert.sku };
            let (severity, rule) = (severity_of(alert), &alert.rule);
            let raised = time_of_day(alert.raised_time.as_ref());
            lines.entry(name, format!("{raised} {severity} {rule} of {subject}"));
        }
        for (nth, found) in self.incidents.iter().enumerate() {
            let name = if nth == 0 { "incidents" } else { "" };
            let title = found.incident.as_ref().map_or("", |incident| incident.title.as_str());
            let impact = found.impact.clone().unwrap_or_default();
            let IncidentImpact { ordered_units, planned_units, lost_units, .. } = impact;
            lines.entry(name, format!("{title}: {lost_units} units lost"));
            lines.entry("", format!("{ordered_units} ordered of {planned_units} planned units"));
        }
        lines.into_text()
    }
}

/// The time of day in seconds, UTC: `18:11:03Z`.
fn time_of_day(at: Option<&Timestamp>) -> String {
    let at = at.and_then(|at| DateTime::from_timestamp(at.seconds, 0)).unwrap_or_default();
    at.format("%H:%M:%SZ").to_string()
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn severity_of(alert: &Alert) -> String {
    alert.severity().as_str_name().trim_start_matches("ALERT_SEVERITY_").to_lowercase()
}

fn severity(incident: &Incident) -> Option<String> {
    match incident.severity() {
        IncidentSeverity::Unspecified => None,
        known
        @ (IncidentSeverity::Minor | IncidentSeverity::Major | IncidentSeverity::Critical) => {
            Some(known.as_str_name().trim_start_matches("INCIDENT_SEVERITY_").to_lowercase())
        }
    }
}

/// `IncidentActionTaken` is `action_taken`.
fn kind(stored: &str) -> String {
    let mut kind = String::new();
    for letter in stored.trim_start_matches("Incident").chars() {
        if letter.is_uppercase() && !kind.is_empty() {
            kind.push('_');
        }
        kind.extend(letter.to_lowercase());
    }
    kind
}

fn impact(impact: &IncidentImpact) -> Value {
    let basis = match impact.basis() {
        ImpactBasis::Unspecified => None,
        ImpactBasis::Curve => Some("curve"),
        ImpactBasis::Goal => Some("goal"),
        ImpactBasis::Pace => Some("pace"),
    };
    let minor = |amount: &Option<crate::grpc::proto::Money>| {
        amount.as_ref().map(|amount| amount.amount_minor)
    };
    json!({
        "basis": basis,
        "planned_units": impact.planned_units,
        "actual_units": impact.ordered_units,
        "lost_units": impact.lost_units,
        "lost_revenue_minor": minor(&impact.lost_revenue),
        "unit_price": impact.unit_price.as_ref().map(shape),
        "per_minute": {
            "lost_units": impact.lost_units_per_minute,
            "lost_revenue_minor": minor(&impact.lost_revenue_per_minute),
        },
        "attempts": impact.attempts,
        "refusals": impact.refusals.iter().collect::<std::collections::BTreeMap<_, _>>(),
    })
}
