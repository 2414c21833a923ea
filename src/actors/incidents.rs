//! Incidents that alerts open: the same command as a person's, under an id that follows from the
//! alert, so that asking twice opens one.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Directory,
    sentinel::{Reacting, Reaction},
};
use crate::{
    domain::{
        alert::Rule,
        incident::{INCIDENT_TITLE_CHARS_MAX, Incident, IncidentCommand, IncidentStep, StepTaken},
    },
    events::{AlertRaised, DetectedBy},
    values::{IncidentId, RequestId},
};

/// Who opens them, for the record.
const OPERATOR: &str = "doorbuster";

/// Opens an incident for each alert whose rule says so.
pub struct IncidentOpener {
    incidents: Arc<Directory<Incident>>,
}

impl IncidentOpener {
    /// Opens them there.
    pub fn new(incidents: Arc<Directory<Incident>>) -> Self {
        Self { incidents }
    }
}

impl Reaction for IncidentOpener {
    fn react(&self, rule: &Rule, alert: &AlertRaised) -> Option<Reacting> {
        // An incident is a sale's: what is wrong with the service as a whole opens none.
        let sale_id = alert.sale_id.filter(|_| rule.opens_incident)?;
        let request_id = RequestId(Uuid::new_v5(&alert.alert_id.0, b"incident"));
        let title = match alert.sku.as_str() {
            "" => format!("{}: {}", alert.rule, alert.when),
            sku => format!("{} ({sku}): {}", alert.rule, alert.when),
        };
        let what = StepTaken::Detect {
            sale_id,
            items: alert.item_id.into_iter().collect(),
            title: title.chars().take(INCIDENT_TITLE_CHARS_MAX).collect(),
            detected_by: DetectedBy::Alert { alert_id: alert.alert_id, rule: alert.rule.clone() },
            began_at: Some(alert.since_ms),
        };
        let (operator, reason) = (OPERATOR.to_owned(), String::new());
        let step = IncidentStep { request_id, operator, reason, what };
        let incidents = Arc::clone(&self.incidents);
        Some(Box::pin(async move {
            let id = IncidentId::of_request(request_id);
            let command = IncidentCommand::Take(Box::new(step));
            incidents.ask(id.0, command, None).await.map(drop)
        }))
    }
}
