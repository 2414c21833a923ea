//! Batches of coupons of each sale: what was claimed, redeemed and returned, and what the orders with
//! coupons paid.

use rusqlite::{Transaction, params};

use crate::{
    events::{
        CouponApplied, CouponBatchCreated, CouponEvent, OrderChange, OrderEvent, OrderStep,
        SaleEvent,
    },
    projections::{ApplyError, Here, Projection},
    values::{BatchId, OrderId},
};

/// Name of the projection and of its file.
pub const NAME: &str = "coupons";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Batches, and the orders that have a coupon.
#[derive(Debug, Default)]
pub struct Coupons {
    /// Whether any order has a coupon; `None` before that was looked up. Payments of a log without
    /// coupons then cost nothing.
    any_order: Option<bool>,
}

impl Projection for Coupons {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE sales (sale_id BLOB PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE batches (
            number INTEGER PRIMARY KEY,
            batch_id BLOB NOT NULL UNIQUE,
            sale_id BLOB NOT NULL,
            name TEXT NOT NULL,
            currency TEXT NOT NULL,
            -- That can be claimed.
            coupons INTEGER NOT NULL,
            -- In force.
            budget_minor INTEGER NOT NULL,
            closed_at_ms INTEGER,
            -- Claimed and granted together, and the latter alone.
            claimed INTEGER NOT NULL DEFAULT 0,
            granted INTEGER NOT NULL DEFAULT 0,
            revoked INTEGER NOT NULL DEFAULT 0,
            redeemed INTEGER NOT NULL DEFAULT 0,
            returned INTEGER NOT NULL DEFAULT 0,
            -- Of the coupons that are bound.
            discount_minor INTEGER NOT NULL DEFAULT 0,
            -- Of the orders that have a coupon, from their payment on.
            paid_orders INTEGER NOT NULL DEFAULT 0,
            paid_discount_minor INTEGER NOT NULL DEFAULT 0,
            paid_minor INTEGER NOT NULL DEFAULT 0,
            refunded_minor INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX batches_by_sale ON batches (sale_id);
        CREATE TABLE orders (
            order_id BLOB PRIMARY KEY,
            batch INTEGER NOT NULL,
            discount_minor INTEGER NOT NULL
        ) WITHOUT ROWID;"
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        if let SaleEvent::Created(_) = event {
            here.rows.prepare_cached("INSERT OR IGNORE INTO sales VALUES (?)")?.execute([here
                .recorded
                .stream
                .id
                .as_bytes()
                .as_slice()])?;
        }
        Ok(())
    }

    fn on_coupon(&mut self, here: &Here<'_>, event: &CouponEvent) -> Result<(), ApplyError> {
        let id = BatchId(here.recorded.stream.id);
        let count = |what| change(here.rows, id, what, 0);
        match event {
            CouponEvent::BatchCreated(created) => add_batch(here.rows, id, created),
            CouponEvent::Claimed(claimed) if claimed.grant.is_some() => {
                count("claimed = claimed + 1, granted = granted + 1")
            }
            CouponEvent::Claimed(_) => count("claimed = claimed + 1"),
            CouponEvent::Redeemed(redeemed) => {
                let what = "redeemed = redeemed + 1, discount_minor = discount_minor + ?2";
                change(here.rows, id, what, redeemed.discount_minor)
            }
            CouponEvent::Returned(returned) => {
                let what = "returned = returned + 1, discount_minor = discount_minor - ?2";
                change(here.rows, id, what, returned.discount_minor)
            }
            CouponEvent::Revoked(_) => count("revoked = revoked + 1"),
            CouponEvent::BudgetRaised(raised) => {
                change(here.rows, id, "budget_minor = ?2", raised.budget_minor)
            }
            CouponEvent::BatchClosed(closed) => {
                change(here.rows, id, "closed_at_ms = ?2", closed.closed_at_ms.0)
            }
        }
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        if let OrderEvent::CouponApplied(applied) = event {
            self.any_order = Some(true);
            return add_order(here.rows, applied);
        }
        let step = event.step(here.recorded.revision);
        if step.revenue_minor == 0 || !self.has_orders(here.rows)? {
            return Ok(());
        }
        paid(here.rows, &step)
    }
}

impl Coupons {
    fn has_orders(&mut self, rows: &Transaction<'_>) -> Result<bool, ApplyError> {
        if let Some(known) = self.any_order {
            return Ok(known);
        }
        let found = "SELECT EXISTS (SELECT 1 FROM orders)";
        let found = rows.query_row(found, [], |row| row.get(0))?;
        self.any_order = Some(found);
        Ok(found)
    }
}

fn add_batch(
    rows: &Transaction<'_>,
    id: BatchId,
    created: &CouponBatchCreated,
) -> Result<(), ApplyError> {
    let CouponBatchCreated { sale_id, currency, terms, .. } = created;
    rows.prepare_cached(
        "INSERT INTO batches (batch_id, sale_id, name, currency, coupons, budget_minor)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id.0.as_bytes().as_slice(),
        sale_id.0.as_bytes().as_slice(),
        terms.name,
        currency.code(),
        terms.coupons,
        terms.budget_minor,
    ])?;
    Ok(())
}

/// Changes a batch: `what` sets columns, with `?2` for the number.
fn change(rows: &Transaction<'_>, id: BatchId, what: &str, number: i64) -> Result<(), ApplyError> {
    let sql = format!("UPDATE batches SET {what} WHERE batch_id = ?1 AND ?2 = ?2");
    let changed =
        rows.prepare_cached(&sql)?.execute(params![id.0.as_bytes().as_slice(), number])?;
    if changed == 1 {
        return Ok(());
    }
    Err(ApplyError::Impossible(format!("batch {id} of coupons was never created")))
}

fn add_order(rows: &Transaction<'_>, applied: &CouponApplied) -> Result<(), ApplyError> {
    let CouponApplied { order_id, coupon, .. } = applied;
    // A batch from another log was not created in this one.
    rows.prepare_cached("INSERT INTO orders SELECT ?, number, ? FROM batches WHERE batch_id = ?")?
        .execute(params![
            order_id.0.as_bytes().as_slice(),
            coupon.discount_minor,
            coupon.batch_id.0.as_bytes().as_slice(),
        ])?;
    Ok(())
}

/// An order is paid, or money of it goes back.
fn paid(rows: &Transaction<'_>, step: &OrderStep) -> Result<(), ApplyError> {
    let OrderStep { order_id: OrderId(id), revenue_minor, refunded_minor, .. } = *step;
    let first = i64::from(step.change == OrderChange::Paid);
    rows.prepare_cached(
        "UPDATE batches SET
             paid_orders = paid_orders + ?2,
             paid_discount_minor = paid_discount_minor + ?2 * o.discount_minor,
             paid_minor = paid_minor + ?2 * ?3,
             refunded_minor = refunded_minor + ?4
         FROM orders AS o WHERE o.order_id = ?1 AND batches.number = o.batch",
    )?
    .execute(params![id.as_bytes().as_slice(), first, revenue_minor, refunded_minor])?;
    Ok(())
}
