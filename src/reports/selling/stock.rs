//! Stock levels by item and warehouse, and the events that sold items out.

use rusqlite::Transaction;

use crate::{
    projections::{Checkpoint, stock},
    reports::{Page, Paging, ReportError, Reports, filter::Filter, id_at, paging::Sizes},
    values::{ItemId, SaleId, UnixMs, bound_of},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Which items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StockLevelsQuery {
    /// All sales where absent.
    pub sale_id: Option<SaleId>,
    /// All items where absent.
    pub item_id: Option<ItemId>,
    /// Items in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// The units of an item. allocated = available + held + sold, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    pub item_id: ItemId,
    pub sale_id: SaleId,
    pub sku: String,
    pub title: String,
    pub allocated_units: i64,
    pub available_units: i64,
    pub held_units: i64,
    pub sold_units: i64,
    /// Beside the allocated ones: not on offer yet.
    pub reserve_units: i64,
    /// In the order in which they were first named.
    pub warehouses: Vec<WarehouseStock>,
}

/// The units of an item in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseStock {
    pub warehouse: String,
    pub allocated_units: i64,
    pub available_units: i64,
    pub held_units: i64,
    pub sold_units: i64,
    pub reserve_units: i64,
}

/// Events of an item, from the first to the last of these revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemSpan {
    pub item: ItemId,
    pub first: u64,
    pub last: u64,
}

/// An event that took the last available unit of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoldOutEvent {
    pub item: ItemId,
    pub sale: SaleId,
    pub revision: u64,
    pub at: UnixMs,
}

impl Reports {
    /// How far the read model of stock has come.
    pub fn stock_comes_to(&self) -> Result<Checkpoint, ReportError> {
        self.ask(stock::NAME, stock::VERSION, |_, checkpoint| Ok(checkpoint))
    }

    /// The events that sold an item out, among these.
    pub fn sold_out_events(&self, spans: &[ItemSpan]) -> Result<Vec<SoldOutEvent>, ReportError> {
        self.ask(stock::NAME, stock::VERSION, |rows, _| {
            let mut find = rows.prepare(
                "SELECT sale_id, revision, at_ms FROM items JOIN sold_outs ON item = number
                 WHERE item_id = ? AND revision BETWEEN ? AND ?",
            )?;
            let mut found = Vec::new();
            for ItemSpan { item, first, last } in spans {
                let bounds = (item.0.as_bytes().as_slice(), bound_of(*first), bound_of(*last));
                let sold_outs = find.query_map(bounds, |row| {
                    Ok(SoldOutEvent {
                        item: *item,
                        sale: SaleId(id_at(row, 0)?),
                        revision: row.get::<_, i64>(1)?.cast_unsigned(),
                        at: UnixMs(row.get(2)?),
                    })
                })?;
                found.extend(sold_outs.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(found)
        })
    }

    /// The stock of items, in the order in which they were added.
    pub fn stock_levels(&self, query: &StockLevelsQuery) -> Result<Page<StockLevel>, ReportError> {
        let sale = query.sale_id.map(|id| id.0.into_bytes());
        let item = query.item_id.map(|id| id.0.into_bytes());
        let question = [
            b"stock".as_slice(),
            sale.as_ref().map_or(&[], |id| id.as_slice()),
            item.as_ref().map_or(&[], |id| id.as_slice()),
        ];
        let cut = query.paging.cut(SIZES, question)?;
        self.ask(stock::NAME, stock::VERSION, |rows, checkpoint| {
            let [after] = cut.after.unwrap_or([0]);
            let mut filter = Filter::default();
            filter.and("number > ?", after);
            filter.and_given("sale_id = ?", sale.map(Vec::from));
            filter.and_given("item_id = ?", item.map(Vec::from));
            let mut found = rows.prepare(&format!(
                "SELECT number, item_id, sale_id, sku, title FROM items
                 WHERE {} ORDER BY number LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let levels = found.query_map(filter.parameters(), |row| {
                let level = StockLevel {
                    item_id: ItemId(id_at(row, 1)?),
                    sale_id: SaleId(id_at(row, 2)?),
                    sku: row.get(3)?,
                    title: row.get(4)?,
                    allocated_units: 0,
                    available_units: 0,
                    held_units: 0,
                    sold_units: 0,
                    reserve_units: 0,
                    warehouses: Vec::new(),
                };
                Ok(([row.get(0)?], level))
            })?;
            let mut levels: Vec<([i64; 1], StockLevel)> = levels.collect::<Result<_, _>>()?;
            for ([number], level) in &mut levels {
                level.warehouses = warehouses(rows, *number)?;
                for stock in &level.warehouses {
                    level.allocated_units += stock.allocated_units;
                    level.available_units += stock.available_units;
                    level.held_units += stock.held_units;
                    level.sold_units += stock.sold_units;
                    level.reserve_units += stock.reserve_units;
                }
            }
            Ok(cut.page(levels, checkpoint))
        })
    }
}

fn warehouses(rows: &Transaction<'_>, item: i64) -> rusqlite::Result<Vec<WarehouseStock>> {
    let mut found = rows.prepare_cached(
        "SELECT warehouse, allocated_units, available_units, held_units, sold_units, reserve_units
         FROM warehouses WHERE item = ? ORDER BY place",
    )?;
    let warehouses = found.query_map([item], |row| {
        Ok(WarehouseStock {
            warehouse: row.get(0)?,
            allocated_units: row.get(1)?,
            available_units: row.get(2)?,
            held_units: row.get(3)?,
            sold_units: row.get(4)?,
            reserve_units: row.get(5)?,
        })
    })?;
    warehouses.collect()
}
