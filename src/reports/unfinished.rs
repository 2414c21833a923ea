//! What a server has to see to by itself: sales whose items were not all told, items with units on
//! hold, and items whose holds nobody ended in time.

use super::{ReportError, Reports, id_at};
use crate::{
    projections::{catalog, stock},
    values::{ItemId, SaleId, UnixMs},
};

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

    /// Items of which units are on hold, so that a deadline is running.
    pub fn holding_items(&self) -> Result<Vec<ItemId>, ReportError> {
        self.ask(stock::NAME, stock::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT item_id FROM items WHERE EXISTS (
                     SELECT 1 FROM warehouses
                     WHERE warehouses.item = items.number AND held_units > 0)
                 ORDER BY number",
            )?;
            let items = found.query_map([], |row| Ok(ItemId(id_at(row, 0)?)))?;
            Ok(items.collect::<Result<_, _>>()?)
        })
    }

    /// Items of which units are on hold although the last deadline of any of their orders was
    /// before that moment. Whoever serves an item ends its holds in time, so nobody does.
    pub fn abandoned_items(&self, before: UnixMs) -> Result<Vec<ItemId>, ReportError> {
        self.ask(stock::NAME, stock::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT item_id FROM items WHERE last_pay_by_ms < ? AND EXISTS (
                     SELECT 1 FROM warehouses
                     WHERE warehouses.item = items.number AND held_units > 0)
                 ORDER BY number",
            )?;
            let items = found.query_map([before.0], |row| Ok(ItemId(id_at(row, 0)?)))?;
            Ok(items.collect::<Result<_, _>>()?)
        })
    }
}
