//! The catalog: which sales and items there are, as planned and as steered since.
//!
//! It follows what operators do, never what buyers do, so it is small and written rarely. It must
//! not hold units: those are in the stock levels.

use rusqlite::{Transaction, params};

use crate::{
    events::{
        Event, ItemAdded, ItemEvent, OfferEvent, OrderEvent, Recorded, SaleEvent, StockEvent,
    },
    projections::{ApplyError, Projection, item_of, never_added},
    values::ItemId,
};

/// Name of the projection and of its file.
pub const NAME: &str = "catalog";
/// Version of its rows.
pub const VERSION: i64 = 5;

/// Sales and items.
#[derive(Debug, Default)]
pub struct Catalog;

impl Projection for Catalog {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE sales (
            number INTEGER PRIMARY KEY,
            sale_id BLOB NOT NULL UNIQUE,
            name TEXT NOT NULL,
            currency TEXT NOT NULL,
            opens_at_ms INTEGER NOT NULL,
            closes_at_ms INTEGER NOT NULL,
            items INTEGER NOT NULL,
            created_at_ms INTEGER NOT NULL,
            closed_at_ms INTEGER,
            paused INTEGER NOT NULL DEFAULT 0,
            goal_units INTEGER,
            goal_revenue_minor INTEGER,
            goal_conversion_ppm INTEGER,
            goal_new_buyers INTEGER,
            -- JSON: the planned curve, as in the event.
            curve TEXT NOT NULL
        );
        CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            item_id BLOB NOT NULL UNIQUE,
            sale_id BLOB NOT NULL,
            sku TEXT NOT NULL,
            title TEXT NOT NULL,
            currency TEXT NOT NULL,
            unit_price_minor INTEGER NOT NULL,
            time_to_pay_ms INTEGER NOT NULL,
            opens_at_ms INTEGER,
            closes_at_ms INTEGER,
            limit_per_buyer INTEGER,
            limit_per_order INTEGER,
            -- Itself, and with its sale: it takes orders while both are 0.
            paused INTEGER NOT NULL DEFAULT 0,
            paused_with_sale INTEGER NOT NULL DEFAULT 0,
            closed_at_ms INTEGER
        );
        CREATE INDEX items_by_sale ON items (sale_id);"
    }

    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        match fact {
            Event::Item(event) => apply_to_item(rows, recorded, event),
            Event::Sale(event) => apply_to_sale(rows, recorded, event),
            Event::Demand(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_) => Ok(()),
        }
    }
}

fn apply_to_sale(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    event: &SaleEvent,
) -> Result<(), ApplyError> {
    let sale = recorded.stream.id.as_bytes().as_slice();
    match event {
        SaleEvent::Created(created) => {
            let goals = created.goals.unwrap_or_default();
            let items = i64::try_from(created.items.len()).unwrap_or(i64::MAX);
            let curve = serde_json::to_string(&created.curve)
                .map_err(|error| ApplyError::Impossible(error.to_string()))?;
            // Whatever follows the sale goes by what is on sale, not by what was written down.
            let (opens_at, closes_at) = created.on_sale();
            rows.prepare_cached(
                "INSERT INTO sales
                 (sale_id, name, currency, opens_at_ms, closes_at_ms, items, created_at_ms,
                  goal_units, goal_revenue_minor, goal_conversion_ppm, goal_new_buyers, curve)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                sale,
                created.name,
                created.currency.code(),
                opens_at.0,
                closes_at.0,
                items,
                created.created_at_ms.0,
                goals.units,
                goals.revenue_minor,
                goals.conversion_ppm,
                goals.new_buyers,
                curve,
            ])?;
        }
        SaleEvent::Closed(closed) => {
            let closing = "UPDATE sales SET closed_at_ms = ? WHERE sale_id = ?";
            change_sale(rows, recorded, closing, params![closed.closed_at_ms.0, sale])?;
        }
        SaleEvent::Paused(_) => {
            let pausing = "UPDATE sales SET paused = 1 WHERE sale_id = ?";
            change_sale(rows, recorded, pausing, params![sale])?;
        }
        SaleEvent::Resumed(_) => {
            let resuming = "UPDATE sales SET paused = 0 WHERE sale_id = ?";
            change_sale(rows, recorded, resuming, params![sale])?;
        }
    }
    Ok(())
}

fn change_sale(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    statement: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<(), ApplyError> {
    match rows.prepare_cached(statement)?.execute(parameters)? {
        0 => {
            let problem = format!("sale {} was never created", recorded.stream.id);
            Err(ApplyError::Impossible(problem))
        }
        _ => Ok(()),
    }
}

fn apply_to_item(
    rows: &Transaction<'_>,
    recorded: &Recorded,
    event: &ItemEvent,
) -> Result<(), ApplyError> {
    let item = item_of(recorded)?;
    let id = item.0.as_bytes().as_slice();
    match event {
        ItemEvent::Offer(OfferEvent::Added(added)) => add_item(rows, item, added),
        ItemEvent::Offer(OfferEvent::Scheduled(window)) => change_item(
            rows,
            item,
            "UPDATE items SET opens_at_ms = ?, closes_at_ms = ? WHERE item_id = ?",
            params![window.opens_at_ms.0, window.closes_at_ms.0, id],
        ),
        ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)) => change_item(
            rows,
            item,
            "UPDATE items SET limit_per_buyer = ?, limit_per_order = ? WHERE item_id = ?",
            params![limits.per_buyer, limits.per_order, id],
        ),
        ItemEvent::Offer(OfferEvent::Paused(paused)) => set_pause(rows, item, paused.by_sale, true),
        ItemEvent::Offer(OfferEvent::Resumed(resumed)) => {
            set_pause(rows, item, resumed.by_sale, false)
        }
        ItemEvent::Offer(OfferEvent::Closed(closed)) => change_item(
            rows,
            item,
            "UPDATE items SET closed_at_ms = ? WHERE item_id = ?",
            params![closed.closed_at_ms.0, id],
        ),
        ItemEvent::Stock(StockEvent::Allocated(_))
        | ItemEvent::Stock(StockEvent::ReserveSet(_))
        | ItemEvent::Stock(StockEvent::ReserveReleased(_))
        | ItemEvent::Order(OrderEvent::Placed(_))
        | ItemEvent::Order(OrderEvent::Paid(_))
        | ItemEvent::Order(OrderEvent::Cancelled(_))
        | ItemEvent::Order(OrderEvent::Expired(_))
        | ItemEvent::Order(OrderEvent::RefundDue(_)) => Ok(()),
    }
}

fn set_pause(
    rows: &Transaction<'_>,
    item: ItemId,
    by_sale: bool,
    paused: bool,
) -> Result<(), ApplyError> {
    let statement = if by_sale {
        "UPDATE items SET paused_with_sale = ? WHERE item_id = ?"
    } else {
        "UPDATE items SET paused = ? WHERE item_id = ?"
    };
    change_item(rows, item, statement, params![paused, item.0.as_bytes().as_slice()])
}

fn add_item(rows: &Transaction<'_>, item: ItemId, added: &ItemAdded) -> Result<(), ApplyError> {
    rows.prepare_cached(
        "INSERT INTO items
         (item_id, sale_id, sku, title, currency, unit_price_minor, time_to_pay_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        item.0.as_bytes().as_slice(),
        added.sale_id.0.as_bytes().as_slice(),
        added.sku,
        added.title,
        added.currency.code(),
        added.unit_price_minor,
        added.time_to_pay_ms,
    ])?;
    Ok(())
}

fn change_item(
    rows: &Transaction<'_>,
    item: ItemId,
    statement: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<(), ApplyError> {
    match rows.prepare_cached(statement)?.execute(parameters)? {
        0 => Err(never_added(item)),
        _ => Ok(()),
    }
}
