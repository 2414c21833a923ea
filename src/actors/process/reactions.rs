//! What an alert brings about beside itself: a lower level of the service, an incident.
//!
//! Both are asked by the commands that operators use. An alert that was cleared before a restart
//! brings about nothing after it, and neither does an alert of a sale that is over.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    ask::Ask,
    contract::{Known, Process},
};
use crate::{
    domain::{
        alert::{Rule, defaults},
        incident::{IncidentStep, StepTaken},
        sale::SaleView,
        service_level::{AskingAlert, SetServiceLevel},
    },
    events::{AlertEvent, AlertRaised, DetectedBy, Event, OWN_OPERATOR, Position, Recorded},
    values::{AlertId, IncidentId, RequestId, SaleId, UnixMs},
};

/// Alerts whose reactions are not done.
#[derive(Debug, Default)]
pub struct Reactions {
    raised: HashMap<AlertId, (Position, AlertRaised)>,
    is_caught_up: bool,
}

impl Process for Reactions {
    const NAME: &'static str = "reactions";
    type Work = AlertRaised;
    type Key = AlertId;

    fn key(work: &AlertRaised) -> AlertId {
        work.alert_id
    }

    fn observe(&mut self, recorded: &Recorded, event: &Event) {
        match event {
            Event::Alert(AlertEvent::Raised(raised)) => {
                self.raised.insert(raised.alert_id, (recorded.position, raised.clone()));
            }
            // An alert that is short while the node runs has its incident all the same.
            Event::Alert(AlertEvent::Cleared(cleared)) if !self.is_caught_up => {
                self.raised.remove(&cleared.alert_id);
            }
            Event::Alert(AlertEvent::Cleared(_))
            | Event::Item(_)
            | Event::Sale(_)
            | Event::Coupon(_)
            | Event::Quota(_)
            | Event::Demand(_)
            | Event::Fulfilment(_)
            | Event::Traffic(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_)
            | Event::Node(_) => {}
        }
    }

    fn caught_up(&mut self) {
        self.is_caught_up = true;
    }

    fn due(&self, _: &Known<'_>) -> Vec<AlertRaised> {
        self.raised.values().map(|(_, raised)| raised.clone()).collect()
    }

    fn sale_of(work: &AlertRaised) -> Option<SaleId> {
        work.sale_id
    }

    fn decide(alert: &AlertRaised, sale: Option<&SaleView>, now: UnixMs) -> Vec<Ask> {
        if sale.is_some_and(|sale| is_over(sale, now)) {
            return Vec::new();
        }
        let (rules, _) = defaults(sale.map(|sale| sale.plan.alerts.as_slice()));
        let Some(rule) = rules.iter().find(|rule| rule.name == alert.rule) else {
            return Vec::new();
        };
        lower_level(rule, alert).into_iter().chain(open_incident(rule, alert)).collect()
    }

    fn done(&mut self, work: &AlertRaised) {
        self.raised.remove(&work.alert_id);
    }

    fn oldest(&self) -> Option<Position> {
        self.raised.values().map(|(position, _)| *position).min()
    }
}

/// Whether a sale has ended and none of its orders can hold units any more.
fn is_over(sale: &SaleView, now: UnixMs) -> bool {
    let ended = sale.closed.as_ref().map_or(sale.closes_at(), |closed| closed.closed_at_ms);
    let to_pay = sale.plan.items.iter().map(|item| item.time_to_pay_ms).max();
    now >= ended.plus(to_pay.unwrap_or(0))
}

fn lower_level(rule: &Rule, alert: &AlertRaised) -> Option<Ask> {
    Some(Ask::Level(SetServiceLevel {
        request_id: request(alert, b"level"),
        level: rule.sets_level?,
        expected: None,
        by_alert: Some(AskingAlert { alert_id: alert.alert_id, raised_at: alert.raised_at_ms }),
        operator: OWN_OPERATOR.to_owned(),
        reason: format!("alert {}", alert.rule),
    }))
}

/// Alerts of the service as a whole have no sale that an incident could be about.
fn open_incident(rule: &Rule, alert: &AlertRaised) -> Option<Ask> {
    let sale_id = alert.sale_id.filter(|_| rule.opens_incident)?;
    let request_id = request(alert, b"incident");
    let subject = if alert.sku.is_empty() { "the sale" } else { alert.sku.as_str() };
    let step = IncidentStep {
        request_id,
        operator: OWN_OPERATOR.to_owned(),
        reason: String::new(),
        what: StepTaken::Detect {
            sale_id,
            items: alert.item_id.into_iter().collect(),
            title: format!("{}: {subject}", alert.rule),
            detected_by: DetectedBy::Alert { alert_id: alert.alert_id, rule: alert.rule.clone() },
            began_at: Some(alert.since_ms),
        },
    };
    Some(Ask::Incident(IncidentId::of_request(request_id), Box::new(step)))
}

fn request(alert: &AlertRaised, what: &[u8]) -> RequestId {
    RequestId(Uuid::new_v5(&alert.alert_id.0, what))
}
