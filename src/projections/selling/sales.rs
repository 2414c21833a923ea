//! What each item sold: orders, units, money.
//!
//! Money is a whole number of minor units and is only ever added up here; nothing divides it. A sum
//! that no file could hold stays at the largest number rather than stopping the read model.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::{
    events::{
        Event, ItemAdded, ItemEvent, OfferEvent, OrderEvent, Recorded, SaleEvent, StockEvent,
    },
    projections::{ApplyError, Projection, item_of, never_added, row_cache::RowCache},
    values::{ItemId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "sales";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Sales figures by item.
#[derive(Debug, Default)]
pub struct Sales {
    items: RowCache<ItemId, Figures>,
}

#[derive(Debug)]
struct Figures {
    number: i64,
    allocated_units: i64,
    available_units: i64,
    orders_placed: i64,
    orders_paid: i64,
    orders_cancelled: i64,
    orders_expired: i64,
    units_placed: i64,
    units_sold: i64,
    revenue_minor: i64,
    refunds_due_minor: i64,
    /// When the last available unit was taken; none while units are available.
    sold_out_at_ms: Option<i64>,
}

impl Projection for Sales {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE sales (
            sale_id BLOB PRIMARY KEY,
            currency TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            item_id BLOB NOT NULL UNIQUE,
            sale_id BLOB NOT NULL,
            sku TEXT NOT NULL,
            title TEXT NOT NULL,
            currency TEXT NOT NULL,
            allocated_units INTEGER NOT NULL DEFAULT 0,
            available_units INTEGER NOT NULL DEFAULT 0,
            orders_placed INTEGER NOT NULL DEFAULT 0,
            orders_paid INTEGER NOT NULL DEFAULT 0,
            orders_cancelled INTEGER NOT NULL DEFAULT 0,
            orders_expired INTEGER NOT NULL DEFAULT 0,
            units_placed INTEGER NOT NULL DEFAULT 0,
            units_sold INTEGER NOT NULL DEFAULT 0,
            revenue_minor INTEGER NOT NULL DEFAULT 0,
            refunds_due_minor INTEGER NOT NULL DEFAULT 0,
            sold_out_at_ms INTEGER
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
            Event::Sale(SaleEvent::Created(created)) => {
                rows.execute(
                    "INSERT INTO sales (sale_id, currency) VALUES (?, ?)",
                    params![recorded.stream.id.as_bytes().as_slice(), created.currency.code()],
                )?;
                Ok(())
            }
            Event::Item(ItemEvent::Offer(OfferEvent::Added(added))) => {
                add_item(rows, item_of(recorded)?, added)
            }
            Event::Item(event) => {
                let id = item_of(recorded)?;
                let figures = self.items.change(id, || read_figures(rows, id))?;
                figures.apply(event);
                Ok(())
            }
            Event::Sale(SaleEvent::Paused(_) | SaleEvent::Resumed(_) | SaleEvent::Closed(_))
            | Event::Demand(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_) => Ok(()),
        }
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(
            "UPDATE items SET allocated_units = ?, available_units = ?, orders_placed = ?,
             orders_paid = ?, orders_cancelled = ?, orders_expired = ?, units_placed = ?,
             units_sold = ?, revenue_minor = ?, refunds_due_minor = ?, sold_out_at_ms = ?
             WHERE number = ?",
        )?;
        self.items.flush(|_, figures| {
            write.execute(params![
                figures.allocated_units,
                figures.available_units,
                figures.orders_placed,
                figures.orders_paid,
                figures.orders_cancelled,
                figures.orders_expired,
                figures.units_placed,
                figures.units_sold,
                figures.revenue_minor,
                figures.refunds_due_minor,
                figures.sold_out_at_ms,
                figures.number,
            ])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
    }
}

impl Figures {
    fn apply(&mut self, event: &ItemEvent) {
        match event {
            ItemEvent::Stock(StockEvent::Allocated(added)) => {
                add(&mut self.allocated_units, added.units);
                self.give_back(added.units);
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(released)) => {
                add(&mut self.allocated_units, released.units);
                self.give_back(released.units);
            }
            ItemEvent::Order(OrderEvent::Placed(placed)) => {
                add(&mut self.orders_placed, 1);
                add(&mut self.units_placed, placed.units);
                self.take(placed.units, placed.placed_at_ms);
            }
            ItemEvent::Order(OrderEvent::Paid(paid)) => {
                add(&mut self.orders_paid, 1);
                add(&mut self.units_sold, paid.units);
                add(&mut self.revenue_minor, paid.amount_minor);
            }
            ItemEvent::Order(OrderEvent::Cancelled(cancelled)) => {
                add(&mut self.orders_cancelled, 1);
                self.give_back(cancelled.units);
            }
            ItemEvent::Order(OrderEvent::Expired(expired)) => {
                add(&mut self.orders_expired, 1);
                self.give_back(expired.units);
            }
            ItemEvent::Order(OrderEvent::RefundDue(due)) => {
                add(&mut self.refunds_due_minor, due.amount_minor)
            }
            ItemEvent::Offer(OfferEvent::Added(_))
            | ItemEvent::Offer(OfferEvent::Scheduled(_))
            | ItemEvent::Offer(OfferEvent::PurchaseLimitSet(_))
            | ItemEvent::Stock(StockEvent::ReserveSet(_))
            | ItemEvent::Offer(OfferEvent::Paused(_))
            | ItemEvent::Offer(OfferEvent::Resumed(_))
            | ItemEvent::Offer(OfferEvent::Closed(_)) => {}
        }
    }

    fn take(&mut self, units: i64, at: UnixMs) {
        add(&mut self.available_units, -units);
        if self.available_units <= 0 {
            self.sold_out_at_ms = Some(at.0);
        }
    }

    fn give_back(&mut self, units: i64) {
        add(&mut self.available_units, units);
        if self.available_units > 0 {
            self.sold_out_at_ms = None;
        }
    }
}

fn add(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

fn add_item(rows: &Transaction<'_>, id: ItemId, added: &ItemAdded) -> Result<(), ApplyError> {
    rows.prepare_cached(
        "INSERT INTO items (item_id, sale_id, sku, title, currency) VALUES (?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id.0.as_bytes().as_slice(),
        added.sale_id.0.as_bytes().as_slice(),
        added.sku,
        added.title,
        added.currency.code(),
    ])?;
    Ok(())
}

fn read_figures(rows: &Transaction<'_>, id: ItemId) -> Result<Figures, ApplyError> {
    let figures = rows
        .prepare_cached(
            "SELECT number, allocated_units, available_units, orders_placed, orders_paid,
             orders_cancelled, orders_expired, units_placed, units_sold, revenue_minor,
             refunds_due_minor, sold_out_at_ms FROM items WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], figures_of)
        .optional()?;
    figures.ok_or_else(|| never_added(id))
}

fn figures_of(row: &Row<'_>) -> rusqlite::Result<Figures> {
    Ok(Figures {
        number: row.get(0)?,
        allocated_units: row.get(1)?,
        available_units: row.get(2)?,
        orders_placed: row.get(3)?,
        orders_paid: row.get(4)?,
        orders_cancelled: row.get(5)?,
        orders_expired: row.get(6)?,
        units_placed: row.get(7)?,
        units_sold: row.get(8)?,
        revenue_minor: row.get(9)?,
        refunds_due_minor: row.get(10)?,
        sold_out_at_ms: row.get(11)?,
    })
}
