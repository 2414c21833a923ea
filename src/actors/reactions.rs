//! What alerts bring about beside themselves: a lower level of the service, an incident. Both by the
//! commands that people use, under a request id that comes from the alert, so once is enough.

use std::sync::Arc;

use uuid::Uuid;

use super::{Counted, Directory, Levels, Reacting, Reaction};
use crate::{
    domain::{
        alert::Rule,
        incident::{Incident, IncidentCommand, IncidentStep, StepTaken},
        level::{AskingAlert, SetLevel},
    },
    events::{AlertRaised, DetectedBy},
    values::{IncidentId, RequestId},
};

/// Who acts where no person does.
const OPERATOR: &str = "doorbuster";

/// Lowers the level of the service where a rule says so.
pub struct LowersLevel(pub Levels);

impl Reaction for LowersLevel {
    fn react(&self, rule: &Rule, alert: &AlertRaised) -> Option<Reacting> {
        let set = SetLevel {
            request_id: request(alert, b"level"),
            level: rule.sets_level?,
            expected: None,
            by_alert: Some(AskingAlert { alert_id: alert.alert_id, raised_at: alert.raised_at_ms }),
            operator: OPERATOR.to_owned(),
            reason: format!("alert {}", alert.rule),
        };
        let levels = self.0.clone();
        Some(Box::pin(async move { levels.set(set, None).await.map(drop) }))
    }
}

/// Opens an incident where a rule says so. Alerts of the service as a whole have no sale that an
/// incident could be about.
pub struct OpensIncident(pub Arc<Directory<Incident>>);

impl Reaction for OpensIncident
where
    Incident: Counted,
{
    fn react(&self, rule: &Rule, alert: &AlertRaised) -> Option<Reacting> {
        let sale_id = alert.sale_id.filter(|_| rule.opens_incident)?;
        let request_id = request(alert, b"incident");
        let subject = if alert.sku.is_empty() { "the sale" } else { alert.sku.as_str() };
        let step = IncidentStep {
            request_id,
            operator: OPERATOR.to_owned(),
            reason: String::new(),
            what: StepTaken::Detect {
                sale_id,
                items: alert.item_id.into_iter().collect(),
                title: format!("{}: {subject}", alert.rule),
                detected_by: DetectedBy::Alert {
                    alert_id: alert.alert_id,
                    rule: alert.rule.clone(),
                },
                began_at: Some(alert.since_ms),
            },
        };
        let incident = IncidentId::of_request(request_id);
        let incidents = Arc::clone(&self.0);
        Some(Box::pin(async move {
            let command = IncidentCommand::Take(Box::new(step));
            incidents.ask(incident.0, command, None).await.map(drop)
        }))
    }
}

fn request(alert: &AlertRaised, what: &[u8]) -> RequestId {
    RequestId(Uuid::new_v5(&alert.alert_id.0, what))
}
