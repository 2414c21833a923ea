//! The catalog: which sales and items there are, as planned and as steered since.
//!
//! It follows what operators do, never what buyers do, so it is small and written rarely. It must
//! not hold units: those are in the stock levels.

use rusqlite::{Transaction, params};

use crate::{
    events::{ItemAdded, OfferEvent, SaleEvent},
    projections::{ApplyError, Here, Projection, never_added},
    values::{ItemId, number_of},
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

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let item = here.item()?;
        let id = item.0.as_bytes().as_slice();
        match event {
            OfferEvent::Added(added) => add_item(here.rows, item, added),
            OfferEvent::Scheduled(window) => change_item(
                here.rows,
                item,
                "UPDATE items SET opens_at_ms = ?, closes_at_ms = ? WHERE item_id = ?",
                params![window.opens_at_ms.0, window.closes_at_ms.0, id],
            ),
            OfferEvent::PurchaseLimitSet(limits) => change_item(
                here.rows,
                item,
                "UPDATE items SET limit_per_buyer = ?, limit_per_order = ? WHERE item_id = ?",
                params![limits.per_buyer, limits.per_order, id],
            ),
            OfferEvent::Paused(paused) => set_pause(here.rows, item, paused.by_sale, true),
            OfferEvent::Resumed(resumed) => set_pause(here.rows, item, resumed.by_sale, false),
            OfferEvent::Closed(closed) => change_item(
                here.rows,
                item,
                "UPDATE items SET closed_at_ms = ? WHERE item_id = ?",
                params![closed.closed_at_ms.0, id],
            ),
            // Its columns show the base price of the plan.
            OfferEvent::PricesSet(_)
            | OfferEvent::OffersSet(_)
            | OfferEvent::GiftUnitsSet(_)
            | OfferEvent::AudienceSet(_)
            | OfferEvent::ReservePlanSet(_)
            | OfferEvent::ReserveProposed(_) => Ok(()),
        }
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        let sale = here.recorded.stream.id.as_bytes().as_slice();
        match event {
            SaleEvent::Created(created) => {
                let goals = created.goals.unwrap_or_default();
                let items = number_of(created.items.len());
                let curve = serde_json::to_string(&created.curve)
                    .map_err(|error| ApplyError::Impossible(error.to_string()))?;
                // Whatever follows the sale goes by what is on sale, not by what was written down.
                let (opens_at, closes_at) = created.on_sale();
                here.rows
                    .prepare_cached(
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
                change_sale(here, closing, params![closed.closed_at_ms.0, sale])?;
            }
            SaleEvent::Rescheduled(to) => {
                // Where items open before their sale, they still do, by as much.
                let moving = "UPDATE sales SET opens_at_ms = opens_at_ms + ?, closes_at_ms = ?
                              WHERE sale_id = ?";
                let moved_ms = to.opens_at_ms.since(to.opens_at_ms_before);
                change_sale(here, moving, params![moved_ms, to.closes_at_ms.0, sale])?;
            }
            SaleEvent::Paused(_) => {
                let pausing = "UPDATE sales SET paused = 1 WHERE sale_id = ?";
                change_sale(here, pausing, params![sale])?;
            }
            SaleEvent::Resumed(_) => {
                let resuming = "UPDATE sales SET paused = 0 WHERE sale_id = ?";
                change_sale(here, resuming, params![sale])?;
            }
        }
        Ok(())
    }
}

fn change_sale(
    here: &Here<'_>,
    statement: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<(), ApplyError> {
    match here.rows.prepare_cached(statement)?.execute(parameters)? {
        0 => {
            let problem = format!("sale {} was never created", here.recorded.stream.id);
            Err(ApplyError::Impossible(problem))
        }
        _ => Ok(()),
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
