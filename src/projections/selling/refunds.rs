//! Money that has to go back to buyers: for payments that bought nothing and for units that came back,
//! from the moment it is due on, settled or not.
//!
//! A due keeps the revision that placed its order. By it, buyer and payment are found in the read model
//! of orders, so that this one holds no row for an order without a due.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::{
    events::{
        ItemAdded, OfferEvent, OrderEvent, OrderRefunded, RefundCause, RefundDue, RefundSettled,
    },
    projections::{ApplyError, Here, Projection, never_added, row_cache::RowCache, signed},
    values::{DueId, ItemId, OrderId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "refunds";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Money that is due back.
#[derive(Debug, Default)]
pub struct Refunds {
    items: RowCache<ItemId, Item>,
}

/// What was due of an item so far, and what of it is settled. What is open is the difference.
#[derive(Debug)]
struct Item {
    number: i64,
    sale_id: [u8; 16],
    dues: i64,
    due_minor: i64,
    settled_dues: i64,
    settled_minor: i64,
}

/// Why money has to go back. The names are stored: never change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueCause {
    /// The payment came after the hold had expired.
    OrderExpired,
    /// The payment came after the order was cancelled.
    OrderCancelled,
    /// The order was paid before, or had been refunded.
    AlreadyPaid,
    /// Units of the paid order came back.
    Refunded,
}

impl DueCause {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::OrderExpired, Self::OrderCancelled, Self::AlreadyPaid, Self::Refunded];

    /// Its stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderExpired => "order_expired",
            Self::OrderCancelled => "order_cancelled",
            Self::AlreadyPaid => "already_paid",
            Self::Refunded => "refunded",
        }
    }

    /// The cause with that stored name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

impl From<RefundCause> for DueCause {
    fn from(cause: RefundCause) -> Self {
        match cause {
            RefundCause::OrderExpired => Self::OrderExpired,
            RefundCause::OrderCancelled => Self::OrderCancelled,
            RefundCause::AlreadyPaid => Self::AlreadyPaid,
        }
    }
}

/// One due on its way into the file.
struct Line<'a> {
    due_id: DueId,
    order_id: OrderId,
    placed_revision: u64,
    cause: DueCause,
    /// That came back; 0 for a payment that bought nothing.
    units: i64,
    amount_minor: i64,
    /// Of a payment that bought nothing.
    payment_reference: Option<&'a str>,
    due_at: UnixMs,
}

impl Projection for Refunds {
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
            currency TEXT NOT NULL,
            dues INTEGER NOT NULL DEFAULT 0,
            due_minor INTEGER NOT NULL DEFAULT 0,
            settled_dues INTEGER NOT NULL DEFAULT 0,
            settled_minor INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX items_by_sale ON items (sale_id);
        CREATE TABLE dues (
            number INTEGER PRIMARY KEY,
            item INTEGER NOT NULL,
            sale_id BLOB NOT NULL,
            due_id BLOB NOT NULL UNIQUE,
            order_id BLOB NOT NULL,
            placed_revision INTEGER NOT NULL,
            cause TEXT NOT NULL,
            units INTEGER NOT NULL,
            amount_minor INTEGER NOT NULL,
            payment_reference TEXT,
            due_at_ms INTEGER NOT NULL,
            settled_at_ms INTEGER,
            settled_reference TEXT,
            settled_by TEXT
        );
        CREATE INDEX dues_by_order ON dues (order_id);
        CREATE INDEX dues_by_time ON dues (due_at_ms);
        CREATE INDEX dues_open ON dues (due_at_ms) WHERE settled_at_ms IS NULL;
        CREATE INDEX dues_open_of_sale ON dues (sale_id, due_at_ms) WHERE settled_at_ms IS NULL;"
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let OfferEvent::Added(added) = event else { return Ok(()) };
        add_item(here.rows, here.item()?, added)
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let item = here.item()?;
        match event {
            OrderEvent::RefundDue(event) => self.owe(here.rows, item, &of_payment(item, event)),
            OrderEvent::Refunded(event) => self.owe(here.rows, item, &of_units(item, event)),
            OrderEvent::RefundSettled(event) => self.settle(here.rows, item, event),
            OrderEvent::Placed(_)
            | OrderEvent::Paid(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_) => Ok(()),
        }
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(
            "UPDATE items SET dues = ?, due_minor = ?, settled_dues = ?, settled_minor = ?
             WHERE number = ?",
        )?;
        self.items.flush(|_, item| {
            let Item { number, dues, due_minor, settled_dues, settled_minor, .. } = item;
            write.execute(params![dues, due_minor, settled_dues, settled_minor, number])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
    }
}

impl Refunds {
    fn owe(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        due: &Line<'_>,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        rows.prepare_cached(
            "INSERT INTO dues (item, sale_id, due_id, order_id, placed_revision, cause, units,
             amount_minor, payment_reference, due_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            item.number,
            item.sale_id,
            due.due_id.0.as_bytes().as_slice(),
            due.order_id.0.as_bytes().as_slice(),
            signed(due.placed_revision)?,
            due.cause.name(),
            due.units,
            due.amount_minor,
            due.payment_reference,
            due.due_at.0,
        ])?;
        item.dues += 1;
        item.due_minor = item.due_minor.saturating_add(due.amount_minor);
        Ok(())
    }

    fn settle(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        settled: &RefundSettled,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        let changed = rows
            .prepare_cached(
                "UPDATE dues SET settled_at_ms = ?, settled_reference = ?, settled_by = ?
                 WHERE due_id = ? AND item = ? AND settled_at_ms IS NULL",
            )?
            .execute(params![
                settled.settled_at_ms.0,
                settled.reference,
                settled.act.operator,
                settled.due_id.0.as_bytes().as_slice(),
                item.number,
            ])?;
        if changed != 1 {
            let problem = format!("nothing open is due back under {}", settled.due_id);
            return Err(ApplyError::Impossible(problem));
        }
        item.settled_dues += 1;
        item.settled_minor = item.settled_minor.saturating_add(settled.amount_minor);
        Ok(())
    }
}

/// What a payment that bought nothing makes due.
fn of_payment(item: ItemId, event: &RefundDue) -> Line<'_> {
    Line {
        due_id: item.due_id(event.request_id),
        order_id: event.order_id,
        placed_revision: event.placed_revision,
        cause: event.cause.into(),
        units: 0,
        amount_minor: event.amount_minor,
        payment_reference: Some(&event.payment_reference),
        due_at: event.due_at_ms,
    }
}

/// What units that came back make due.
fn of_units(item: ItemId, event: &OrderRefunded) -> Line<'_> {
    Line {
        due_id: item.due_id(event.act.request_id),
        order_id: event.order_id,
        placed_revision: event.placed_revision,
        cause: DueCause::Refunded,
        units: event.units,
        amount_minor: event.amount_minor,
        payment_reference: None,
        due_at: event.refunded_at_ms,
    }
}

fn add_item(rows: &Transaction<'_>, id: ItemId, added: &ItemAdded) -> Result<(), ApplyError> {
    rows.prepare_cached("INSERT INTO items (item_id, sale_id, sku, currency) VALUES (?, ?, ?, ?)")?
        .execute(params![
            id.0.as_bytes().as_slice(),
            added.sale_id.0.as_bytes().as_slice(),
            added.sku,
            added.currency.code(),
        ])?;
    Ok(())
}

fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let item = rows
        .prepare_cached(
            "SELECT number, sale_id, dues, due_minor, settled_dues, settled_minor FROM items
             WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], item_of)
        .optional()?;
    item.ok_or_else(|| never_added(id))
}

fn item_of(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        number: row.get(0)?,
        sale_id: row.get(1)?,
        dues: row.get(2)?,
        due_minor: row.get(3)?,
        settled_dues: row.get(4)?,
        settled_minor: row.get(5)?,
    })
}
