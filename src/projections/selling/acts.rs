//! All acts of operators, as a list: operator, time, reason, object.
//!
//! Buyers do not appear, so it is small compared to the sale. The change of an act is kept as JSON,
//! because it differs by kind.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use crate::{
    events::{Act, OfferEvent, OrderEvent, OrdersExported, SaleEvent, StockEvent},
    projections::{ApplyError, Here, Projection, signed},
    values::{ItemId, SaleId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "acts";
/// Version of its rows.
pub const VERSION: i64 = 2;

/// The acts.
#[derive(Debug, Default)]
pub struct Acts {
    items: HashMap<ItemId, Item>,
}

/// What is known of an item: the events that carry out its sale do not repeat it.
#[derive(Debug, Clone)]
struct Item {
    sale_id: SaleId,
    sku: String,
    added_at_ms: UnixMs,
    operator: String,
}

/// One act on its way into the file.
struct Line<'a> {
    sale_id: SaleId,
    item: Option<(ItemId, &'a str)>,
    at: UnixMs,
    operator: &'a str,
    reason: &'a str,
    /// It carries out at an item what was planned with the sale or done to all of it.
    planned: bool,
    change: Value,
}

impl Projection for Acts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE items (
            item_id BLOB PRIMARY KEY,
            sale_id BLOB NOT NULL,
            sku TEXT NOT NULL,
            added_at_ms INTEGER NOT NULL,
            operator TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE sales (
            sale_id BLOB PRIMARY KEY,
            operator TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE acts (
            number INTEGER PRIMARY KEY,
            sale_id BLOB NOT NULL,
            item_id BLOB,
            sku TEXT,
            kind TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            operator TEXT NOT NULL,
            reason TEXT NOT NULL,
            planned INTEGER NOT NULL,
            change TEXT NOT NULL,
            revision INTEGER NOT NULL
        );
        CREATE INDEX acts_by_sale ON acts (sale_id);"
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        let sale_id = SaleId(here.recorded.stream.id);
        let Act { operator, reason, .. } = event.act();
        if let SaleEvent::Created(_) = event {
            here.rows
                .prepare_cached("INSERT INTO sales (sale_id, operator) VALUES (?, ?)")?
                .execute(params![sale_id.0.as_bytes().as_slice(), operator])?;
        }
        let line = Line {
            sale_id,
            item: None,
            at: event.at(),
            operator,
            reason,
            planned: false,
            change: event.change(),
        };
        write(here, line)
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        if let OfferEvent::Added(added) = event {
            let id = here.item()?;
            let item = add_item(here.rows, id, added.sale_id, &added.sku, added.added_at_ms)?;
            self.items.insert(id, item);
        }
        let (act, at, by_sale) = (event.act(), event.at(), event.is_by_sale());
        self.of_item(here, (act, at, by_sale), event.change())
    }

    fn on_stock(&mut self, here: &Here<'_>, event: &StockEvent) -> Result<(), ApplyError> {
        let done = (Some(event.act()), Some(event.at()), false);
        self.of_item(here, done, event.change())
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let Some(act) = event.act() else { return Ok(()) };
        self.of_item(here, (Some(act), Some(event.at()), false), event.change())
    }

    fn on_fulfilment(&mut self, here: &Here<'_>, event: &OrdersExported) -> Result<(), ApplyError> {
        let line = Line {
            sale_id: SaleId(here.recorded.stream.id),
            item: None,
            at: event.exported_at_ms,
            operator: &event.act.operator,
            reason: &event.act.reason,
            planned: false,
            change: event.change(),
        };
        write(here, line)
    }

    fn forget(&mut self) {
        self.items.clear();
    }
}

impl Acts {
    /// `by_sale`: its whole sale was paused, resumed or rescheduled, which is an act of its own, told once
    /// and not for each item.
    fn of_item(
        &mut self,
        here: &Here<'_>,
        (act, at, by_sale): (Option<&Act>, Option<UnixMs>, bool),
        change: Value,
    ) -> Result<(), ApplyError> {
        let id = here.item()?;
        let item = self.item(here.rows, id)?;
        let line = Line {
            sale_id: item.sale_id,
            item: Some((id, &item.sku)),
            at: at.unwrap_or(item.added_at_ms),
            operator: act.map_or(&item.operator, |act| &act.operator),
            reason: act.map_or("", |act| &act.reason),
            planned: act.is_none_or(Act::is_planned) || by_sale,
            change,
        };
        write(here, line)
    }

    fn item(&mut self, rows: &Transaction<'_>, id: ItemId) -> Result<&Item, ApplyError> {
        use std::collections::hash_map::Entry;
        match self.items.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(read_item(rows, id)?)),
        }
    }
}

/// The creator of the sale is the operator of its items; a sale from another log has none.
fn add_item(
    rows: &Transaction<'_>,
    id: ItemId,
    sale_id: SaleId,
    sku: &str,
    added_at_ms: UnixMs,
) -> Result<Item, ApplyError> {
    let sale = sale_id.0.as_bytes().as_slice();
    let operator = rows
        .prepare_cached("SELECT operator FROM sales WHERE sale_id = ?")?
        .query_row([sale], |row| row.get::<_, String>(0))
        .optional()?
        .unwrap_or_default();
    rows.prepare_cached(
        "INSERT INTO items (item_id, sale_id, sku, added_at_ms, operator) VALUES (?, ?, ?, ?, ?)",
    )?
    .execute(params![id.0.as_bytes().as_slice(), sale, sku, added_at_ms.0, operator])?;
    Ok(Item { sale_id, sku: sku.to_owned(), added_at_ms, operator })
}

fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let found = rows
        .prepare_cached("SELECT sale_id, sku, added_at_ms, operator FROM items WHERE item_id = ?")?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            Ok(Item {
                sale_id: SaleId(uuid::Uuid::from_bytes(row.get(0)?)),
                sku: row.get(1)?,
                added_at_ms: UnixMs(row.get(2)?),
                operator: row.get(3)?,
            })
        })
        .optional()?;
    found.ok_or_else(|| crate::projections::never_added(id))
}

fn write(here: &Here<'_>, line: Line<'_>) -> Result<(), ApplyError> {
    here.rows
        .prepare_cached(
            "INSERT INTO acts
         (sale_id, item_id, sku, kind, at_ms, operator, reason, planned, change, revision)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            line.sale_id.0.as_bytes().as_slice(),
            line.item.map(|(id, _)| *id.0.as_bytes()),
            line.item.map(|(_, sku)| sku),
            here.recorded.kind,
            line.at.0,
            line.operator,
            line.reason,
            line.planned,
            line.change.to_string(),
            signed(here.recorded.revision)?,
        ])?;
    Ok(())
}
