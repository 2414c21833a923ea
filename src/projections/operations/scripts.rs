//! Wordings: every version with the time in which it was in force.

use rusqlite::{Transaction, params};

use crate::{
    events::{Act, Recorded, ScriptEvent},
    projections::{ApplyError, signed},
    values::UnixMs,
};

pub(super) fn apply(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    event: &ScriptEvent,
) -> Result<(), ApplyError> {
    let (situation, language, version, text, act, at): (_, _, _, _, &Act, UnixMs) = match event {
        ScriptEvent::Published(e) => {
            let text = Some(&e.text);
            (&e.situation, &e.language, e.version, text, &e.act, e.published_at_ms)
        }
        ScriptEvent::Withdrawn(e) => {
            (&e.situation, &e.language, e.version, None, &e.act, e.withdrawn_at_ms)
        }
    };
    rows.prepare_cached(
        "UPDATE scripts SET until_ms = ? WHERE situation = ? AND language = ? AND until_ms IS NULL",
    )?
    .execute(params![at.0, situation, language])?;
    rows.prepare_cached(
        "INSERT INTO scripts
             (situation, language, version, text, operator, reason, from_ms, position, revision)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        situation,
        language,
        version,
        text,
        act.operator,
        act.reason,
        at.0,
        signed(recorded.position.0)?,
        signed(recorded.revision)?,
    ])?;
    Ok(())
}
