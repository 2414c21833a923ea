//! The sums of a sale over its items: by second, minute and hour, and over all time.
//!
//! A view of a sale every second must not sum its items, of which there may be ten thousand, nor a
//! day of seconds. The additions of a page to the items' seconds are added here once per page.

use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};

use super::counts::{COUNTS, Counts, add, counts_at};
use crate::{
    projections::{ApplyError, row_cache::RowCache},
    values::SaleId,
};

/// Seconds of the spans that are kept; 0 is all time, whose second is 0.
pub(super) const SPANS: [i64; 4] = [1, 60, 3_600, 0];

/// Counts by owner, length of the span and its first second.
#[derive(Debug, Default)]
pub(super) struct Spans {
    rows: RowCache<(i64, i64, i64), Counts>,
}

impl Spans {
    /// Adds what happened in that second.
    pub(super) fn add(
        &mut self,
        rows: &Transaction<'_>,
        owner: i64,
        second: i64,
        fresh: &Counts,
    ) -> Result<(), ApplyError> {
        for seconds in SPANS {
            let first = if seconds == 0 { 0 } else { second - second.rem_euclid(seconds) };
            let key = (owner, seconds, first);
            let counts = self.rows.change(key, || read(rows, key))?;
            for (sum, more) in counts.iter_mut().zip(fresh) {
                add(sum, *more);
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(&format!(
            "INSERT OR REPLACE INTO sale_spans (sale, seconds, second, {}) VALUES (?, ?, ?{})",
            COUNTS.join(", "),
            ", ?".repeat(COUNTS.len())
        ))?;
        self.rows.flush(|(owner, seconds, second), counts| {
            write.execute(params_from_iter([owner, seconds, second].iter().chain(counts)))?;
            Ok(())
        })
    }

    pub(super) fn forget(&mut self) {
        self.rows.forget();
    }
}

fn read(rows: &Transaction<'_>, key: (i64, i64, i64)) -> Result<Counts, ApplyError> {
    let counts = rows
        .prepare_cached(&format!(
            "SELECT {} FROM sale_spans WHERE sale = ? AND seconds = ? AND second = ?",
            COUNTS.join(", ")
        ))?
        .query_row(key, |row| counts_at(row, 0))
        .optional()?;
    Ok(counts.unwrap_or_default())
}

/// The sale's number; one that is new gets the next.
pub(super) fn sale_number(rows: &Transaction<'_>, sale: SaleId) -> Result<i64, ApplyError> {
    let id = sale.0.as_bytes().as_slice();
    let known = rows
        .prepare_cached("SELECT number FROM sales WHERE sale_id = ?")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    rows.execute("INSERT INTO sales (sale_id) VALUES (?)", [id])?;
    Ok(rows.last_insert_rowid())
}

/// Adds the sums of one owner to those of another. Nothing of either may be in memory.
pub(super) fn hand_over(rows: &Transaction<'_>, from: i64, to: i64) -> Result<(), ApplyError> {
    let columns = COUNTS.join(", ");
    // Bounded as elsewhere: a sum that fits no column stays at the largest number.
    let sums = COUNTS.map(|count| {
        format!("{count} = CASE WHEN {count} > {max} - excluded.{count} THEN {max} ELSE {count} + excluded.{count} END", max = i64::MAX)
    });
    rows.execute(
        &format!(
            "INSERT INTO sale_spans (sale, seconds, second, {columns})
             SELECT ?, seconds, second, {columns} FROM sale_spans WHERE sale = ?
             ON CONFLICT DO UPDATE SET {}",
            sums.join(", ")
        ),
        params![to, from],
    )?;
    rows.execute("DELETE FROM sale_spans WHERE sale = ?", [from])?;
    Ok(())
}
