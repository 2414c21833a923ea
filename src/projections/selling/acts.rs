//! Everything that operators did, as a list: who, when, why, to what.
//!
//! Buyers do not show here, so it stays small beside the sale it tells of. What an act changed is
//! kept as JSON, because each kind changes something else.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Value, json};

use crate::{
    events::{
        Act, Event, ItemEvent, OfferEvent, OrderEvent, Recorded, SaleEvent, StockEvent, Stored,
    },
    projections::{ApplyError, Projection, item_of, signed},
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

    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        match fact {
            Event::Sale(event) => apply_to_sale(rows, recorded, event),
            Event::Item(event) => self.apply_to_item(rows, recorded, event),
            Event::Demand(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_) => Ok(()),
        }
    }

    fn forget(&mut self) {
        self.items.clear();
    }
}

fn apply_to_sale(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    event: &SaleEvent,
) -> Result<(), ApplyError> {
    let sale_id = SaleId(recorded.stream.id);
    let (act, at, change) = match event {
        SaleEvent::Created(created) => {
            rows.prepare_cached("INSERT INTO sales (sale_id, operator) VALUES (?, ?)")?
                .execute(params![sale_id.0.as_bytes().as_slice(), created.act.operator])?;
            let change = json!({ "name": created.name, "items": created.items.len() });
            (&created.act, created.created_at_ms, change)
        }
        SaleEvent::Paused(paused) => (&paused.act, paused.paused_at_ms, json!({})),
        SaleEvent::Resumed(resumed) => (&resumed.act, resumed.resumed_at_ms, json!({})),
        SaleEvent::Closed(closed) => (&closed.act, closed.closed_at_ms, json!({})),
    };
    let line = Line {
        sale_id,
        item: None,
        at,
        operator: &act.operator,
        reason: &act.reason,
        planned: false,
        change,
    };
    write(rows, recorded, event.kind(), line)
}

/// Whether its sale was paused or resumed: that is an act of its own, told once and not for each item.
fn is_by_sale(event: &ItemEvent) -> bool {
    match event {
        ItemEvent::Offer(OfferEvent::Paused(paused)) => paused.by_sale,
        ItemEvent::Offer(OfferEvent::Resumed(resumed)) => resumed.by_sale,
        ItemEvent::Offer(OfferEvent::Added(_))
        | ItemEvent::Offer(OfferEvent::Scheduled(_))
        | ItemEvent::Offer(OfferEvent::PurchaseLimitSet(_))
        | ItemEvent::Stock(StockEvent::Allocated(_))
        | ItemEvent::Stock(StockEvent::ReserveSet(_))
        | ItemEvent::Stock(StockEvent::ReserveReleased(_))
        | ItemEvent::Offer(OfferEvent::Closed(_))
        | ItemEvent::Order(OrderEvent::Placed(_))
        | ItemEvent::Order(OrderEvent::Paid(_))
        | ItemEvent::Order(OrderEvent::Cancelled(_))
        | ItemEvent::Order(OrderEvent::Expired(_))
        | ItemEvent::Order(OrderEvent::RefundDue(_)) => false,
    }
}

impl Acts {
    fn apply_to_item(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        event: &ItemEvent,
    ) -> Result<(), ApplyError> {
        let (act, change) = match event {
            ItemEvent::Offer(OfferEvent::Added(added)) => {
                let change = json!({
                    "unit_price_minor": added.unit_price_minor,
                    "time_to_pay_ms": added.time_to_pay_ms,
                });
                (None, change)
            }
            ItemEvent::Offer(OfferEvent::Scheduled(window)) => {
                let (opens, closes) = (window.opens_at_ms.0, window.closes_at_ms.0);
                (None, json!({ "opens_at_ms": opens, "closes_at_ms": closes }))
            }
            ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)) => {
                let (buyer, order) = (limits.per_buyer, limits.per_order);
                (limits.act.as_ref(), json!({ "limit_per_buyer": buyer, "limit_per_order": order }))
            }
            ItemEvent::Stock(StockEvent::Allocated(added)) => {
                let change = json!({ "warehouse": added.warehouse, "units": added.units });
                (Some(&added.act), change)
            }
            ItemEvent::Stock(StockEvent::ReserveSet(reserve)) => {
                let change = json!({ "warehouse": reserve.warehouse, "units": reserve.units });
                (Some(&reserve.act), change)
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(released)) => {
                let change = json!({ "warehouse": released.warehouse, "units": released.units });
                (Some(&released.act), change)
            }
            ItemEvent::Offer(OfferEvent::Paused(paused)) => (Some(&paused.act), json!({})),
            ItemEvent::Offer(OfferEvent::Resumed(resumed)) => (Some(&resumed.act), json!({})),
            ItemEvent::Offer(OfferEvent::Closed(closed)) => (Some(&closed.act), json!({})),
            ItemEvent::Order(OrderEvent::Placed(_))
            | ItemEvent::Order(OrderEvent::Paid(_))
            | ItemEvent::Order(OrderEvent::Cancelled(_))
            | ItemEvent::Order(OrderEvent::Expired(_))
            | ItemEvent::Order(OrderEvent::RefundDue(_)) => return Ok(()),
        };
        let id = item_of(recorded)?;
        if let ItemEvent::Offer(OfferEvent::Added(added)) = event {
            self.items
                .insert(id, add_item(rows, id, added.sale_id, &added.sku, added.added_at_ms)?);
        }
        let item = self.item(rows, id)?;
        let line = Line {
            sale_id: item.sale_id,
            item: Some((id, &item.sku)),
            at: event.at().unwrap_or(item.added_at_ms),
            operator: act.map_or(&item.operator, |act| &act.operator),
            reason: act.map_or("", |act: &Act| &act.reason),
            planned: act.is_none_or(Act::is_planned) || is_by_sale(event),
            change,
        };
        write(rows, recorded, event.kind(), line)
    }

    fn item(&mut self, rows: &Transaction<'_>, id: ItemId) -> Result<&Item, ApplyError> {
        use std::collections::hash_map::Entry;
        match self.items.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(read_item(rows, id)?)),
        }
    }
}

/// Whoever created the sale has its items added; a sale that another log created is nobody's.
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

fn write(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    kind: &str,
    line: Line<'_>,
) -> Result<(), ApplyError> {
    rows.prepare_cached(
        "INSERT INTO acts
         (sale_id, item_id, sku, kind, at_ms, operator, reason, planned, change, revision)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        line.sale_id.0.as_bytes().as_slice(),
        line.item.map(|(id, _)| *id.0.as_bytes()),
        line.item.map(|(_, sku)| sku),
        kind,
        line.at.0,
        line.operator,
        line.reason,
        line.planned,
        line.change.to_string(),
        signed(recorded.revision)?,
    ])?;
    Ok(())
}
