//! What shoppers may see of items: how many units are left, and whether they can be bought.

use std::collections::HashMap;

use rusqlite::params_from_iter;

use crate::{
    events::Position,
    projections::{catalog, stock},
    reports::{ReportError, Reports, id_at},
    values::{ItemId, SaleId, UnixMs},
};

/// Whether an item can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockState {
    NotOpenYet,
    Open,
    SoldOut,
    Paused,
    /// The window is over, or an operator closed the item.
    Closed,
}

/// An item with its units and its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedItem {
    pub item_id: ItemId,
    pub sale_id: SaleId,
    pub sku: String,
    pub available_units: i64,
    /// Absent where the catalog is behind the stock and does not have the item yet.
    window: Option<Window>,
}

/// When an item takes orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    opens_at: UnixMs,
    closes_at: UnixMs,
    paused: bool,
    closed: bool,
}

impl StockState {
    /// Its name on pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotOpenYet => "not_open_yet",
            Self::Open => "open",
            Self::SoldOut => "sold_out",
            Self::Paused => "paused",
            Self::Closed => "closed",
        }
    }
}

impl WatchedItem {
    /// Whether it is known when it takes orders.
    pub fn has_window(&self) -> bool {
        self.window.is_some()
    }

    /// Whether it can be bought at that moment.
    pub fn state(&self, now: UnixMs) -> StockState {
        let Some(Window { opens_at, closes_at, paused, closed }) = self.window else {
            return StockState::NotOpenYet;
        };
        match () {
            () if closed || now >= closes_at => StockState::Closed,
            () if now < opens_at => StockState::NotOpenYet,
            () if paused => StockState::Paused,
            () if self.available_units == 0 => StockState::SoldOut,
            () => StockState::Open,
        }
    }
}

impl Reports {
    /// The items of these sales, in the order in which they were added, and how far the read model of
    /// stock has come.
    pub fn watched_items(
        &self,
        sales: &[SaleId],
    ) -> Result<(Vec<WatchedItem>, Position), ReportError> {
        let places = vec!["?"; sales.len()].join(", ");
        let keys = || params_from_iter(sales.iter().map(|sale| sale.0.into_bytes()));
        let windows = self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut found = rows.prepare(&format!(
                "SELECT i.item_id, coalesce(i.opens_at_ms, s.opens_at_ms),
                     coalesce(i.closes_at_ms, s.closes_at_ms),
                     i.paused OR i.paused_with_sale OR s.paused,
                     i.closed_at_ms IS NOT NULL OR s.closed_at_ms IS NOT NULL
                 FROM items i JOIN sales s ON s.sale_id = i.sale_id WHERE i.sale_id IN ({places})"
            ))?;
            let windows = found.query_map(keys(), |row| {
                let window = Window {
                    opens_at: UnixMs(row.get(1)?),
                    closes_at: UnixMs(row.get(2)?),
                    paused: row.get(3)?,
                    closed: row.get(4)?,
                };
                Ok((ItemId(id_at(row, 0)?), window))
            })?;
            Ok(windows.collect::<rusqlite::Result<HashMap<_, _>>>()?)
        })?;
        self.ask(stock::NAME, stock::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(&format!(
                "SELECT item_id, sale_id, sku, (SELECT coalesce(sum(available_units), 0)
                     FROM warehouses WHERE item = number)
                 FROM items WHERE sale_id IN ({places}) ORDER BY number"
            ))?;
            let items = found.query_map(keys(), |row| {
                let item_id = ItemId(id_at(row, 0)?);
                Ok(WatchedItem {
                    item_id,
                    sale_id: SaleId(id_at(row, 1)?),
                    sku: row.get(2)?,
                    available_units: row.get(3)?,
                    window: windows.get(&item_id).copied(),
                })
            })?;
            Ok((items.collect::<rusqlite::Result<_>>()?, checkpoint.position))
        })
    }

    /// The sales of items; `None` for one that the read model of stock does not have.
    pub fn sales_of_items(&self, items: &[ItemId]) -> Result<Vec<Option<SaleId>>, ReportError> {
        self.ask(stock::NAME, stock::VERSION, |rows, _| {
            let mut find = rows.prepare("SELECT sale_id FROM items WHERE item_id = ?")?;
            let found = items.iter().map(|item| {
                let mut sales = find.query([item.0.as_bytes().as_slice()])?;
                sales.next()?.map(|row| Ok(SaleId(id_at(row, 0)?))).transpose()
            });
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
    }
}
