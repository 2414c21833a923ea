//! The scope of a query about shoppers: one sale or all of them, with the names that its touches
//! refer to.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension, Transaction};

use crate::{
    projections::journeys::{DIRECT, NONE},
    reports::{ReportError, id_at},
    values::{ItemId, SaleId},
};

/// The part of the log that a question is about.
#[derive(Debug)]
pub(super) struct Ground {
    /// Number of the sale; `None` for everything.
    pub sale: Option<i64>,
    /// First and last touch of it; `None` where there is none.
    pub range: Option<(i64, i64)>,
    /// ISO 4217 code; empty where there is none, or more than one.
    pub currency: String,
    /// Amounts of several currencies do not add up.
    pub has_revenue: bool,
}

/// What is known of an item, by its number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ItemFacts {
    pub sale: Option<i64>,
    /// Number of the category that was said of it first; 0 for none.
    pub category: u32,
}

/// Channels by number. The same name in several sales is one channel.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// The lowest number with the same name, by number.
    first: HashMap<u32, u32>,
    names: HashMap<u32, String>,
}

impl Ground {
    /// Finds a sale, or takes everything.
    pub fn of(rows: &Transaction<'_>, sale: Option<SaleId>) -> Result<Self, ReportError> {
        let Some(id) = sale else { return Self::everything(rows) };
        let found = rows
            .query_row(
                "SELECT number, currency, first_touch, last_touch FROM sales WHERE sale_id = ?",
                [id.0.as_bytes().as_slice()],
                |row| {
                    let range = row.get::<_, Option<i64>>(2)?.zip(row.get::<_, Option<i64>>(3)?);
                    let currency: Option<String> = row.get(1)?;
                    let currency = currency.unwrap_or_default();
                    Ok(Self { sale: Some(row.get(0)?), range, currency, has_revenue: true })
                },
            )
            .optional()?;
        found.ok_or(ReportError::NotFound("sale_id"))
    }

    fn everything(rows: &Transaction<'_>) -> Result<Self, ReportError> {
        let range = rows.query_row("SELECT min(number), max(number) FROM touches", [], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
        })?;
        let mut found = rows.prepare("SELECT DISTINCT currency FROM sales ORDER BY currency")?;
        let found = found.query_map([], |row| row.get::<_, Option<String>>(0))?;
        let currencies: BTreeSet<String> =
            found.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        let has_revenue = currencies.len() <= 1;
        let currency = currencies.into_iter().next().filter(|_| has_revenue).unwrap_or_default();
        Ok(Self { sale: None, range, currency, has_revenue })
    }
}

/// All items, so that a touch finds its own by number.
pub(super) fn items(rows: &Transaction<'_>) -> Result<Vec<ItemFacts>, ReportError> {
    let mut facts = vec![ItemFacts::default()];
    let mut found = rows.prepare("SELECT number, sale, category FROM items ORDER BY number")?;
    let mut found = found.query([])?;
    while let Some(row) = found.next()? {
        let number: u32 = row.get(0)?;
        facts.resize(number as usize, ItemFacts::default());
        let category = row.get::<_, Option<u32>>(2)?.unwrap_or(0);
        facts.push(ItemFacts { sale: row.get(1)?, category });
    }
    Ok(facts)
}

impl Channels {
    /// All channels.
    pub fn read(rows: &Transaction<'_>) -> Result<Self, ReportError> {
        let mut channels = Self::default();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut found = rows.prepare("SELECT number, name FROM channels ORDER BY number")?;
        let mut found = found.query([])?;
        while let Some(row) = found.next()? {
            let (number, name): (u32, String) = (row.get(0)?, row.get(1)?);
            let first = *numbers.entry(name.clone()).or_insert(number);
            channels.first.insert(number, first);
            channels.names.entry(first).or_insert(name);
        }
        Ok(channels)
    }

    /// The number that stands for all channels of that one's name; 0 stays 0.
    pub fn first(&self, number: u32) -> u32 {
        self.first.get(&number).copied().unwrap_or(0)
    }

    /// All numbers that it stands for.
    pub fn numbers(&self, first: u32) -> Vec<u32> {
        let same = self.first.iter().filter(|(_, of)| **of == first);
        let mut numbers: Vec<u32> = same.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        if first == 0 { vec![0] } else { numbers }
    }

    /// Its name.
    pub fn name(&self, first: u32) -> String {
        self.names.get(&first).cloned().unwrap_or_else(|| DIRECT.to_owned())
    }
}

/// SKU and id of an item; where it has no SKU its id stands for it.
pub(super) fn item_name(
    rows: &Transaction<'_>,
    number: u32,
) -> Result<(String, Option<ItemId>), ReportError> {
    let found = rows
        .prepare_cached("SELECT item_id, sku FROM items WHERE number = ?")?
        .query_row([number], |row| Ok((ItemId(id_at(row, 0)?), row.get::<_, String>(1)?)))
        .optional()?;
    Ok(match found {
        None => (NONE.to_owned(), None),
        Some((id, sku)) if sku.is_empty() => (id.to_string(), Some(id)),
        Some((id, sku)) => (sku, Some(id)),
    })
}

/// Name of a category.
pub(super) fn category_name(rows: &Transaction<'_>, number: u32) -> Result<String, ReportError> {
    let found = rows
        .prepare_cached("SELECT name FROM categories WHERE number = ?")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_else(|| NONE.to_owned()))
}
