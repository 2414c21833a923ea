//! Alerts: a rule found something out of order, and later found it in order again.
//!
//! A sale's alerts have one stream, under its id; those of the service as a whole have another. An
//! alert contains the figures that the rule evaluated, so that its cause is on record.

use serde::{Deserialize, Serialize};

use crate::{
    events::stored::stored_names,
    values::{AlertId, AlertSeverity, ItemId, SaleId, UnixMs},
};

/// Everything that can happen to alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertEvent {
    /// A rule's condition has held for as long as the rule asks for.
    Raised(AlertRaised),
    /// The alert is over.
    Cleared(AlertCleared),
}

stored_names! { AlertEvent:
    Raised => "AlertRaised",
    Cleared => "AlertCleared",
}

/// A figure that a rule looked at, in millionths: `0.25` is `250000`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    pub name: String,
    pub millionths: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRaised {
    pub alert_id: AlertId,
    /// Name of the rule.
    pub rule: String,
    pub severity: AlertSeverity,
    /// Absent where the service as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_id: Option<SaleId>,
    /// Absent where all items of the sale are meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item_id: Option<ItemId>,
    /// SKU of that item.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub sku: String,
    /// The condition, as the rule says it.
    pub when: String,
    /// What its figures were.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub signals: Vec<Signal>,
    /// When the condition began to hold.
    pub since_ms: UnixMs,
    pub raised_at_ms: UnixMs,
}

/// Why an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearedBecause {
    /// The condition has not held for as long as the rule asks for.
    Recovered,
    /// The sale is over: nothing more can come of it.
    SaleOver,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCleared {
    pub alert_id: AlertId,
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_id: Option<SaleId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item_id: Option<ItemId>,
    pub because: ClearedBecause,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub signals: Vec<Signal>,
    pub cleared_at_ms: UnixMs,
}
