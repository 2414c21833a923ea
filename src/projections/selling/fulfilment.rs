//! Payments and refunds of each sale, counted in the order of the log, and the exports of them.
//!
//! The buyers of orders stand in the read model of orders: a row for each order that is placed would
//! cost more than all rows here. An order has the same key in both.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};

use crate::{
    events::{OfferEvent, OrderEvent, OrdersExported, SaleEvent, WarehouseUnits},
    projections::{ApplyError, Here, Projection, never_added, orders, row_cache::RowCache, signed},
    values::{ItemId, SaleId},
};

/// Name of the projection and of its file.
pub const NAME: &str = "fulfilment";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Payments, refunds and exports.
#[derive(Debug, Default)]
pub struct Fulfilment {
    items: HashMap<ItemId, Item>,
    /// By the number of the sale: how many payments and refunds it has.
    counted: RowCache<i64, i64>,
}

/// The numbers of an item and of its sale.
#[derive(Debug, Clone, Copy)]
struct Item {
    number: i64,
    sale: i64,
}

impl Projection for Fulfilment {
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
            -- Payments and refunds so far.
            counted INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            item_id BLOB NOT NULL UNIQUE,
            sale INTEGER NOT NULL,
            sku TEXT NOT NULL,
            currency TEXT NOT NULL
        );
        CREATE TABLE paid (
            -- As in the read model of orders.
            key INTEGER PRIMARY KEY,
            sale INTEGER NOT NULL,
            number INTEGER NOT NULL,
            order_id BLOB NOT NULL,
            units INTEGER NOT NULL,
            total_minor INTEGER NOT NULL,
            payment_reference TEXT NOT NULL,
            -- JSON, as in the event.
            warehouses TEXT NOT NULL,
            paid_at_ms INTEGER NOT NULL
        );
        CREATE UNIQUE INDEX paid_by_number ON paid (sale, number);
        CREATE TABLE refunds (
            sale INTEGER NOT NULL,
            number INTEGER NOT NULL,
            key INTEGER NOT NULL,
            units INTEGER NOT NULL,
            amount_minor INTEGER NOT NULL,
            restocked INTEGER NOT NULL,
            -- JSON, as in the event.
            warehouses TEXT NOT NULL,
            refunded_at_ms INTEGER NOT NULL,
            PRIMARY KEY (sale, number)
        ) WITHOUT ROWID;
        CREATE INDEX refunds_by_order ON refunds (key, number);
        CREATE TABLE exports (
            sale INTEGER NOT NULL,
            number INTEGER NOT NULL,
            begins_after INTEGER NOT NULL,
            upto INTEGER NOT NULL,
            orders INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            operator TEXT NOT NULL,
            reason TEXT NOT NULL,
            exported_at_ms INTEGER NOT NULL,
            PRIMARY KEY (sale, number)
        ) WITHOUT ROWID;"
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        if let SaleEvent::Created(_) = event {
            add_sale(here.rows, SaleId(here.recorded.stream.id))?;
        }
        Ok(())
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let OfferEvent::Added(added) = event else { return Ok(()) };
        // A sale from another log was not created in this one.
        add_sale(here.rows, added.sale_id)?;
        here.rows
            .prepare_cached(
                "INSERT INTO items (item_id, sale, sku, currency)
                 VALUES (?, (SELECT number FROM sales WHERE sale_id = ?), ?, ?)",
            )?
            .execute(params![
                here.item()?.0.as_bytes().as_slice(),
                added.sale_id.0.as_bytes().as_slice(),
                added.sku,
                added.currency.code(),
            ])?;
        Ok(())
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        match event {
            OrderEvent::Paid(paid) => {
                let (sale, number, key) = self.count(here, paid.placed_revision)?;
                here.rows
                    .prepare_cached("INSERT INTO paid VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?
                    .execute(params![
                        key,
                        sale,
                        number,
                        paid.order_id.0.as_bytes().as_slice(),
                        paid.units,
                        paid.amount_minor,
                        paid.payment_reference,
                        json(&paid.warehouses)?,
                        paid.paid_at_ms.0,
                    ])?;
            }
            OrderEvent::Refunded(back) => {
                let (sale, number, key) = self.count(here, back.placed_revision)?;
                here.rows
                    .prepare_cached("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
                    .execute(params![
                        sale,
                        number,
                        key,
                        back.units,
                        back.amount_minor,
                        back.restocked,
                        json(&back.warehouses)?,
                        back.refunded_at_ms.0,
                    ])?;
            }
            OrderEvent::Placed(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_)
            | OrderEvent::RefundDue(_)
            | OrderEvent::RefundSettled(_) => {}
        }
        Ok(())
    }

    fn on_fulfilment(&mut self, here: &Here<'_>, event: &OrdersExported) -> Result<(), ApplyError> {
        let sale = here.recorded.stream.id;
        let written = here
            .rows
            .prepare_cached(
                "INSERT INTO exports
                 SELECT number, ? + 1, ?, ?, ?, ?, ?, ?, ? FROM sales WHERE sale_id = ?",
            )?
            .execute(params![
                signed(here.recorded.revision)?,
                event.after,
                event.upto,
                event.orders,
                event.sha256,
                event.act.operator,
                event.act.reason,
                event.exported_at_ms.0,
                sale.as_bytes().as_slice(),
            ])?;
        if written == 0 {
            return Err(ApplyError::Impossible(format!("sale {sale} was never created")));
        }
        Ok(())
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached("UPDATE sales SET counted = ? WHERE number = ?")?;
        self.counted.flush(|sale, counted| {
            write.execute([*counted, sale])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.clear();
        self.counted.forget();
    }
}

impl Fulfilment {
    /// Counts a payment or a refund: the number of the sale, its own in that sale, and the key of the
    /// order.
    fn count(
        &mut self,
        here: &Here<'_>,
        placed_revision: u64,
    ) -> Result<(i64, i64, i64), ApplyError> {
        use std::collections::hash_map::Entry;
        let id = here.item()?;
        let Item { number, sale } = match self.items.entry(id) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(read_item(here.rows, id)?),
        };
        let counted = self.counted.change(sale, || {
            let counted = "SELECT counted FROM sales WHERE number = ?";
            Ok(here.rows.prepare_cached(counted)?.query_row([sale], |row| row.get(0))?)
        })?;
        *counted += 1;
        Ok((sale, *counted, orders::key(number, placed_revision)?))
    }
}

fn add_sale(rows: &Transaction<'_>, sale_id: SaleId) -> Result<(), ApplyError> {
    rows.prepare_cached("INSERT OR IGNORE INTO sales (sale_id) VALUES (?)")?
        .execute([sale_id.0.as_bytes().as_slice()])?;
    Ok(())
}

fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let found = rows
        .prepare_cached("SELECT number, sale FROM items WHERE item_id = ?")?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            Ok(Item { number: row.get(0)?, sale: row.get(1)? })
        })
        .optional()?;
    found.ok_or_else(|| never_added(id))
}

fn json(warehouses: &[WarehouseUnits]) -> Result<String, ApplyError> {
    serde_json::to_string(warehouses).map_err(|error| ApplyError::Impossible(error.to_string()))
}
