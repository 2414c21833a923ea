//! Alerts: one row each, from being raised to being cleared.

use rusqlite::{Transaction, params};

use super::rows::json;
use crate::{
    events::{AlertEvent, ClearedBecause, Recorded},
    projections::{ApplyError, signed},
};

pub(super) fn apply(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    event: &AlertEvent,
) -> Result<(), ApplyError> {
    match event {
        AlertEvent::Raised(raised) => {
            rows.prepare_cached(
                "INSERT INTO alerts (alert_id, position, revision, rule, severity, sale_id, item_id,
                     sku, condition, signals, since_ms, raised_at_ms)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                raised.alert_id.0.as_bytes().as_slice(),
                signed(recorded.position.0)?,
                signed(recorded.revision)?,
                raised.rule,
                raised.severity.name(),
                raised.sale_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
                raised.item_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
                raised.sku,
                raised.when,
                json(&raised.signals)?,
                raised.since_ms.0,
                raised.raised_at_ms.0,
            ])?;
        }
        AlertEvent::Cleared(cleared) => {
            let because = match cleared.because {
                ClearedBecause::Recovered => "recovered",
                ClearedBecause::SaleOver => "sale_over",
            };
            let changed = rows
                .prepare_cached(
                    "UPDATE alerts SET cleared_at_ms = ?, cleared_because = ?, signals_cleared = ?,
                         cleared_position = ?
                     WHERE alert_id = ? AND cleared_at_ms IS NULL",
                )?
                .execute(params![
                    cleared.cleared_at_ms.0,
                    because,
                    json(&cleared.signals)?,
                    signed(recorded.position.0)?,
                    cleared.alert_id.0.as_bytes().as_slice(),
                ])?;
            if changed != 1 {
                let id = cleared.alert_id;
                return Err(ApplyError::Impossible(format!(
                    "alert {id} is cleared but not raised"
                )));
            }
        }
    }
    Ok(())
}
