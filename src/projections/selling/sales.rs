//! Sales by item: orders, units, money.
//!
//! Money is a whole number of minor units and is only ever added up here; nothing divides it. A sum
//! that no file could hold stays at the largest number rather than stopping the read model.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::{
    events::{
        Counts, ItemAdded, OfferEvent, OrderChange, OrderEvent, OrderStep, SaleEvent, StockEvent,
        StockMove,
    },
    projections::{ApplyError, Here, Projection, never_added, row_cache::RowCache},
    values::{ItemId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "sales";
/// Version of its rows.
pub const VERSION: i64 = 2;

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
    orders_refunded: i64,
    units_refunded: i64,
    refunded_minor: i64,
    refunds_settled_minor: i64,
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
            sold_out_at_ms INTEGER,
            -- Of paid orders: those of which all units came back, and what came back in all.
            orders_refunded INTEGER NOT NULL DEFAULT 0,
            units_refunded INTEGER NOT NULL DEFAULT 0,
            refunded_minor INTEGER NOT NULL DEFAULT 0,
            refunds_settled_minor INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX items_by_sale ON items (sale_id);"
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        let SaleEvent::Created(created) = event else { return Ok(()) };
        here.rows.execute(
            "INSERT INTO sales (sale_id, currency) VALUES (?, ?)",
            params![here.recorded.stream.id.as_bytes().as_slice(), created.currency.code()],
        )?;
        Ok(())
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let OfferEvent::Added(added) = event else { return Ok(()) };
        add_item(here.rows, here.item()?, added)
    }

    fn on_stock(&mut self, here: &Here<'_>, event: &StockEvent) -> Result<(), ApplyError> {
        self.figures(here)?.shift(event.moves(), event.at());
        Ok(())
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let figures = self.figures(here)?;
        let step = event.step(here.recorded.revision);
        figures.count(&step);
        figures.shift(event.moves(), step.at);
        Ok(())
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(
            "UPDATE items SET allocated_units = ?, available_units = ?, orders_placed = ?,
             orders_paid = ?, orders_cancelled = ?, orders_expired = ?, units_placed = ?,
             units_sold = ?, revenue_minor = ?, refunds_due_minor = ?, sold_out_at_ms = ?,
             orders_refunded = ?, units_refunded = ?, refunded_minor = ?,
             refunds_settled_minor = ? WHERE number = ?",
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
                figures.orders_refunded,
                figures.units_refunded,
                figures.refunded_minor,
                figures.refunds_settled_minor,
                figures.number,
            ])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
    }
}

impl Sales {
    fn figures(&mut self, here: &Here<'_>) -> Result<&mut Figures, ApplyError> {
        let id = here.item()?;
        self.items.change(id, || read_figures(here.rows, id))
    }
}

impl Figures {
    fn count(&mut self, step: &OrderStep) {
        add(&mut self.revenue_minor, step.revenue_minor);
        add(&mut self.refunds_due_minor, step.due_minor);
        add(&mut self.refunds_settled_minor, step.settled_minor);
        let (orders, more) = match step.change {
            OrderChange::Placed => {
                add(&mut self.units_placed, step.units);
                (&mut self.orders_placed, 1)
            }
            OrderChange::Paid => {
                add(&mut self.units_sold, step.units);
                (&mut self.orders_paid, 1)
            }
            OrderChange::Cancelled => (&mut self.orders_cancelled, 1),
            OrderChange::Expired => (&mut self.orders_expired, 1),
            OrderChange::Reinstated => (&mut self.orders_expired, -1),
            OrderChange::PartlyRefunded | OrderChange::Refunded => {
                add(&mut self.units_sold, -step.units);
                add(&mut self.units_refunded, step.units);
                add(&mut self.refunded_minor, step.refunded_minor);
                (&mut self.orders_refunded, i64::from(step.change == OrderChange::Refunded))
            }
            OrderChange::Nothing => return,
        };
        add(orders, more);
    }

    fn shift<'a>(&mut self, moves: impl Iterator<Item = StockMove<'a>>, at: UnixMs) {
        let adds = Counts::added_by(moves);
        add(&mut self.allocated_units, adds.allocated);
        add(&mut self.available_units, adds.available);
        if self.available_units > 0 {
            self.sold_out_at_ms = None;
        } else if adds.available < 0 {
            self.sold_out_at_ms = Some(at.0);
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
             refunds_due_minor, sold_out_at_ms, orders_refunded, units_refunded, refunded_minor,
             refunds_settled_minor FROM items WHERE item_id = ?",
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
        orders_refunded: row.get(12)?,
        units_refunded: row.get(13)?,
        refunded_minor: row.get(14)?,
        refunds_settled_minor: row.get(15)?,
    })
}
