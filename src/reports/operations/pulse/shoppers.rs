//! Visitors, participants, buyers and channels: from sets and sums, never from touches.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{PulseChannel, PulseTotals};
use crate::{
    events::Position,
    projections::journeys::{self, DIRECT, Scope},
    reports::{ReportError, Reports},
    values::SaleId,
};

/// Channels that are told: those through which most was ordered.
const CHANNELS_MAX: i64 = 20;

impl Reports {
    /// Fills in what is known of shoppers, and gives the channels.
    pub(super) fn pulse_shoppers(
        &self,
        sale_id: SaleId,
        totals: &mut PulseTotals,
    ) -> Result<(Vec<PulseChannel>, Position), ReportError> {
        self.ask(journeys::NAME, journeys::VERSION, |rows, checkpoint| {
            let id = sale_id.0.as_bytes().as_slice();
            let number = "SELECT number FROM sales WHERE sale_id = ?";
            let number = rows.query_row(number, [id], |row| row.get(0)).optional()?;
            let Some(sale) = number else { return Ok((Vec::new(), checkpoint.position)) };
            totals.visitors = members(rows, sale, Scope::Sale)?;
            totals.participants = members(rows, sale, Scope::Tried)?;
            totals.paying_buyers = members(rows, sale, Scope::Paid)?;
            let sums = rows
                .query_row(
                    "SELECT views, favourites, carts FROM traffic_sums WHERE sale = ?",
                    [sale],
                    |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
                )
                .optional()?;
            [totals.page_views, totals.favourites, totals.carts] = sums.unwrap_or([0; 3]);
            Ok((channels(rows, sale)?, checkpoint.position))
        })
    }
}

/// How many are in a set of the whole sale.
fn members(rows: &Transaction<'_>, sale: i64, scope: Scope) -> rusqlite::Result<i64> {
    let count = rows
        .query_row(
            "SELECT visitors FROM uv WHERE sale = ? AND scope = ? AND of = 0",
            params![sale, scope as u8],
            |row| row.get(0),
        )
        .optional()?;
    Ok(count.unwrap_or(0))
}

fn channels(rows: &Transaction<'_>, sale: i64) -> rusqlite::Result<Vec<PulseChannel>> {
    let mut found = rows.prepare(
        "SELECT coalesce(channels.name, ?), attempts, orders_placed FROM channel_sums
         LEFT JOIN channels ON channels.number = channel_sums.channel
         WHERE channel_sums.sale = ? ORDER BY orders_placed DESC, attempts DESC, channel LIMIT ?",
    )?;
    let channels = found.query_map(params![DIRECT, sale, CHANNELS_MAX], |row| {
        Ok(PulseChannel { channel: row.get(0)?, attempts: row.get(1)?, orders_placed: row.get(2)? })
    })?;
    channels.collect()
}
