//! Levels of the service: each with the time in which it was in force.

use rusqlite::{Transaction, params};

use crate::{
    events::{LevelSet, Recorded},
    projections::{ApplyError, signed},
};

pub(super) fn apply(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    set: &LevelSet,
) -> Result<(), ApplyError> {
    let at = set.set_at_ms.0;
    rows.prepare_cached("UPDATE levels SET until_ms = ? WHERE until_ms IS NULL")?.execute([at])?;
    rows.prepare_cached(
        "INSERT INTO levels (revision, position, level, before, alert_id, operator, reason, from_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        signed(recorded.revision)?,
        signed(recorded.position.0)?,
        set.level.name(),
        set.before.name(),
        set.alert_id.as_ref().map(|id| id.0.as_bytes().as_slice()),
        set.act.operator,
        set.act.reason,
        at,
    ])?;
    Ok(())
}
