//! Incidents: detected, assessed, acted on, resolved and reviewed.
//!
//! Each has a stream of its own. The cost is not stored but computed from the log, so that it stays
//! correct when the log grows.

use serde::{Deserialize, Serialize};

use crate::{
    events::{act::Act, stored::stored_names},
    values::{AlertId, IncidentSeverity, ItemId, SaleId, UnixMs},
};

/// Everything that can happen to an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentEvent {
    /// An alert or a person noticed it.
    Detected(IncidentDetected),
    /// It was assessed, for the first time or again.
    Assessed(IncidentAssessed),
    /// An action was taken.
    ActionTaken(IncidentActionTaken),
    /// It is over.
    Resolved(IncidentResolved),
    /// It was looked back on.
    Reviewed(IncidentReviewed),
}

stored_names! { IncidentEvent:
    Detected => "IncidentDetected",
    Assessed => "IncidentAssessed",
    ActionTaken => "IncidentActionTaken",
    Resolved => "IncidentResolved",
    Reviewed => "IncidentReviewed",
}

/// The origin of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectedBy {
    Alert { alert_id: AlertId, rule: String },
    Person,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentDetected {
    pub sale_id: SaleId,
    /// The items it is about; empty where it is the whole sale.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub items: Vec<ItemId>,
    pub title: String,
    pub detected_by: DetectedBy,
    /// When it began, as far as known when it was noticed.
    pub began_at_ms: UnixMs,
    pub act: Act,
    pub detected_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentAssessed {
    pub severity: IncidentSeverity,
    /// What buyers and the sale suffer, in words.
    pub impact: String,
    /// The owner.
    pub owner: String,
    pub act: Act,
    pub assessed_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentActionTaken {
    /// What was done.
    pub action: String,
    pub act: Act,
    pub taken_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentResolved {
    /// When it ended: not after the time of this event.
    pub ended_at_ms: UnixMs,
    pub act: Act,
    pub resolved_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentReviewed {
    /// Why it happened.
    pub cause: String,
    /// What will be done differently.
    pub lessons: String,
    pub act: Act,
    pub reviewed_at_ms: UnixMs,
}

impl IncidentEvent {
    /// Operator, reason and time.
    pub fn act(&self) -> (&Act, UnixMs) {
        match self {
            Self::Detected(e) => (&e.act, e.detected_at_ms),
            Self::Assessed(e) => (&e.act, e.assessed_at_ms),
            Self::ActionTaken(e) => (&e.act, e.taken_at_ms),
            Self::Resolved(e) => (&e.act, e.resolved_at_ms),
            Self::Reviewed(e) => (&e.act, e.reviewed_at_ms),
        }
    }
}
