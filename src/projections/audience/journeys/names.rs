//! Sales, items, channels, regions and categories, as numbers.
//!
//! Clients can send any number of names, so channels of a sale and regions are bounded: names
//! beyond the bound are counted together. The contents of this cache are in the file already, so it
//! can be dropped at any time.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::shoppers::Attributes;
use crate::{
    events::TrafficItem,
    projections::ApplyError,
    values::{ItemId, SaleId, ShopperAttributes},
};

/// Channels of one sale, and regions of all, that are told apart.
const TOLD_APART_MAX: i64 = 1_000;
/// Channels that orders may still add when beacons have used theirs up: orders come from the shop
/// itself, beacons from anywhere.
const OF_ORDERS_MAX: i64 = 2 * TOLD_APART_MAX;

/// Where channels and regions beyond the bound are counted.
pub const OTHER: &str = "(other)";
/// What stands for a channel where there is none.
pub const DIRECT: &str = "(direct)";
/// What stands for an item or a category where there is none.
pub const NONE: &str = "(none)";

/// Rows remembered of each table at most.
const REMEMBERED_MAX: usize = 65_536;

/// Numbers by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    sales: HashMap<SaleId, i64>,
    items: HashMap<ItemId, Item>,
    channels: HashMap<i64, HashMap<String, i64>>,
    regions: HashMap<String, i64>,
    categories: HashMap<String, i64>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    number: i64,
    sale: Option<i64>,
    has_sku: bool,
    /// The first that was said of it.
    category: Option<i64>,
}

impl Names {
    /// Keeps memory bounded between pages.
    pub fn forget_some(&mut self) {
        if self.sales.len() > REMEMBERED_MAX {
            self.sales.clear();
        }
        if self.items.len() > REMEMBERED_MAX {
            self.items.clear();
        }
        if self.channels.values().map(HashMap::len).sum::<usize>() > REMEMBERED_MAX {
            self.channels.clear();
        }
        if self.categories.len() > REMEMBERED_MAX {
            self.categories.clear();
        }
    }

    /// A sale's or a recording's number. It gets one when it is first heard of.
    pub fn sale(&mut self, rows: &Transaction<'_>, id: SaleId) -> Result<i64, ApplyError> {
        if let Some(number) = self.sales.get(&id) {
            return Ok(*number);
        }
        let key = id.0.as_bytes().as_slice();
        rows.prepare_cached("INSERT OR IGNORE INTO sales (sale_id) VALUES (?)")?.execute([key])?;
        let number = rows
            .prepare_cached("SELECT number FROM sales WHERE sale_id = ?")?
            .query_row([key], |row| row.get(0))?;
        self.sales.insert(id, number);
        Ok(number)
    }

    /// Says what a sale is called, unless that is known, and in which currency it sells.
    pub fn name_sale(
        &mut self,
        rows: &Transaction<'_>,
        sale: i64,
        name: &str,
        currency: Option<&str>,
    ) -> Result<(), ApplyError> {
        rows.prepare_cached(
            "UPDATE sales SET name = coalesce(name, ?), currency = coalesce(currency, ?)
             WHERE number = ? AND (name IS NULL OR currency IS NULL)",
        )?
        .execute(params![name, currency, sale])?;
        Ok(())
    }

    /// Notes that these touches are of the sale.
    pub fn extend_sale(
        &mut self,
        rows: &Transaction<'_>,
        sale: i64,
        (first, last): (i64, i64),
    ) -> Result<(), ApplyError> {
        rows.prepare_cached(
            "UPDATE sales SET first_touch = min(coalesce(first_touch, ?1), ?1),
             last_touch = max(coalesce(last_touch, ?2), ?2) WHERE number = ?3",
        )?
        .execute([first, last, sale])?;
        Ok(())
    }

    /// Notes the first touch of an item whose sale is not known yet.
    pub fn note_early(
        &mut self,
        rows: &Transaction<'_>,
        item: i64,
        touch: i64,
    ) -> Result<(), ApplyError> {
        rows.prepare_cached(
            "UPDATE items SET early_touch = ? WHERE number = ? AND early_touch IS NULL",
        )?
        .execute([touch, item])?;
        Ok(())
    }

    /// Number and sale of an item. Demand is written beside the item's own stream, so a tick may be
    /// read before the event that added the item: its sale is not known then.
    pub fn item(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
    ) -> Result<(i64, Option<i64>), ApplyError> {
        let item = self.known_item(rows, id)?;
        Ok((item.number, item.sale))
    }

    /// An item went on offer.
    pub fn add_item(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        sale: i64,
        sku: &str,
    ) -> Result<(), ApplyError> {
        let item = self.known_item(rows, id)?;
        rows.prepare_cached("UPDATE items SET sale = ?, sku = ? WHERE number = ?")?
            .execute(params![sale, sku, item.number])?;
        let early: Option<i64> = rows
            .prepare_cached("SELECT early_touch FROM items WHERE number = ?")?
            .query_row([item.number], |row| row.get(0))?;
        if let Some(early) = early {
            self.extend_sale(rows, sale, (early, early))?;
        }
        self.items.insert(id, Item { sale: Some(sale), has_sku: true, ..item });
        Ok(())
    }

    /// The number of an item that beacons are about, and what they say of it. An item keeps the first
    /// category that is said of it; where these beacons say another one, that comes back with it.
    pub fn visited_item(
        &mut self,
        rows: &Transaction<'_>,
        visited: &TrafficItem,
        sale: i64,
    ) -> Result<(i64, Option<i64>), ApplyError> {
        let mut item = self.known_item(rows, visited.item_id)?;
        let sku = (!item.has_sku && !visited.sku.is_empty()).then_some(&visited.sku);
        let said = match visited.category.as_str() {
            "" => None,
            name => Some(self.category(rows, name)?),
        };
        let category = said.filter(|_| item.category.is_none());
        if item.sale.is_none() || sku.is_some() || category.is_some() {
            rows.prepare_cached(
                "UPDATE items SET sale = coalesce(sale, ?), sku = coalesce(?, sku),
                 category = coalesce(category, ?) WHERE number = ?",
            )?
            .execute(params![sale, sku, category, item.number])?;
            item.sale = item.sale.or(Some(sale));
            item.has_sku |= sku.is_some();
            item.category = item.category.or(category);
            self.items.insert(visited.item_id, item);
        }
        Ok((item.number, said.filter(|_| said != item.category)))
    }

    /// The number of a beacon's channel in a sale; nothing for no channel.
    pub fn channel(
        &mut self,
        rows: &Transaction<'_>,
        sale: i64,
        name: &str,
    ) -> Result<Option<i64>, ApplyError> {
        self.bounded_channel(rows, sale, name, TOLD_APART_MAX)
    }

    /// The same of an order.
    pub fn order_channel(
        &mut self,
        rows: &Transaction<'_>,
        sale: i64,
        name: &str,
    ) -> Result<Option<i64>, ApplyError> {
        self.bounded_channel(rows, sale, name, OF_ORDERS_MAX)
    }

    fn bounded_channel(
        &mut self,
        rows: &Transaction<'_>,
        sale: i64,
        name: &str,
        max: i64,
    ) -> Result<Option<i64>, ApplyError> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(number) = self.channels.get(&sale).and_then(|names| names.get(name)) {
            return Ok(Some(*number));
        }
        let mut find =
            rows.prepare_cached("SELECT number FROM channels WHERE sale = ? AND name = ?")?;
        let found = find.query_row(params![sale, name], |row| row.get(0)).optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let channels: i64 = rows
                    .prepare_cached("SELECT channels FROM sales WHERE number = ?")?
                    .query_row([sale], |row| row.get(0))?;
                if channels >= max && name != OTHER {
                    // Not remembered under its own name: there may be no end of them.
                    return self.bounded_channel(rows, sale, OTHER, max);
                }
                rows.prepare_cached("INSERT INTO channels (sale, name) VALUES (?, ?)")?
                    .execute(params![sale, name])?;
                let number = rows.last_insert_rowid();
                rows.prepare_cached("UPDATE sales SET channels = channels + 1 WHERE number = ?")?
                    .execute([sale])?;
                number
            }
        };
        self.channels.entry(sale).or_default().insert(name.to_owned(), number);
        Ok(Some(number))
    }

    /// What a beacon says of its shopper, as it is kept.
    pub fn attributes(
        &mut self,
        rows: &Transaction<'_>,
        said: &ShopperAttributes,
    ) -> Result<Attributes, ApplyError> {
        Ok(Attributes {
            age_band: said.age_band,
            gender: said.gender,
            region: self.region(rows, &said.region)?,
            spending_tier: said.spending_tier,
        })
    }

    fn region(&mut self, rows: &Transaction<'_>, name: &str) -> Result<Option<i64>, ApplyError> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(number) = self.regions.get(name) {
            return Ok(Some(*number));
        }
        let mut find = rows.prepare_cached("SELECT number FROM regions WHERE name = ?")?;
        let found = find.query_row([name], |row| row.get(0)).optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                let regions: i64 = rows
                    .prepare_cached("SELECT coalesce(max(number), 0) FROM regions")?
                    .query_row([], |row| row.get(0))?;
                if regions >= TOLD_APART_MAX && name != OTHER {
                    return self.region(rows, OTHER);
                }
                rows.prepare_cached("INSERT INTO regions (name) VALUES (?)")?.execute([name])?;
                rows.last_insert_rowid()
            }
        };
        self.regions.insert(name.to_owned(), number);
        Ok(Some(number))
    }

    fn category(&mut self, rows: &Transaction<'_>, name: &str) -> Result<i64, ApplyError> {
        if let Some(number) = self.categories.get(name) {
            return Ok(*number);
        }
        rows.prepare_cached("INSERT OR IGNORE INTO categories (name) VALUES (?)")?
            .execute([name])?;
        let number = rows
            .prepare_cached("SELECT number FROM categories WHERE name = ?")?
            .query_row([name], |row| row.get(0))?;
        self.categories.insert(name.to_owned(), number);
        Ok(number)
    }

    fn known_item(&mut self, rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
        if let Some(item) = self.items.get(&id) {
            return Ok(*item);
        }
        let key = id.0.as_bytes().as_slice();
        let found = rows
            .prepare_cached("SELECT number, sale, sku, category FROM items WHERE item_id = ?")?
            .query_row([key], |row| {
                Ok(Item {
                    number: row.get(0)?,
                    sale: row.get(1)?,
                    has_sku: !row.get_ref(2)?.as_str()?.is_empty(),
                    category: row.get(3)?,
                })
            })
            .optional()?;
        let item = match found {
            Some(item) => item,
            None => {
                rows.prepare_cached("INSERT INTO items (item_id) VALUES (?)")?.execute([key])?;
                let number = rows.last_insert_rowid();
                Item { number, sale: None, has_sku: false, category: None }
            }
        };
        self.items.insert(id, item);
        Ok(item)
    }
}
