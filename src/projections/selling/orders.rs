//! Every order as a row, to be listed by sale, item, buyer, state and time.
//!
//! This is the projection that must keep up with hundreds of thousands of orders a second, and
//! secondary indexes, not rows, set its speed. So a row's key is its item's number and the revision
//! that placed it: rows of an item are appended side by side, and the events that settle an order
//! name its key. The index by time grows at its end. The index by buyer is the random one; orders
//! are counted off into chunks and the chunk leads in it, so that only a small, warm part of it is
//! ever written.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::{
    events::{ItemAdded, OfferEvent, OrderEvent, OrderPlaced, OrderStep},
    projections::{ApplyError, Here, Projection, never_added, row_cache::RowCache},
    values::{ItemId, shopper_hash},
};

/// Name of the projection and of its file.
pub const NAME: &str = "orders";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Bits of an order's key that hold the revision that placed it; the item's number is above them.
pub const REVISION_BITS: u32 = 36;

/// Highest number an item can have: 134 million items.
pub const NUMBER_MAX: i64 = i64::MAX >> REVISION_BITS;

/// The order's units are held. These four numbers are stored: never change them.
pub const HELD: i64 = 1;
/// The order is paid.
pub const PAID: i64 = 2;
/// The order was given up.
pub const CANCELLED: i64 = 3;
/// The order's hold ended unpaid.
pub const EXPIRED: i64 = 4;

/// Orders in one chunk of the index by buyer: its pages fit the cache, and a search for a buyer
/// among ten million orders looks into 611 chunks.
const CHUNK_ORDERS: i64 = 16_384;

/// The orders.
#[derive(Debug, Default)]
pub struct Orders {
    items: RowCache<ItemId, Item>,
    /// How many orders there are; not known before the first one is added.
    count: Option<i64>,
}

/// Between which moments an item's orders lie: a search by sale looks nowhere else.
#[derive(Debug)]
struct Item {
    number: i64,
    first_placed_at_ms: Option<i64>,
    last_placed_at_ms: Option<i64>,
}

/// What the index by buyer holds instead of the buyer's id. Two buyers may share a hash, so the id
/// is compared as well.
pub fn buyer_hash(buyer: &str) -> i64 {
    shopper_hash(buyer).cast_signed()
}

impl Projection for Orders {
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
            currency TEXT NOT NULL,
            first_placed_at_ms INTEGER,
            last_placed_at_ms INTEGER
        );
        CREATE INDEX items_by_sale ON items (sale_id);
        CREATE TABLE orders (
            key INTEGER PRIMARY KEY,
            chunk INTEGER NOT NULL,
            buyer_hash INTEGER NOT NULL,
            state INTEGER NOT NULL,
            placed_at_ms INTEGER NOT NULL,
            pay_by_ms INTEGER NOT NULL,
            settled_at_ms INTEGER,
            units INTEGER NOT NULL,
            unit_price_minor INTEGER NOT NULL,
            order_id BLOB NOT NULL,
            buyer TEXT NOT NULL,
            channel TEXT NOT NULL,
            warehouse TEXT,
            split TEXT,
            payment_reference TEXT
        );
        CREATE INDEX orders_by_buyer ON orders (chunk, buyer_hash);
        CREATE INDEX orders_by_time ON orders (placed_at_ms);"
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let OfferEvent::Added(added) = event else { return Ok(()) };
        add_item(here.rows, here.item()?, added)
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let (id, step) = (here.item()?, event.step(here.recorded.revision));
        match event {
            OrderEvent::Placed(placed) => self.place(here.rows, id, here.recorded.revision, placed),
            OrderEvent::Paid(paid) => {
                self.settle(here.rows, id, &step, (PAID, Some(&paid.payment_reference)))
            }
            OrderEvent::Cancelled(_) => self.settle(here.rows, id, &step, (CANCELLED, None)),
            OrderEvent::Expired(_) => self.settle(here.rows, id, &step, (EXPIRED, None)),
            // The order stays what it was.
            OrderEvent::RefundDue(_) => Ok(()),
        }
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(
            "UPDATE items SET first_placed_at_ms = ?, last_placed_at_ms = ? WHERE number = ?",
        )?;
        self.items.flush(|_, item| {
            write.execute(params![item.first_placed_at_ms, item.last_placed_at_ms, item.number])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
        self.count = None;
    }
}

impl Orders {
    fn place(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        revision: u64,
        placed: &OrderPlaced,
    ) -> Result<(), ApplyError> {
        let count = match self.count {
            Some(count) => count,
            None => read_count(rows)?,
        };
        let item = self.items.change(id, || read_item(rows, id))?;
        let placed_at_ms = placed.placed_at_ms.0;
        item.first_placed_at_ms.get_or_insert(placed_at_ms);
        item.last_placed_at_ms = item.last_placed_at_ms.max(Some(placed_at_ms));
        // Nearly every order comes out of one warehouse; only the others need a list.
        let (warehouse, split) = match placed.warehouses.as_slice() {
            [one] => (Some(one.warehouse.as_str()), None),
            many => (None, Some(serde_json::to_string(many).map_err(unwritable)?)),
        };
        rows.prepare_cached(
            "INSERT INTO orders
             (key, chunk, buyer_hash, state, placed_at_ms, pay_by_ms, units, unit_price_minor,
              order_id, buyer, channel, warehouse, split)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key(item.number, revision)?,
            count / CHUNK_ORDERS,
            buyer_hash(&placed.buyer),
            HELD,
            placed_at_ms,
            placed.pay_by_ms.0,
            placed.units,
            placed.unit_price_minor,
            placed.order_id.0.as_bytes().as_slice(),
            placed.buyer,
            placed.channel,
            warehouse,
            split,
        ])?;
        self.count = Some(count + 1);
        Ok(())
    }

    fn settle(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        (state, payment_reference): (i64, Option<&String>),
    ) -> Result<(), ApplyError> {
        let OrderStep { order_id, placed_revision, at, .. } = step;
        let item = self.items.change(id, || read_item(rows, id))?;
        // An order is settled once. Whatever else a log says, it is not ours to guess.
        let settled = rows
            .prepare_cached(
                "UPDATE orders SET state = ?, settled_at_ms = ?, payment_reference = ?
                 WHERE key = ? AND order_id = ? AND state = 1",
            )?
            .execute(params![
                state,
                at.0,
                payment_reference,
                key(item.number, *placed_revision)?,
                order_id.0.as_bytes().as_slice(),
            ])?;
        match settled {
            1 => Ok(()),
            _ => Err(ApplyError::Impossible(format!("order {order_id} is not held"))),
        }
    }
}

fn add_item(rows: &Transaction<'_>, id: ItemId, added: &ItemAdded) -> Result<(), ApplyError> {
    rows.prepare_cached("INSERT INTO items (item_id, sale_id, currency) VALUES (?, ?, ?)")?
        .execute(params![
            id.0.as_bytes().as_slice(),
            added.sale_id.0.as_bytes().as_slice(),
            added.currency.code(),
        ])?;
    Ok(())
}

fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let item = rows
        .prepare_cached(
            "SELECT number, first_placed_at_ms, last_placed_at_ms FROM items WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            Ok(Item {
                number: row.get(0)?,
                first_placed_at_ms: row.get(1)?,
                last_placed_at_ms: row.get(2)?,
            })
        })
        .optional()?;
    item.ok_or_else(|| never_added(id))
}

/// Counts only the last chunk: all before it are full.
fn read_count(rows: &Transaction<'_>) -> Result<i64, ApplyError> {
    let count = rows.query_row(
        "WITH last AS (SELECT max(chunk) AS chunk FROM orders)
         SELECT coalesce((SELECT chunk FROM last), 0),
         (SELECT count(*) FROM orders WHERE chunk = (SELECT chunk FROM last))",
        [],
        |row| Ok(row.get::<_, i64>(0)? * CHUNK_ORDERS + row.get::<_, i64>(1)?),
    )?;
    Ok(count)
}

/// The key of the order that was placed at that revision of the item with that number.
pub(in crate::projections) fn key(number: i64, revision: u64) -> Result<i64, ApplyError> {
    match i64::try_from(revision) {
        Ok(revision) if number <= NUMBER_MAX && revision >> REVISION_BITS == 0 => {
            Ok(number << REVISION_BITS | revision)
        }
        Ok(_) | Err(_) => {
            let problem = format!("revision {revision} of item number {number} has no key");
            Err(ApplyError::Impossible(problem))
        }
    }
}

fn unwritable(error: serde_json::Error) -> ApplyError {
    ApplyError::Impossible(error.to_string())
}
