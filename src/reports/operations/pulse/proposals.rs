//! What reserve plans ask an operator to release, of the items of one sale.

use std::collections::HashMap;

use rusqlite::{Row, Transaction};

use super::PulseProposal;
use crate::{
    events::{Proposal, open_proposals},
    projections::stock::list_at,
    reports::id_at,
    values::{ItemId, SaleId},
};

/// The items in the order in which they were added; of each the oldest proposal first. An item that
/// was never asked about costs nothing.
pub(super) fn proposals(
    rows: &Transaction<'_>,
    sale_id: SaleId,
) -> rusqlite::Result<Vec<PulseProposal>> {
    let mut found = rows.prepare(
        "SELECT number, item_id, sku, title, proposals FROM items
         WHERE sale_id = ? AND proposals IS NOT NULL ORDER BY number",
    )?;
    let mut reserves =
        rows.prepare("SELECT warehouse, reserve_units FROM warehouses WHERE item = ?")?;
    let mut told = Vec::new();
    let mut found = found.query([sale_id.0.as_bytes().as_slice()])?;
    while let Some(row) = found.next()? {
        let reserves =
            reserves.query_map([row.get::<_, i64>(0)?], |at| Ok((at.get(0)?, at.get(1)?)))?;
        let reserves: HashMap<String, i64> = reserves.collect::<Result<_, _>>()?;
        let reserve = |warehouse: &str| reserves.get(warehouse).copied().unwrap_or(0);
        for proposal in open_proposals(&list_at(row, 4)?, reserve) {
            told.push(of_item(row, proposal)?);
        }
    }
    Ok(told)
}

fn of_item(row: &Row<'_>, proposal: Proposal) -> rusqlite::Result<PulseProposal> {
    let Proposal { step, warehouse, units, below_units, proposed_at_ms } = proposal;
    Ok(PulseProposal {
        item_id: ItemId(id_at(row, 1)?),
        sku: row.get(2)?,
        title: row.get(3)?,
        step,
        warehouse,
        units,
        below_units,
        since: proposed_at_ms,
    })
}
