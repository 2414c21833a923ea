//! Incidents: one row each with the current state, and one for each step.

use rusqlite::{Transaction, params};
use serde_json::json;

use super::rows::{json, stream_id};
use crate::{
    events::{DetectedBy, IncidentDetected, IncidentEvent, Recorded, Stored},
    projections::{ApplyError, signed},
};

pub(super) fn apply(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    event: &IncidentEvent,
) -> Result<(), ApplyError> {
    let id = stream_id(recorded);
    let details = match event {
        IncidentEvent::Detected(detected) => {
            insert(rows, recorded, detected)?;
            json!({ "title": detected.title, "items": detected.items, "by": detected.detected_by })
        }
        IncidentEvent::Assessed(assessed) => {
            let (severity, impact, owner) =
                (assessed.severity.name(), &assessed.impact, &assessed.owner);
            rows.prepare_cached(
                "UPDATE incidents SET severity = ?, impact = ?, owner = ? WHERE incident_id = ?",
            )?
            .execute(params![severity, impact, owner, id])?;
            json!({ "severity": severity, "impact": impact, "owner": owner })
        }
        IncidentEvent::ActionTaken(taken) => json!({ "action": taken.action }),
        IncidentEvent::Resolved(resolved) => {
            let (ended, at) = (resolved.ended_at_ms.0, resolved.resolved_at_ms.0);
            rows.prepare_cached(
                "UPDATE incidents SET ended_at_ms = ?, resolved_at_ms = ? WHERE incident_id = ?",
            )?
            .execute(params![ended, at, id])?;
            json!({ "ended_at_ms": ended })
        }
        IncidentEvent::Reviewed(reviewed) => {
            let (cause, lessons) = (&reviewed.cause, &reviewed.lessons);
            rows.prepare_cached(
                "UPDATE incidents SET cause = ?, lessons = ?, reviewed_at_ms = ?
                 WHERE incident_id = ?",
            )?
            .execute(params![cause, lessons, reviewed.reviewed_at_ms.0, id])?;
            json!({ "cause": cause, "lessons": lessons })
        }
    };
    let (act, at) = event.act();
    let revision = signed(recorded.revision)?;
    rows.prepare_cached(
        "INSERT INTO incident_steps (incident_id, revision, kind, operator, reason, at_ms, details)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id,
        revision,
        event.kind(),
        act.operator,
        act.reason,
        at.0,
        details.to_string()
    ])?;
    let changed = rows
        .prepare_cached("UPDATE incidents SET revision = ? WHERE incident_id = ?")?
        .execute(params![revision, id])?;
    if changed == 1 {
        Ok(())
    } else {
        let stream = recorded.stream;
        Err(ApplyError::Impossible(format!("{stream} does not begin with its detection")))
    }
}

fn insert(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    detected: &IncidentDetected,
) -> Result<(), ApplyError> {
    let (alert, rule) = match &detected.detected_by {
        DetectedBy::Alert { alert_id, rule } => (Some(alert_id.0), Some(rule)),
        DetectedBy::Person => (None, None),
    };
    rows.prepare_cached(
        "INSERT INTO incidents (incident_id, position, sale_id, items, title, alert_id, rule,
             began_at_ms, detected_at_ms, revision)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        stream_id(recorded),
        signed(recorded.position.0)?,
        detected.sale_id.0.as_bytes().as_slice(),
        json(&detected.items)?,
        detected.title,
        alert.as_ref().map(|id| id.as_bytes().as_slice()),
        rule,
        detected.began_at_ms.0,
        detected.detected_at_ms.0,
        signed(recorded.revision)?,
    ])?;
    Ok(())
}
