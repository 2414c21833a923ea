//! The JSON of events around the sales: alerts, incidents, wordings, levels.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Act, Id};

#[derive(Deserialize)]
pub(crate) struct AlertRaised<'a> {
    pub alert_id: Id,
    #[serde(borrow)]
    pub rule: Cow<'a, str>,
    #[serde(default)]
    pub sale_id: Option<Id>,
    #[serde(default)]
    pub item_id: Option<Id>,
    #[serde(borrow, rename = "severity")]
    _severity: Cow<'a, str>,
    #[serde(borrow, rename = "when")]
    _when: Cow<'a, str>,
    pub since_ms: i64,
    pub raised_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct AlertCleared<'a> {
    pub alert_id: Id,
    #[serde(borrow)]
    pub rule: Cow<'a, str>,
    #[serde(default)]
    pub sale_id: Option<Id>,
    #[serde(borrow, rename = "because")]
    _because: Cow<'a, str>,
    pub cleared_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct IncidentDetected<'a> {
    #[serde(rename = "sale_id")]
    _sale_id: Id,
    #[serde(default, rename = "items")]
    _items: Vec<Id>,
    #[serde(borrow, rename = "title")]
    _title: Cow<'a, str>,
    pub began_at_ms: i64,
    pub act: Act,
    pub detected_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct IncidentAssessed<'a> {
    #[serde(borrow)]
    pub severity: Cow<'a, str>,
    #[serde(borrow, rename = "impact")]
    _impact: Cow<'a, str>,
    #[serde(borrow, rename = "owner")]
    _owner: Cow<'a, str>,
    pub act: Act,
    pub assessed_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct IncidentActionTaken<'a> {
    #[serde(borrow, rename = "action")]
    _action: Cow<'a, str>,
    pub act: Act,
    pub taken_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct IncidentResolved {
    pub ended_at_ms: i64,
    pub act: Act,
    pub resolved_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct IncidentReviewed<'a> {
    #[serde(borrow, rename = "cause")]
    _cause: Cow<'a, str>,
    #[serde(borrow, rename = "lessons")]
    _lessons: Cow<'a, str>,
    pub act: Act,
    pub reviewed_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct ScriptPublished<'a> {
    #[serde(borrow)]
    pub situation: Cow<'a, str>,
    #[serde(borrow)]
    pub language: Cow<'a, str>,
    pub version: i64,
    #[serde(borrow, rename = "text")]
    _text: Cow<'a, str>,
    pub act: Act,
    pub published_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct ScriptWithdrawn<'a> {
    #[serde(borrow)]
    pub situation: Cow<'a, str>,
    #[serde(borrow)]
    pub language: Cow<'a, str>,
    pub version: i64,
    pub act: Act,
    pub withdrawn_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct LevelSet<'a> {
    #[serde(borrow)]
    pub level: Cow<'a, str>,
    #[serde(borrow)]
    pub before: Cow<'a, str>,
    #[serde(default)]
    pub alert_id: Option<Id>,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct NodeAnnounced<'a> {
    pub node_id: Id,
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    #[serde(borrow)]
    pub version: Cow<'a, str>,
    #[serde(rename = "wire")]
    _wire: u32,
    pub started_at_ms: i64,
    pub announced_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct NodeLeft {
    pub node_id: Id,
    pub left_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct LossAccepted<'a> {
    pub end: u64,
    pub known: u64,
    pub settles: Vec<GivenUp<'a>>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    pub accepted_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct GivenUp<'a> {
    #[serde(borrow, rename = "source")]
    _source: Cow<'a, str>,
    pub position: u64,
    #[serde(default, rename = "event_id")]
    _event_id: Option<Id>,
}
