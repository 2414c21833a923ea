//! What a server has to see to by itself: sales whose items were not all told, and open holds.

use crate::{
    projections::{Checkpoint, catalog, orders},
    reports::{ReportError, Reports, id_at},
    values::{ItemId, SaleId, UnixMs},
};

/// Units of an item on hold for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenHold {
    pub item_id: ItemId,
    /// Revision of the event that placed the order.
    pub revision: u64,
    pub pay_by: UnixMs,
}

impl Reports {
    /// Sales of which an item is missing, or is open although the sale was closed, or is paused with
    /// its sale or not otherwise than the sale is.
    pub fn unfinished_sales(&self) -> Result<Vec<SaleId>, ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT sale_id FROM sales WHERE items > (
                     SELECT count(*) FROM items WHERE items.sale_id = sales.sale_id)
                 OR closed_at_ms IS NOT NULL AND EXISTS (
                     SELECT 1 FROM items
                     WHERE items.sale_id = sales.sale_id AND items.closed_at_ms IS NULL)
                 OR closed_at_ms IS NULL AND EXISTS (
                     SELECT 1 FROM items
                     WHERE items.sale_id = sales.sale_id AND items.closed_at_ms IS NULL
                     AND items.paused_with_sale <> sales.paused)
                 ORDER BY number",
            )?;
            let sales = found.query_map([], |row| Ok(SaleId(id_at(row, 0)?)))?;
            Ok(sales.collect::<Result<_, _>>()?)
        })
    }

    /// The holds that are open, and how far the read model knows the log.
    pub fn open_holds(&self) -> Result<(Vec<OpenHold>, Checkpoint), ReportError> {
        self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(
                "SELECT item_id, key, pay_by_ms FROM orders
                 JOIN items ON items.number = orders.key >> ?1 WHERE state = ?2",
            )?;
            let holds =
                found.query_map([i64::from(orders::REVISION_BITS), orders::HELD], |row| {
                    let revision = row.get::<_, i64>(1)? & ((1 << orders::REVISION_BITS) - 1);
                    Ok(OpenHold {
                        item_id: ItemId(id_at(row, 0)?),
                        revision: revision.cast_unsigned(),
                        pay_by: UnixMs(row.get(2)?),
                    })
                })?;
            Ok((holds.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}
