//! Every order as a row, to be listed by sale, item, buyer, state and time.
//!
//! This is the projection that must keep up with hundreds of thousands of orders a second, and
//! secondary indexes, not rows, set its speed. So a row's key is its item's number and the revision
//! that placed it: rows of an item are appended side by side, and the events that settle an order
//! name its key. The index by time grows at its end. The index by buyer is the random one; orders
//! are counted off into chunks and the chunk leads in it, so that only a small, warm part of it is
//! ever written.

mod ids;
mod later;
mod parts_text;
mod placed;

use self::parts_text::PartsText;

pub use ids::key_of;

use rusqlite::{OptionalExtension, Row, Transaction, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    events::{
        ItemAdded, OfferApplied, OfferEvent, OrderEvent, OrderPlaced, OrderPrice, OrderState,
        OrderStep, WarehouseUnits,
    },
    projections::{
        ApplyError, Here, Projection,
        goods::{Goods, Settled},
        never_added,
        row_cache::RowCache,
    },
    values::{ItemId, UnixMs, shopper_hash},
};

/// Name of the projection and of its file.
pub const NAME: &str = "orders";
/// Version of its rows.
pub const VERSION: i64 = 6;

/// Bits of an order's key that hold the revision that placed it; the item's number is above them.
pub const REVISION_BITS: u32 = 36;

/// Highest number an item can have: 134 million items.
pub const NUMBER_MAX: i64 = i64::MAX >> REVISION_BITS;

/// The order's units are held. These five numbers are stored: never change them.
pub const HELD: i64 = 1;
/// The order is paid.
pub const PAID: i64 = 2;
/// The order was given up.
pub const CANCELLED: i64 = 3;
/// The order's hold ended unpaid.
pub const EXPIRED: i64 = 4;
/// All units of the paid order came back.
pub const REFUNDED: i64 = 5;

/// The number of a state.
pub fn number_of_state(state: OrderState) -> i64 {
    match state {
        OrderState::Held => HELD,
        OrderState::Paid => PAID,
        OrderState::Cancelled => CANCELLED,
        OrderState::Expired => EXPIRED,
        OrderState::Refunded => REFUNDED,
    }
}

/// Orders in one chunk of the index by buyer: its pages fit the cache, and a search for a buyer
/// among ten million orders looks into 611 chunks.
const CHUNK_ORDERS: i64 = 16_384;

/// The orders.
#[derive(Debug, Default)]
pub struct Orders {
    items: RowCache<ItemId, Item>,
    /// How many orders there are; not known before the first one is added.
    count: Option<i64>,
    parts_text: PartsText,
}

/// Between which moments an item's orders lie: a search by sale looks nowhere else.
#[derive(Debug)]
struct Item {
    number: i64,
    first_placed_at_ms: Option<i64>,
    last_placed_at_ms: Option<i64>,
    goods: Option<Box<Goods>>,
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
            last_placed_at_ms INTEGER,
            -- JSON: what it sold by step, time price and offer; only where it ever had any.
            goods TEXT
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
            payment_reference TEXT,
            -- What is to be paid, and what the offer took off.
            total_minor INTEGER NOT NULL,
            discount_minor INTEGER NOT NULL,
            offer TEXT,
            -- JSON, as in the event; empty where the order has none.
            gift TEXT,
            gift_gone TEXT,
            parts TEXT,
            failed_payments INTEGER NOT NULL DEFAULT 0,
            -- Units that came back after they were paid, and the money for them.
            refunded_units INTEGER NOT NULL DEFAULT 0,
            refunded_minor INTEGER NOT NULL DEFAULT 0,
            -- Decisions of others that the order waits for; its coupon as JSON once it has one.
            awaiting INTEGER NOT NULL DEFAULT 0,
            coupon TEXT,
            -- When a late payment brought it back.
            reinstated_at_ms INTEGER,
            -- What the shop calls it; labels as JSON, as in the event.
            shop_order_id TEXT,
            labels TEXT
        );
        -- Where the orders of full chunks are, by their ids.
        CREATE TABLE id_runs (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);
        -- The labels once more, to be found by.
        CREATE TABLE labels (
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            key INTEGER NOT NULL,
            PRIMARY KEY (name, value, key)
        ) WITHOUT ROWID;
        -- Orders without an id of the shop are not in it.
        CREATE INDEX orders_by_shop ON orders (chunk, shop_order_id) WHERE shop_order_id IS NOT NULL;
        CREATE INDEX orders_by_buyer ON orders (chunk, buyer_hash);
        CREATE INDEX orders_by_time ON orders (placed_at_ms);"
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        match event {
            OfferEvent::Added(added) => add_item(here.rows, here.item()?, added)?,
            OfferEvent::Scheduled(window) if window.moved_ms != 0 => {
                let id = here.item()?;
                let item = self.items.change(id, || read_item(here.rows, id))?;
                if let Some(goods) = &mut item.goods {
                    goods.move_by(window.moved_ms);
                }
            }
            OfferEvent::PricesSet(set) => {
                self.goods(here)?.set_prices(set, here.recorded.revision);
            }
            OfferEvent::OffersSet(set) => self.goods(here)?.set_offers(set),
            OfferEvent::GiftUnitsSet(set) => self.goods(here)?.set_gift_units(set),
            OfferEvent::Scheduled(_)
            | OfferEvent::PurchaseLimitSet(_)
            | OfferEvent::Paused(_)
            | OfferEvent::Resumed(_)
            | OfferEvent::Closed(_)
            | OfferEvent::AudienceSet(_)
            | OfferEvent::ReservePlanSet(_)
            | OfferEvent::ReserveProposed(_) => {}
        }
        Ok(())
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let (id, step) = (here.item()?, event.step(here.recorded.revision));
        match event {
            OrderEvent::Placed(placed) => self.place(here.rows, id, here.recorded.revision, placed),
            OrderEvent::Paid(paid) => {
                self.settle(here.rows, id, &step, Some(&paid.payment_reference))
            }
            OrderEvent::Cancelled(_) | OrderEvent::Expired(_) => {
                self.settle(here.rows, id, &step, None)
            }
            OrderEvent::Reinstated(back) => self.reinstate(here.rows, id, &step, back),
            OrderEvent::Refunded(refunded) => self.refund(here.rows, id, &step, refunded),
            OrderEvent::LimitGranted(_) => {
                let set = ("awaiting = awaiting - ?", 1);
                self.change(here.rows, id, &step, set, Some(OrderState::Held))
            }
            OrderEvent::CouponApplied(applied) => self.apply_coupon(here.rows, id, &step, applied),
            OrderEvent::CouponDenied(denied) => self.deny_coupon(here.rows, id, &step, denied),
            OrderEvent::PaymentFailed(_) => {
                let set = "failed_payments = failed_payments + ?";
                self.change(here.rows, id, &step, (set, 1), None)
            }
            OrderEvent::HoldExtended(extended) => {
                let set = ("pay_by_ms = ?", extended.pay_by_ms.0);
                self.change(here.rows, id, &step, set, Some(OrderState::Held))
            }
            // The order stays what it was.
            OrderEvent::RefundDue(_) | OrderEvent::RefundSettled(_) => Ok(()),
        }
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(
            "UPDATE items SET first_placed_at_ms = ?, last_placed_at_ms = ?, goods = ?
             WHERE number = ?",
        )?;
        self.items.flush(|_, item| {
            let goods = item.goods.as_ref().map(json).transpose()?;
            let (first, last) = (item.first_placed_at_ms, item.last_placed_at_ms);
            write.execute(params![first, last, goods, item.number])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
        self.count = None;
    }
}

impl Orders {
    /// What an item with a ladder or offers sold at which price, from its first order on.
    fn goods(&mut self, here: &Here<'_>) -> Result<&mut Goods, ApplyError> {
        let id = here.item()?;
        let item = self.items.change(id, || read_item(here.rows, id))?;
        let goods = match item.goods.take() {
            Some(goods) => goods,
            None => Box::new(sold_before(here.rows, item.number)?),
        };
        Ok(item.goods.insert(goods))
    }

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
        if count > 0 && count % CHUNK_ORDERS == 0 {
            ids::write(rows, count / CHUNK_ORDERS - 1)?;
        }
        let item = self.items.change(id, || read_item(rows, id))?;
        let placed_at_ms = placed.placed_at_ms.0;
        item.first_placed_at_ms.get_or_insert(placed_at_ms);
        item.last_placed_at_ms = item.last_placed_at_ms.max(Some(placed_at_ms));
        if let Some(goods) = &mut item.goods {
            goods.placed(placed.units, &placed.into(), revision, placed.placed_at_ms);
        }
        let key = key(item.number, revision)?;
        self.insert(rows, key, count, placed)?;
        self.count = Some(count + 1);
        Ok(())
    }

    fn settle(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        payment_reference: Option<&String>,
    ) -> Result<(), ApplyError> {
        let OrderStep { order_id, placed_revision, at, change, .. } = step;
        let item = self.items.change(id, || read_item(rows, id))?;
        let key = key(item.number, *placed_revision)?;
        let state = change.becomes().map(number_of_state);
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
                key,
                order_id.0.as_bytes().as_slice(),
            ])?;
        found(step, settled)?;
        if let Some(goods) = &mut item.goods {
            let (units, price) = read_price(rows, key)?;
            let paid = change.becomes() == Some(OrderState::Paid);
            let settled = if paid { Settled::Paid } else { Settled::Released };
            goods.settled(units, &price, *placed_revision, settled);
        }
        Ok(())
    }
}

/// That the event found its order where it has to be.
fn found(step: &OrderStep, changed: usize) -> Result<(), ApplyError> {
    if changed == 1 {
        return Ok(());
    }
    let OrderStep { order_id, change, .. } = step;
    Err(ApplyError::Impossible(format!("order {order_id} is not where {change:?} finds it")))
}

/// Where an order's units lie: nearly always in one warehouse, and only the others need a list.
fn places(of: &[WarehouseUnits]) -> Result<(Option<&str>, Option<String>), ApplyError> {
    match of {
        [one] => Ok((Some(one.warehouse.as_str()), None)),
        many => Ok((None, Some(json(many)?))),
    }
}

/// What an item sold before it had a ladder or offers.
fn sold_before(rows: &Transaction<'_>, number: i64) -> Result<Goods, ApplyError> {
    let mut goods = Goods::default();
    let mut orders = rows.prepare_cached(
        "SELECT key, state, refunded_units, refunded_minor FROM orders WHERE key BETWEEN ? AND ?",
    )?;
    let until = number << REVISION_BITS | ((1 << REVISION_BITS) - 1);
    let orders = orders.query_map([number << REVISION_BITS, until], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    for order in orders {
        let (key, state, back_units, back_minor): (i64, i64, i64, i64) = order?;
        let (units, price) = read_price(rows, key)?;
        // No ladder is older than revision 0.
        goods.placed(units, &(&price).into(), 0, UnixMs::default());
        match state {
            HELD => {}
            PAID | REFUNDED => {
                goods.settled(units, &price, 0, Settled::Paid);
                goods.refunded_before(back_units, back_minor, &price);
            }
            _ => goods.settled(units, &price, 0, Settled::Released),
        }
    }
    Ok(goods)
}

/// Units and price of an order.
fn read_price(rows: &Transaction<'_>, key: i64) -> rusqlite::Result<(i64, OrderPrice)> {
    let columns = format!("SELECT units, {PRICE_COLUMNS} FROM orders AS o WHERE key = ?");
    let mut read = rows.prepare_cached(&columns)?;
    read.query_row([key], |row| Ok((row.get(0)?, price_at(row, 1)?)))
}

/// The columns of what an order costs, as [`price_at`] reads them.
pub const PRICE_COLUMNS: &str =
    "o.unit_price_minor, o.total_minor, o.discount_minor, o.offer, o.gift,
    o.gift_gone, o.parts, o.coupon";

/// What an order costs, from that column of the row on.
pub fn price_at(row: &Row<'_>, first: usize) -> rusqlite::Result<OrderPrice> {
    let text = |column: usize| row.get::<_, Option<String>>(first + column);
    let gift = text(4)?.map(|gift| json_at(first + 4, &gift)).transpose()?;
    let parts = text(6)?.map(|parts| json_at(first + 6, &parts)).transpose()?;
    let coupon = text(7)?.map(|coupon| json_at(first + 7, &coupon)).transpose()?;
    let discount_minor = row.get(first + 2)?;
    Ok(OrderPrice {
        unit_price_minor: row.get(first)?,
        total_minor: row.get(first + 1)?,
        offer: text(3)?.map(|name| OfferApplied { name: name.as_str().into(), discount_minor }),
        coupon,
        gift,
        gift_gone: text(5)?,
        parts: parts.unwrap_or_default(),
    })
}

/// What a column holds as JSON.
pub fn json_at<T: DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
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
            "SELECT number, first_placed_at_ms, last_placed_at_ms, goods FROM items
             WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            Ok(Item {
                number: row.get(0)?,
                first_placed_at_ms: row.get(1)?,
                last_placed_at_ms: row.get(2)?,
                goods: row
                    .get::<_, Option<String>>(3)?
                    .map(|goods| json_at(3, &goods))
                    .transpose()?,
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

/// A value as a column holds it.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, ApplyError> {
    serde_json::to_string(value).map_err(|error| ApplyError::Impossible(error.to_string()))
}
