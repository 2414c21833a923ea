//! Stock levels: where the units of each item lie and what became of them.
//!
//! In each warehouse, after every event: allocated = available + held + sold, and none of them is
//! negative. A log that breaks this is not folded any further: figures nobody can trust are worse
//! than none.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::{
    events::{Event, ItemEvent, OfferEvent, OrderEvent, Recorded, StockEvent, WarehouseUnits},
    projections::{ApplyError, Projection, item_of, never_added, row_cache::RowCache},
    values::ItemId,
};

/// Name of the projection and of its file.
pub const NAME: &str = "stock";
/// Version of its rows.
pub const VERSION: i64 = 3;

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
    warehouses: Vec<Warehouse>,
}

#[derive(Debug)]
struct Warehouse {
    name: String,
    allocated: i64,
    available: i64,
    held: i64,
    sold: i64,
    reserve: i64,
}

/// Which way units go.
#[derive(Debug, Clone, Copy)]
enum Move {
    Allocate,
    ReleaseReserve,
    Hold,
    Sell,
    Release,
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
            last_pay_by_ms INTEGER NOT NULL
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
        ) WITHOUT ROWID;"
    }

    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        let event = match fact {
            Event::Item(event) => event,
            Event::Sale(_)
            | Event::Demand(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_) => return Ok(()),
        };
        let id = item_of(recorded)?;
        let (change, units) = match event {
            ItemEvent::Offer(OfferEvent::Added(added)) => {
                rows.prepare_cached(
                    "INSERT INTO items (item_id, sale_id, sku, title, last_pay_by_ms)
                     VALUES (?, ?, ?, ?, 0)",
                )?
                .execute(params![
                    id.0.as_bytes().as_slice(),
                    added.sale_id.0.as_bytes().as_slice(),
                    added.sku,
                    added.title,
                ])?;
                return Ok(());
            }
            ItemEvent::Stock(StockEvent::Allocated(added)) => {
                let item = self.items.change(id, || read_item(rows, id))?;
                return item.shift(Move::Allocate, &added.warehouse, added.units);
            }
            ItemEvent::Stock(StockEvent::ReserveSet(reserve)) => {
                let item = self.items.change(id, || read_item(rows, id))?;
                item.at(&reserve.warehouse).reserve = reserve.units;
                return Ok(());
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(released)) => {
                let item = self.items.change(id, || read_item(rows, id))?;
                return item.shift(Move::ReleaseReserve, &released.warehouse, released.units);
            }
            ItemEvent::Order(OrderEvent::Placed(placed)) => (Move::Hold, &placed.warehouses),
            ItemEvent::Order(OrderEvent::Paid(paid)) => (Move::Sell, &paid.warehouses),
            ItemEvent::Order(OrderEvent::Cancelled(cancelled)) => {
                (Move::Release, &cancelled.warehouses)
            }
            ItemEvent::Order(OrderEvent::Expired(expired)) => (Move::Release, &expired.warehouses),
            ItemEvent::Offer(OfferEvent::Scheduled(_))
            | ItemEvent::Offer(OfferEvent::PurchaseLimitSet(_))
            | ItemEvent::Offer(OfferEvent::Paused(_))
            | ItemEvent::Offer(OfferEvent::Resumed(_))
            | ItemEvent::Offer(OfferEvent::Closed(_))
            | ItemEvent::Order(OrderEvent::RefundDue(_)) => return Ok(()),
        };
        let item = self.items.change(id, || read_item(rows, id))?;
        if let ItemEvent::Order(OrderEvent::Placed(placed)) = event {
            item.last_pay_by_ms = item.last_pay_by_ms.max(placed.pay_by_ms.0);
        }
        for WarehouseUnits { warehouse, units } in units {
            item.shift(change, warehouse, *units)?;
        }
        Ok(())
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
        let mut deadline =
            rows.prepare_cached("UPDATE items SET last_pay_by_ms = ? WHERE number = ?")?;
        self.items.flush(|_, item| {
            deadline.execute([item.last_pay_by_ms, item.number])?;
            for (place, warehouse) in (0_i64..).zip(&item.warehouses) {
                let Warehouse { name, allocated, available, held, sold, reserve } = warehouse;
                write.execute(params![
                    item.number,
                    place,
                    name,
                    allocated,
                    available,
                    held,
                    sold,
                    reserve
                ])?;
            }
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
    }
}

impl Item {
    fn shift(&mut self, change: Move, name: &str, units: i64) -> Result<(), ApplyError> {
        self.at(name).shift(change, units).ok_or_else(|| {
            ApplyError::Impossible(format!("{change:?} of {units} units in {name} cannot be"))
        })
    }

    fn at(&mut self, name: &str) -> &mut Warehouse {
        let known = self.warehouses.iter().position(|warehouse| warehouse.name == name);
        let place = known.unwrap_or_else(|| {
            let name = name.to_owned();
            self.warehouses.push(Warehouse {
                name,
                allocated: 0,
                available: 0,
                held: 0,
                sold: 0,
                reserve: 0,
            });
            self.warehouses.len() - 1
        });
        &mut self.warehouses[place]
    }
}

impl Warehouse {
    /// `None` if that many units are not there to be moved.
    fn shift(&mut self, change: Move, units: i64) -> Option<()> {
        match change {
            Move::Allocate => {
                self.allocated = self.allocated.checked_add(units)?;
                self.available = self.available.checked_add(units)?;
            }
            Move::ReleaseReserve => {
                carry(&mut self.reserve, &mut self.allocated, units)?;
                self.available = self.available.checked_add(units)?;
            }
            Move::Hold => carry(&mut self.available, &mut self.held, units)?,
            Move::Sell => carry(&mut self.held, &mut self.sold, units)?,
            Move::Release => carry(&mut self.held, &mut self.available, units)?,
        }
        Some(())
    }
}

fn carry(from: &mut i64, to: &mut i64, units: i64) -> Option<()> {
    *from = from.checked_sub(units).filter(|left| *left >= 0)?;
    *to = to.checked_add(units)?;
    Some(())
}

fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let found = rows
        .prepare_cached("SELECT number, last_pay_by_ms FROM items WHERE item_id = ?")?
        .query_row([id.0.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (number, last_pay_by_ms) = found.ok_or_else(|| never_added(id))?;
    let mut query = rows.prepare_cached(
        "SELECT warehouse, allocated_units, available_units, held_units, sold_units, reserve_units
         FROM warehouses WHERE item = ? ORDER BY place",
    )?;
    let warehouses = query.query_map([number], |row| {
        Ok(Warehouse {
            name: row.get(0)?,
            allocated: row.get(1)?,
            available: row.get(2)?,
            held: row.get(3)?,
            sold: row.get(4)?,
            reserve: row.get(5)?,
        })
    })?;
    Ok(Item { number, last_pay_by_ms, warehouses: warehouses.collect::<Result<_, _>>()? })
}
