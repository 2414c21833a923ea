//! Recent events of a sale: acts of operators, alerts, incidents, levels, sold-out times.

use rusqlite::{Row, Transaction, params};

use super::Happening;
use crate::{
    events::Position,
    projections::{acts, operations, timeline},
    reports::{ReportError, Reports},
    values::{SaleId, UnixMs, number_of},
};

/// Happenings that are told.
const TOLD: usize = 50;

impl Reports {
    /// The newest happenings, newest first.
    pub(super) fn happenings(
        &self,
        sale_id: SaleId,
        opens_at: UnixMs,
    ) -> Result<(Vec<Happening>, Position), ReportError> {
        let sale = sale_id.0.as_bytes().as_slice();
        let (mut told, acted_at) = self.ask(acts::NAME, acts::VERSION, |rows, checkpoint| {
            let acts = newest(
                rows,
                "SELECT at_ms, kind, coalesce(sku, ''), operator, reason FROM acts
                 WHERE sale_id = ? AND planned = 0 ORDER BY number DESC LIMIT ?",
                sale,
            )?;
            Ok((acts, checkpoint.position))
        })?;
        let operated_at = self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            for statement in [RAISED, CLEARED, STEPS] {
                told.extend(newest(rows, statement, sale)?);
            }
            told.extend(levels(rows, opens_at)?);
            Ok(checkpoint.position)
        })?;
        self.ask(timeline::NAME, timeline::VERSION, |rows, _| {
            told.extend(newest(rows, SOLD_OUTS, sale)?);
            Ok(())
        })?;
        // What happened in one moment stays in the order in which it was asked for.
        told.sort_by_key(|happening| std::cmp::Reverse(happening.at));
        told.truncate(TOLD);
        Ok((told, acted_at.min(operated_at)))
    }
}

const RAISED: &str = "SELECT raised_at_ms, 'AlertRaised', rule, '', condition FROM alerts
    WHERE sale_id = ? ORDER BY position DESC LIMIT ?";

const CLEARED: &str = "SELECT cleared_at_ms, 'AlertCleared', rule, '', cleared_because FROM alerts
    WHERE sale_id = ? AND cleared_at_ms IS NOT NULL ORDER BY cleared_at_ms DESC LIMIT ?";

const STEPS: &str = "SELECT at_ms, kind, title, operator, reason FROM incident_steps
    JOIN incidents USING (incident_id) WHERE sale_id = ? ORDER BY at_ms DESC LIMIT ?";

const SOLD_OUTS: &str = "SELECT from_ms, 'SoldOut', coalesce(sku, ''), '', '' FROM sold_outs
    JOIN items ON items.number = sold_outs.item WHERE sale_id = ? ORDER BY from_ms DESC LIMIT ?";

fn newest(
    rows: &Transaction<'_>,
    statement: &str,
    sale: &[u8],
) -> rusqlite::Result<Vec<Happening>> {
    let limit = number_of(TOLD);
    let mut found = rows.prepare(statement)?;
    let found = found.query_map(params![sale, limit], happening)?;
    found.collect()
}

/// Levels are of the node; a sale has those of its time.
fn levels(rows: &Transaction<'_>, opens_at: UnixMs) -> rusqlite::Result<Vec<Happening>> {
    let limit = number_of(TOLD);
    let mut found = rows.prepare(
        "SELECT from_ms, 'LevelSet', level, operator, reason FROM levels WHERE from_ms >= ?
         ORDER BY revision DESC LIMIT ?",
    )?;
    let found = found.query_map([opens_at.0, limit], happening)?;
    found.collect()
}

fn happening(row: &Row<'_>) -> rusqlite::Result<Happening> {
    Ok(Happening {
        at: UnixMs(row.get(0)?),
        kind: row.get(1)?,
        subject: row.get(2)?,
        operator: row.get(3)?,
        reason: row.get(4)?,
    })
}
