//! Events around the sales: alerts, incidents, wordings of customer service, and service levels.
//!
//! One read model with one file per family. It is small: nothing here grows with orders.

mod alerts;
mod incidents;
mod levels;
mod rows;
mod scripts;

use super::{ApplyError, Here, Projection};
use crate::events::{AlertEvent, IncidentEvent, LevelSet, ScriptEvent};

/// Name of the projection and of its file.
pub const NAME: &str = "operations";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Alerts, incidents, scripts and levels.
#[derive(Debug, Default)]
pub struct Operations;

const SCHEMA: &str = "CREATE TABLE alerts (
    alert_id BLOB PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    sale_id BLOB,
    item_id BLOB,
    sku TEXT NOT NULL,
    condition TEXT NOT NULL,
    -- JSON: what the rule's figures were when it was raised, and when it was cleared.
    signals TEXT NOT NULL,
    signals_cleared TEXT,
    since_ms INTEGER NOT NULL,
    raised_at_ms INTEGER NOT NULL,
    cleared_at_ms INTEGER,
    cleared_because TEXT,
    -- Of the event that cleared it.
    cleared_position INTEGER
) WITHOUT ROWID;
CREATE INDEX alerts_by_sale ON alerts (sale_id, position);
CREATE INDEX alerts_by_end ON alerts (cleared_position);
CREATE TABLE incidents (
    incident_id BLOB PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    sale_id BLOB NOT NULL,
    -- JSON: ids of items; an empty list where it is the whole sale.
    items TEXT NOT NULL,
    title TEXT NOT NULL,
    -- Of the alert that noticed it; absent where a person did.
    alert_id BLOB,
    rule TEXT,
    severity TEXT,
    impact TEXT,
    owner TEXT,
    cause TEXT,
    lessons TEXT,
    began_at_ms INTEGER NOT NULL,
    detected_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    resolved_at_ms INTEGER,
    reviewed_at_ms INTEGER,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX incidents_by_sale ON incidents (sale_id, position);
CREATE TABLE incident_steps (
    incident_id BLOB NOT NULL,
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    -- JSON: what the step says, by its kind.
    details TEXT NOT NULL,
    PRIMARY KEY (incident_id, revision)
) WITHOUT ROWID;
CREATE TABLE scripts (
    situation TEXT NOT NULL,
    language TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- Absent where what comes with doorbuster is said again.
    text TEXT,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER,
    position INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (situation, language, version)
) WITHOUT ROWID;
CREATE TABLE levels (
    revision INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    level TEXT NOT NULL,
    before TEXT NOT NULL,
    alert_id BLOB,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER
);";

impl Projection for Operations {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        SCHEMA
    }

    fn on_alert(&mut self, here: &Here<'_>, event: &AlertEvent) -> Result<(), ApplyError> {
        alerts::apply(here.rows, here.recorded, event)
    }

    fn on_incident(&mut self, here: &Here<'_>, event: &IncidentEvent) -> Result<(), ApplyError> {
        incidents::apply(here.rows, here.recorded, event)
    }

    fn on_script(&mut self, here: &Here<'_>, event: &ScriptEvent) -> Result<(), ApplyError> {
        scripts::apply(here.rows, here.recorded, event)
    }

    fn on_level(&mut self, here: &Here<'_>, event: &LevelSet) -> Result<(), ApplyError> {
        levels::apply(here.rows, here.recorded, event)
    }
}
