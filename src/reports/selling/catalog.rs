//! The list of sales, and which sale an item belongs to.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, params};

use crate::{
    projections::catalog,
    reports::{Page, Paging, ReportError, Reports, id_at, paging::Sizes},
    values::{ItemId, SaleId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 50, max: 1_000 };

/// Which sales.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListSalesQuery {
    /// Sales in the answer: 1 to 1,000; 0 means 50.
    pub paging: Paging,
}

/// A line of the list of sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleLine {
    pub sale_id: SaleId,
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
    /// How many items it was planned with.
    pub items: i64,
    /// Whether it was closed by hand.
    pub closed: bool,
}

/// An item and its sale, as planned and as steered since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferLine {
    pub sale_id: SaleId,
    pub sale_name: String,
    /// ISO 4217 code.
    pub currency: String,
    pub unit_price_minor: i64,
    pub opens_at: Option<UnixMs>,
    pub closes_at: Option<UnixMs>,
    pub limit_per_buyer: Option<i64>,
    pub limit_per_order: Option<i64>,
}

/// An item of another sale with the same SKU, on sale at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldElsewhere {
    pub sku: String,
    pub sale_id: SaleId,
    pub sale_name: String,
}

/// What a sale puts on sale, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    pub sku: String,
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
}

impl Reports {
    /// Items of other sales that are neither closed nor over when these are on sale, and have the same
    /// SKU: at most `max`, the newest sales first.
    pub fn sold_elsewhere(
        &self,
        sale_id: SaleId,
        offered: &[Offered],
        max: usize,
    ) -> Result<Vec<SoldElsewhere>, ReportError> {
        let windows: HashMap<&str, (UnixMs, UnixMs)> = offered
            .iter()
            .map(|item| (item.sku.as_str(), (item.opens_at, item.closes_at)))
            .collect();
        let opens = offered.iter().map(|item| item.opens_at.0).min();
        let closes = offered.iter().map(|item| item.closes_at.0).max();
        let Some((opens, closes)) = opens.zip(closes) else { return Ok(Vec::new()) };
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT items.sku, items.opens_at_ms, items.closes_at_ms, sales.sale_id, sales.name
                 FROM sales JOIN items ON items.sale_id = sales.sale_id
                 WHERE sales.closed_at_ms IS NULL AND items.closed_at_ms IS NULL
                     AND sales.sale_id <> ? AND sales.opens_at_ms < ? AND sales.closes_at_ms > ?
                 ORDER BY sales.number DESC, items.number",
            )?;
            let id = sale_id.0.as_bytes().as_slice();
            let mut found = found.query(params![id, closes, opens])?;
            let mut elsewhere = Vec::new();
            while let Some(row) = found.next()? {
                let sku: String = row.get(0)?;
                let opens_at = row.get::<_, Option<i64>>(1)?.map_or(UnixMs::default(), UnixMs);
                let closes_at = row.get::<_, Option<i64>>(2)?.map_or(UnixMs::LATEST, UnixMs);
                let overlaps = windows
                    .get(sku.as_str())
                    .is_some_and(|(opens, closes)| opens_at < *closes && closes_at > *opens);
                if overlaps {
                    let (sale_id, sale_name) = (SaleId(id_at(row, 3)?), row.get(4)?);
                    elsewhere.push(SoldElsewhere { sku, sale_id, sale_name });
                }
                if elsewhere.len() == max {
                    break;
                }
            }
            Ok(elsewhere)
        })
    }

    /// One item and its sale.
    pub fn offer(&self, item_id: ItemId) -> Result<OfferLine, ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let found = rows.query_row(
                "SELECT items.sale_id, coalesce(sales.name, ''), items.currency,
                     items.unit_price_minor, items.opens_at_ms, items.closes_at_ms,
                     items.limit_per_buyer, items.limit_per_order
                 FROM items LEFT JOIN sales ON sales.sale_id = items.sale_id
                 WHERE items.item_id = ?",
                [item_id.0.as_bytes().as_slice()],
                |row| {
                    Ok(OfferLine {
                        sale_id: SaleId(id_at(row, 0)?),
                        sale_name: row.get(1)?,
                        currency: row.get(2)?,
                        unit_price_minor: row.get(3)?,
                        opens_at: row.get::<_, Option<i64>>(4)?.map(UnixMs),
                        closes_at: row.get::<_, Option<i64>>(5)?.map(UnixMs),
                        limit_per_buyer: row.get(6)?,
                        limit_per_order: row.get(7)?,
                    })
                },
            );
            found.optional()?.ok_or(ReportError::NotFound("item_id"))
        })
    }

    /// All sales, newest first.
    pub fn list_sales(&self, query: &ListSalesQuery) -> Result<Page<SaleLine>, ReportError> {
        let cut = query.paging.cut(SIZES, [b"sales".as_slice()])?;
        self.ask(catalog::NAME, catalog::VERSION, |rows, checkpoint| {
            let [before] = cut.after.unwrap_or([i64::MAX]);
            let mut found = rows.prepare(
                "SELECT number, sale_id, name, currency, opens_at_ms, closes_at_ms, items,
                 closed_at_ms IS NOT NULL
                 FROM sales WHERE number < ? ORDER BY number DESC LIMIT ?",
            )?;
            let lines = found.query_map(params![before, cut.limit()], |row| {
                let line = SaleLine {
                    sale_id: SaleId(id_at(row, 1)?),
                    name: row.get(2)?,
                    currency: row.get(3)?,
                    opens_at: UnixMs(row.get(4)?),
                    closes_at: UnixMs(row.get(5)?),
                    items: row.get(6)?,
                    closed: row.get(7)?,
                };
                Ok(([row.get(0)?], line))
            })?;
            Ok(cut.page(lines.collect::<Result<_, _>>()?, checkpoint))
        })
    }

    /// Of these items and sales those that exist; the items with their sales.
    pub fn subjects(
        &self,
        items: &HashSet<ItemId>,
        sales: &HashSet<SaleId>,
    ) -> Result<(HashMap<ItemId, SaleId>, HashSet<SaleId>), ReportError> {
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut of_item = rows.prepare("SELECT sale_id FROM items WHERE item_id = ?")?;
            let mut found_items = HashMap::new();
            for item in items {
                let sale = of_item.query_row([item.0.as_bytes().as_slice()], |row| id_at(row, 0));
                found_items.extend(sale.optional()?.map(|sale| (*item, SaleId(sale))));
            }
            let mut of_sale = rows.prepare("SELECT 1 FROM sales WHERE sale_id = ?")?;
            let mut found_sales = HashSet::new();
            for sale in sales {
                if of_sale.exists([sale.0.as_bytes().as_slice()])? {
                    found_sales.insert(*sale);
                }
            }
            Ok((found_items, found_sales))
        })
    }
}
