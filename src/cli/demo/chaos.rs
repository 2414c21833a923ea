//! Carries out the injected faults and the acts of an operator against them, over gRPC like any
//! operator.

use std::time::Duration;

use anyhow::Context;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::noticed::{Desk, Noticed};
use crate::{
    clock::new_request_id,
    crowd::{
        channel::Channel,
        chaos::{Spell, Troubles},
        operator::Operator,
        sale::PutUp,
    },
    grpc::proto::{
        Alert, AssessIncidentRequest, Incident, IncidentSeverity, PauseItemRequest,
        RecordActionRequest, ResolveIncidentRequest, ResumeItemRequest, ReviewIncidentRequest,
        item_service_client::ItemServiceClient,
    },
};

/// How often the operator looks for incidents.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// How long the operator waits, after the last trouble, for alerts to be over.
const OVER_WITHIN: Duration = Duration::from_secs(25);

/// What the operator writes down about incidents of one rule.
struct Handling {
    rule: &'static str,
    severity: IncidentSeverity,
    impact: &'static str,
    action: &'static str,
    cause: &'static str,
    lessons: &'static str,
}

const HANDLINGS: [Handling; 3] = [
    Handling {
        rule: "refusals_paused",
        severity: IncidentSeverity::Major,
        impact: "Orders for the paused item are refused.",
        action: "The price was checked and the item resumed.",
        cause: "The item was paused while its price was checked.",
        lessons: "Prices are checked before the opening.",
    },
    Handling {
        rule: "payments_late",
        severity: IncidentSeverity::Major,
        impact: "Buyers pay and are too late; their units go to others.",
        action: "The payment provider was called; it answers in time again.",
        cause: "The payment provider was slow for ten seconds.",
        lessons: "The time to pay leaves room for a slow provider.",
    },
    Handling {
        rule: "store_stalled",
        severity: IncidentSeverity::Critical,
        impact: "Orders are not answered while the log is not written.",
        action: "Nothing had to be done: the store writes again, and nothing was lost.",
        cause: "The store did not write for some seconds, twice.",
        lessons: "The disk of the log serves nothing else.",
    },
];

/// The handling of a rule without an entry of its own.
const UNFORESEEN: Handling = Handling {
    rule: "",
    severity: IncidentSeverity::Minor,
    impact: "An unexpected alert.",
    action: "The alert was observed until it cleared.",
    cause: "Not known.",
    lessons: "Add the alert to the playbook.",
};

/// The operator of a sale during injected faults.
pub struct Shift<'a> {
    pub channel: Channel,
    pub operator: &'a Operator,
    pub sales: &'a PutUp,
    /// When the crowd was let in.
    pub start: Instant,
}

impl Shift<'_> {
    /// Breaks what the plan says and mends what a person has to mend; returns when all is over.
    ///
    /// # Errors
    /// When the server did not do what the operator asked of it.
    pub async fn carry_out(
        &self,
        troubles: &Troubles,
        stall: &watch::Sender<bool>,
    ) -> anyhow::Result<()> {
        let stalling = async {
            for spell in &troubles.stalls {
                self.reach(spell.from_ms).await;
                stall.send_replace(true);
                self.reach(spell.until_ms).await;
                stall.send_replace(false);
            }
            Ok(())
        };
        let pausing = async {
            let Some(item) = self.sales.items.get(troubles.paused_item) else { return Ok(()) };
            self.pause(&item.item_id, troubles.paused).await
        };
        let spells = troubles.stalls.iter().chain([&troubles.slow_payments.spell]);
        let last_ms = spells.map(|spell| spell.until_ms).max().unwrap_or(0);
        tokio::try_join!(stalling, pausing, self.tend(last_ms))?;
        Ok(())
    }

    /// Looks back once the sale is closed: reviews the incidents, and tells what was noticed.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn look_back(&self, position: u64) -> anyhow::Result<Noticed> {
        let Some(sale_id) = self.sales.sale_ids.first() else { return Ok(Noticed::default()) };
        let mut desk = Desk::new(self.channel.clone());
        let until = Instant::now() + OVER_WITHIN;
        let mut alerts = desk.alerts(sale_id, position).await.context("the alerts")?;
        while alerts.iter().any(|alert| alert.cleared_time.is_none()) && Instant::now() < until {
            sleep(LOOKS_EVERY).await;
            alerts = desk.alerts(sale_id, position).await.context("the alerts")?;
        }
        let mut seen = position;
        for incident in desk.incidents(sale_id, position).await.context("the incidents")? {
            self.see_to(&mut desk, &incident, &alerts).await?;
            let Handling { cause, lessons, .. } = handling(&incident);
            let review = ReviewIncidentRequest {
                request_id: new_request_id().0.to_string(),
                incident_id: incident.incident_id,
                cause: (*cause).to_owned(),
                lessons: (*lessons).to_owned(),
                operator: self.operator.name.clone(),
                reason: String::new(),
            };
            let reviewed = desk.incidents.review_incident(review).await.context("a review")?;
            seen = reviewed.into_inner().position.max(seen);
        }
        desk.noticed(sale_id, seen).await.context("what was noticed")
    }

    /// Sees to the incidents of the sale until all troubles and all incidents are over.
    async fn tend(&self, last_ms: u32) -> anyhow::Result<()> {
        let Some(sale_id) = self.sales.sale_ids.first() else { return Ok(()) };
        let mut desk = Desk::new(self.channel.clone());
        let last = self.start + Duration::from_millis(last_ms.into());
        loop {
            sleep(LOOKS_EVERY).await;
            let alerts = desk.alerts(sale_id, 0).await.context("the alerts")?;
            let incidents = desk.incidents(sale_id, 0).await.context("the incidents")?;
            let mut open = 0;
            for incident in incidents.iter().filter(|incident| incident.end_time.is_none()) {
                open += 1;
                self.see_to(&mut desk, incident, &alerts).await?;
            }
            // A moment longer: what was broken last is noticed a little later.
            let quiet = Instant::now() > last + 6 * LOOKS_EVERY && open == 0;
            if quiet || Instant::now() > last + OVER_WITHIN {
                return Ok(());
            }
        }
    }

    /// The next step of an incident that is not over: judged as soon as it is seen, ended when its
    /// alert is over.
    async fn see_to(
        &self,
        desk: &mut Desk,
        incident: &Incident,
        alerts: &[Alert],
    ) -> anyhow::Result<()> {
        let Handling { severity, impact, action, .. } = handling(incident);
        let (incident_id, operator) = (&incident.incident_id, &self.operator.name);
        let request_id = || new_request_id().0.to_string();
        if incident.severity() == IncidentSeverity::Unspecified {
            let assess = AssessIncidentRequest {
                request_id: request_id(),
                incident_id: incident_id.clone(),
                severity: (*severity).into(),
                impact: (*impact).to_owned(),
                owner: operator.clone(),
                operator: operator.clone(),
                reason: String::new(),
            };
            let assessed = desk.incidents.assess_incident(assess).await;
            let assessed = assessed.context("an assessment")?.into_inner();
            desk.seen = assessed.position.max(desk.seen);
        }
        let is_its = |alert: &&Alert| alert.alert_id == incident.alert_id;
        let is_over = alerts.iter().find(is_its).is_none_or(|alert| alert.cleared_time.is_some());
        if !is_over || incident.end_time.is_some() {
            return Ok(());
        }
        let act = RecordActionRequest {
            request_id: request_id(),
            incident_id: incident_id.clone(),
            action: (*action).to_owned(),
            operator: operator.clone(),
            reason: String::new(),
        };
        desk.incidents.record_action(act).await.context("an action")?;
        let resolve = ResolveIncidentRequest {
            request_id: request_id(),
            incident_id: incident_id.clone(),
            end_time: None,
            operator: operator.clone(),
            reason: String::new(),
        };
        let resolved = desk.incidents.resolve_incident(resolve).await;
        desk.seen = resolved.context("its end")?.into_inner().position.max(desk.seen);
        Ok(())
    }

    async fn pause(&self, item_id: &str, spell: Spell) -> anyhow::Result<()> {
        let mut items = ItemServiceClient::new(self.channel.clone());
        self.reach(spell.from_ms).await;
        let pause = PauseItemRequest {
            request_id: new_request_id().0.to_string(),
            item_id: item_id.to_owned(),
            operator: self.operator.name.clone(),
            reason: "the price is being checked".to_owned(),
        };
        items.pause_item(pause).await.context("the item cannot be paused")?;
        self.reach(spell.until_ms).await;
        let resume = ResumeItemRequest {
            request_id: new_request_id().0.to_string(),
            item_id: item_id.to_owned(),
            operator: self.operator.name.clone(),
            reason: "the price is right".to_owned(),
        };
        items.resume_item(resume).await.context("the item cannot be resumed")?;
        Ok(())
    }

    /// Waits for a moment of the plan.
    async fn reach(&self, ms: u32) {
        sleep_until(self.start + Duration::from_millis(ms.into())).await;
    }
}

fn handling(incident: &Incident) -> &'static Handling {
    HANDLINGS.iter().find(|known| known.rule == incident.rule).unwrap_or(&UNFORESEEN)
}
