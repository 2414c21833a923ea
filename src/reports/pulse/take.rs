//! Takes the pulse of a sale from the sums that the read models keep.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};

use super::{Pulse, PulseSale, PulseTotals};
use crate::{
    events::Goals,
    projections::catalog,
    reports::{ReportError, Reports, id_at},
    values::{Currency, SaleId, UnixMs},
};

/// A sale is looked at from so long before it opens.
const BEFORE_MS: i64 = 3_600_000;

/// And so long after it ended: what is on hold is paid for or expires.
const AFTER_MS: i64 = 15 * 60_000;

impl Reports {
    /// Sales that are open, or open within an hour, or ended less than a quarter of an hour ago.
    pub fn pulsing_sales(&self, now: UnixMs) -> Result<BTreeSet<SaleId>, ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT sale_id FROM sales
                 WHERE opens_at_ms <= ? AND min(closes_at_ms, coalesce(closed_at_ms, closes_at_ms))
                     >= ?",
            )?;
            let bounds = params![now.plus(BEFORE_MS).0, now.plus(-AFTER_MS).0];
            let sales = found.query_map(bounds, |row| Ok(SaleId(id_at(row, 0)?)))?;
            Ok(sales.collect::<Result<_, _>>()?)
        })
    }

    /// The sale just now.
    pub fn pulse(&self, sale_id: SaleId, now: UnixMs) -> Result<Pulse, ReportError> {
        let (sale, position) = self.ask(catalog::NAME, catalog::VERSION, |rows, checkpoint| {
            let id = sale_id.0.as_bytes().as_slice();
            let found = rows
                .query_row(
                    "SELECT sale_id, name, currency, opens_at_ms, closes_at_ms, closed_at_ms,
                             goal_units, goal_revenue_minor, goal_conversion_ppm, goal_new_buyers
                         FROM sales WHERE sale_id = ?",
                    [id],
                    planned,
                )
                .optional()?;
            Ok((found.ok_or(ReportError::NotFound("sale_id"))?, checkpoint.position))
        })?;
        Ok(Pulse {
            sale,
            at: now,
            position,
            lag_ms: 0,
            totals: PulseTotals::default(),
            recent: Vec::new(),
            whole: Vec::new(),
            bin_seconds: 1,
            items: Vec::new(),
            channels: Vec::new(),
            happenings: Vec::new(),
        })
    }
}

fn planned(row: &Row<'_>) -> rusqlite::Result<PulseSale> {
    let currency: String = row.get(2)?;
    let goals = Goals {
        units: row.get(6)?,
        revenue_minor: row.get(7)?,
        conversion_ppm: row.get(8)?,
        new_buyers: row.get(9)?,
    };
    Ok(PulseSale {
        sale_id: SaleId(id_at(row, 0)?),
        name: row.get(1)?,
        currency: Currency::parse("currency", &currency)
            .map_err(|invalid| unreadable(2, invalid))?,
        opens_at: UnixMs(row.get(3)?),
        closes_at: UnixMs(row.get(4)?),
        closed_at: row.get::<_, Option<i64>>(5)?.map(UnixMs),
        paused: false,
        goals: (goals != Goals::default()).then_some(goals),
        curve: Vec::new(),
    })
}

/// A column that holds what no event of ours says.
fn unreadable(
    column: usize,
    why: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(why))
}
