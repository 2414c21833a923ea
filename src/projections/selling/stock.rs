//! Stock levels: the units of each item by warehouse and state, what its reserve plan proposes, and which
//! events sold it out.
//!
//! In each warehouse, after every event: allocated = available + held + sold, and none of them is
//! negative. A log that violates this is not folded any further: wrong figures are worse than none.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};

use super::orders::{json, json_at};
use crate::{
    events::{
        Counts, ItemAdded, OfferEvent, OrderEvent, ReservePlan, StockEvent, StockMove,
        WarehouseCounts, Warehouses,
    },
    projections::{ApplyError, Here, Projection, never_added, row_cache::RowCache, signed},
    values::{ItemId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "stock";
/// Version of its rows.
pub const VERSION: i64 = 5;

/// Units of each item by warehouse.
#[derive(Debug, Default)]
pub struct StockLevels {
    items: RowCache<ItemId, Item>,
}

#[derive(Debug)]
struct Item {
    number: i64,
    /// The latest deadline of any of its orders, milliseconds since the Unix epoch; 0 before the
    /// first order. Once it has passed no hold can still be in time.
    last_pay_by_ms: i64,
    /// In the order in which they were first named.
    warehouses: Warehouses,
    /// The reserve plan, with what it proposes; empty where there is none.
    plan: ReservePlan,
}

impl Projection for StockLevels {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            item_id BLOB NOT NULL UNIQUE,
            sale_id BLOB NOT NULL,
            sku TEXT NOT NULL,
            title TEXT NOT NULL,
            last_pay_by_ms INTEGER NOT NULL,
            plan_steps TEXT,
            proposals TEXT
        );
        CREATE INDEX items_by_sale ON items (sale_id);
        CREATE TABLE warehouses (
            item INTEGER NOT NULL,
            place INTEGER NOT NULL,
            warehouse TEXT NOT NULL,
            allocated_units INTEGER NOT NULL,
            available_units INTEGER NOT NULL,
            held_units INTEGER NOT NULL,
            sold_units INTEGER NOT NULL,
            reserve_units INTEGER NOT NULL,
            PRIMARY KEY (item, place)
        ) WITHOUT ROWID;
        CREATE TABLE sold_outs (
            item INTEGER NOT NULL,
            -- Of the event that took the last available unit.
            revision INTEGER NOT NULL,
            at_ms INTEGER NOT NULL,
            PRIMARY KEY (item, revision)
        ) WITHOUT ROWID;"
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        match event {
            OfferEvent::Added(added) => add(here, added)?,
            OfferEvent::ReservePlanSet(set) => self.item(here)?.plan.set(set),
            OfferEvent::ReserveProposed(proposed) => self.item(here)?.plan.propose(proposed),
            OfferEvent::Scheduled(_)
            | OfferEvent::PurchaseLimitSet(_)
            | OfferEvent::Paused(_)
            | OfferEvent::Resumed(_)
            | OfferEvent::Closed(_)
            | OfferEvent::PricesSet(_)
            | OfferEvent::OffersSet(_)
            | OfferEvent::GiftUnitsSet(_)
            | OfferEvent::AudienceSet(_) => {}
        }
        Ok(())
    }

    fn on_stock(&mut self, here: &Here<'_>, event: &StockEvent) -> Result<(), ApplyError> {
        let item = self.item(here)?;
        if let StockEvent::ReserveReleased(released) = event {
            item.plan.released(released);
        }
        item.apply(here, event.moves(), event.at())?;
        if event.act().is_of_reserve_plan() {
            item.was_refilled(here, event.at())?;
        }
        Ok(())
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let item = self.item(here)?;
        if let OrderEvent::Placed(placed) = event {
            item.last_pay_by_ms = item.last_pay_by_ms.max(placed.pay_by_ms.0);
        }
        item.apply(here, event.moves(), event.at())
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(
            "INSERT INTO warehouses
             (item, place, warehouse, allocated_units, available_units, held_units, sold_units,
              reserve_units)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET
             allocated_units = excluded.allocated_units,
             available_units = excluded.available_units,
             held_units = excluded.held_units, sold_units = excluded.sold_units,
             reserve_units = excluded.reserve_units",
        )?;
        let mut update = rows.prepare_cached(
            "UPDATE items SET last_pay_by_ms = ?, plan_steps = ?, proposals = ? WHERE number = ?",
        )?;
        self.items.flush(|_, item| {
            let ReservePlan { steps, proposals } = &item.plan;
            let (steps, proposals) = (list(steps)?, list(proposals)?);
            update.execute(params![item.last_pay_by_ms, steps, proposals, item.number])?;
            for (place, WarehouseCounts { warehouse, counts }) in (0_i64..).zip(&item.warehouses.0)
            {
                let Counts { allocated, available, held, sold, reserve } = counts;
                let number = item.number;
                write.execute(params![
                    number, place, warehouse, allocated, available, held, sold, reserve
                ])?;
            }
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
    }
}

impl StockLevels {
    fn item(&mut self, here: &Here<'_>) -> Result<&mut Item, ApplyError> {
        let id = here.item()?;
        self.items.change(id, || read_item(here.rows, id))
    }
}

impl Item {
    /// Applies the moves of an event, and notes it if it took the last available unit.
    fn apply<'a>(
        &mut self,
        here: &Here<'_>,
        moves: impl Iterator<Item = StockMove<'a>>,
        at: UnixMs,
    ) -> Result<(), ApplyError> {
        let before = self.warehouses.total().available;
        self.warehouses.apply(moves).map_err(|why| ApplyError::Impossible(why.to_string()))?;
        if before > 0 && self.warehouses.total().available == 0 {
            let revision = signed(here.recorded.revision)?;
            here.rows
                .prepare_cached("INSERT INTO sold_outs (item, revision, at_ms) VALUES (?, ?, ?)")?
                .execute([self.number, revision, at.0])?;
        }
        Ok(())
    }

    /// A release by the reserve plan stands in the append of the order that took the last unit: nobody
    /// found nothing left.
    fn was_refilled(&self, here: &Here<'_>, at: UnixMs) -> Result<(), ApplyError> {
        if self.warehouses.total().available > 0 {
            here.rows
                .prepare_cached(
                    "DELETE FROM sold_outs WHERE item = ?1 AND at_ms = ?2 AND revision =
                     (SELECT max(revision) FROM sold_outs WHERE item = ?1)",
                )?
                .execute([self.number, at.0])?;
        }
        Ok(())
    }
}

fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let found = rows
        .prepare_cached(
            "SELECT number, last_pay_by_ms, plan_steps, proposals FROM items WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            let plan = ReservePlan { steps: list_at(row, 2)?, proposals: list_at(row, 3)? };
            Ok((row.get(0)?, row.get(1)?, plan))
        })
        .optional()?;
    let (number, last_pay_by_ms, plan) = found.ok_or_else(|| never_added(id))?;
    let mut query = rows.prepare_cached(
        "SELECT warehouse, allocated_units, available_units, held_units, sold_units, reserve_units
         FROM warehouses WHERE item = ? ORDER BY place",
    )?;
    let warehouses = query.query_map([number], |row| {
        Ok(WarehouseCounts {
            warehouse: row.get(0)?,
            counts: Counts {
                allocated: row.get(1)?,
                available: row.get(2)?,
                held: row.get(3)?,
                sold: row.get(4)?,
                reserve: row.get(5)?,
            },
        })
    })?;
    let warehouses = Warehouses(warehouses.collect::<Result<_, _>>()?);
    Ok(Item { number, last_pay_by_ms, warehouses, plan })
}

fn add(here: &Here<'_>, added: &ItemAdded) -> Result<(), ApplyError> {
    here.rows
        .prepare_cached(
            "INSERT INTO items (item_id, sale_id, sku, title, last_pay_by_ms)
             VALUES (?, ?, ?, ?, 0)",
        )?
        .execute(params![
            here.item()?.0.as_bytes().as_slice(),
            added.sale_id.0.as_bytes().as_slice(),
            added.sku,
            added.title,
        ])?;
    Ok(())
}

/// A list as it is stored; null where it is empty.
fn list<T: Serialize>(list: &[T]) -> Result<Option<String>, ApplyError> {
    (!list.is_empty()).then(|| json(list)).transpose()
}

/// A list that is stored so.
pub fn list_at<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<T>> {
    let text: Option<String> = row.get(column)?;
    text.map_or_else(|| Ok(Vec::new()), |text| json_at(column, &text))
}
