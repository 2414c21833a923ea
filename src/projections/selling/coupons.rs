//! Batches of coupons of each sale: what was claimed, redeemed, returned and denied, and what the orders
//! with coupons paid. Beside them what the orders of a sale take of its limit per buyer.

mod limit;

use rusqlite::{Transaction, params};

use crate::{
    events::{
        CouponApplied, CouponAsked, CouponBatchCreated, CouponDenied, CouponEvent, CouponPlan,
        GrantCause, OrderChange, OrderEvent, OrderStep, QuotaEvent, SaleEvent,
    },
    projections::{ApplyError, Here, Projection},
    values::{BatchId, Kinds as _, OrderId, SaleId},
};

/// Name of the projection and of its file.
pub const NAME: &str = "coupons";
/// Version of its rows.
pub const VERSION: i64 = 2;

/// Its empty tables.
const SCHEMA: &str = "CREATE TABLE sales (
        sale_id BLOB PRIMARY KEY,
        -- Of a buyer over all items; null without such a limit, and the rest is 0 then.
        limit_per_buyer INTEGER,
        -- That held and paid orders take of it.
        limited_units INTEGER NOT NULL DEFAULT 0,
        -- That have any of these units, and that have as many as they may.
        buyers INTEGER NOT NULL DEFAULT 0,
        buyers_at_limit INTEGER NOT NULL DEFAULT 0,
        -- Orders that were cancelled over the limit.
        over_limit INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE limited_buyers (
        sale_id BLOB NOT NULL,
        buyer TEXT NOT NULL,
        units INTEGER NOT NULL,
        PRIMARY KEY (sale_id, buyer)
    ) WITHOUT ROWID;
    CREATE TABLE limited_orders (
        order_id BLOB PRIMARY KEY,
        buyer TEXT NOT NULL,
        units INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- The places of batches in the plans of their sales, whose batches are created side by side.
    CREATE TABLE plans (batch_id BLOB PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY,
        place INTEGER NOT NULL,
        batch_id BLOB NOT NULL UNIQUE,
        sale_id BLOB NOT NULL,
        name TEXT NOT NULL,
        currency TEXT NOT NULL,
        -- Shared; null where coupons have to be claimed.
        code TEXT,
        -- That can be claimed.
        coupons INTEGER NOT NULL,
        -- In force.
        budget_minor INTEGER NOT NULL,
        closed_at_ms INTEGER,
        -- Claimed and granted together, the latter alone, and the earned ones of these.
        claimed INTEGER NOT NULL DEFAULT 0,
        granted INTEGER NOT NULL DEFAULT 0,
        earned INTEGER NOT NULL DEFAULT 0,
        revoked INTEGER NOT NULL DEFAULT 0,
        redeemed INTEGER NOT NULL DEFAULT 0,
        returned INTEGER NOT NULL DEFAULT 0,
        -- Of the coupons that are bound.
        discount_minor INTEGER NOT NULL DEFAULT 0,
        -- Of the orders that have a coupon, from their payment on.
        paid_orders INTEGER NOT NULL DEFAULT 0,
        paid_units INTEGER NOT NULL DEFAULT 0,
        paid_discount_minor INTEGER NOT NULL DEFAULT 0,
        paid_minor INTEGER NOT NULL DEFAULT 0,
        refunded_minor INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX batches_by_sale ON batches (sale_id);
    CREATE TABLE denials (
        batch_id BLOB NOT NULL,
        reason TEXT NOT NULL,
        orders INTEGER NOT NULL,
        PRIMARY KEY (batch_id, reason)
    ) WITHOUT ROWID;
    -- That asked for a coupon, without those to which it was denied.
    CREATE TABLE orders (
        order_id BLOB PRIMARY KEY,
        batch_id BLOB NOT NULL,
        -- Null until it has its coupon.
        discount_minor INTEGER
    ) WITHOUT ROWID;";

/// Batches, the orders that asked for a coupon, and limits over sales.
#[derive(Debug, Default)]
pub struct Coupons {
    /// Whether any order asked for a coupon; `None` before that was looked up. Payments of a log
    /// without coupons then cost nothing.
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
        SCHEMA
    }

    fn on_sale(&mut self, here: &Here<'_>, event: &SaleEvent) -> Result<(), ApplyError> {
        if let SaleEvent::Created(created) = event {
            let sale = SaleId(here.recorded.stream.id);
            limit::add_sale(here.rows, sale, created.limit_per_buyer)?;
            plan_batches(here.rows, &created.coupons)?;
        }
        Ok(())
    }

    fn on_quota(&mut self, here: &Here<'_>, event: &QuotaEvent) -> Result<(), ApplyError> {
        let sale = SaleId(here.recorded.stream.id);
        match event {
            QuotaEvent::Taken(taken) => limit::take(here.rows, sale, taken),
            QuotaEvent::Returned(returned) => limit::give_back(here.rows, sale, returned),
        }
    }

    fn on_coupon(&mut self, here: &Here<'_>, event: &CouponEvent) -> Result<(), ApplyError> {
        let id = BatchId(here.recorded.stream.id);
        let count = |what| change(here.rows, id, what, 0);
        match event {
            CouponEvent::BatchCreated(created) => add_batch(here.rows, id, created),
            CouponEvent::Claimed(claimed) => {
                match claimed.grant.as_ref().map(|grant| grant.cause) {
                    None => count("claimed = claimed + 1"),
                    Some(GrantCause::Earned) => {
                        count("claimed = claimed + 1, granted = granted + 1, earned = earned + 1")
                    }
                    Some(_) => count("claimed = claimed + 1, granted = granted + 1"),
                }
            }
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
        match event {
            OrderEvent::Placed(placed) => {
                let Some(asked) = &placed.coupon else { return Ok(()) };
                self.any_order = Some(true);
                return add_order(here.rows, placed.order_id, asked);
            }
            OrderEvent::CouponApplied(applied) => return apply_coupon(here.rows, applied),
            OrderEvent::CouponDenied(denied) => return deny_coupon(here.rows, denied),
            OrderEvent::Cancelled(cancelled) => return limit::cancelled(here.rows, cancelled),
            _ => {}
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

fn plan_batches(rows: &Transaction<'_>, planned: &[CouponPlan]) -> Result<(), ApplyError> {
    let mut insert = rows.prepare_cached("INSERT OR IGNORE INTO plans VALUES (?, ?)")?;
    for (plan, place) in planned.iter().zip(0_i64..) {
        insert.execute(params![plan.batch_id.0.as_bytes().as_slice(), place])?;
    }
    Ok(())
}

fn add_batch(
    rows: &Transaction<'_>,
    id: BatchId,
    created: &CouponBatchCreated,
) -> Result<(), ApplyError> {
    let CouponBatchCreated { sale_id, currency, terms, .. } = created;
    rows.prepare_cached(
        "INSERT INTO batches (place, batch_id, sale_id, name, currency, code, coupons, budget_minor)
         VALUES (ifnull((SELECT place FROM plans WHERE batch_id = ?1), 0), ?1, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id.0.as_bytes().as_slice(),
        sale_id.0.as_bytes().as_slice(),
        terms.name,
        currency.code(),
        terms.code,
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

/// An order asks for a coupon. Its batch may be created later in the log, or in another log.
fn add_order(
    rows: &Transaction<'_>,
    order: OrderId,
    asked: &CouponAsked,
) -> Result<(), ApplyError> {
    rows.prepare_cached("INSERT INTO orders VALUES (?, ?, NULL)")?
        .execute(params![order.0.as_bytes().as_slice(), asked.batch_id.0.as_bytes().as_slice()])?;
    Ok(())
}

fn apply_coupon(rows: &Transaction<'_>, applied: &CouponApplied) -> Result<(), ApplyError> {
    let CouponApplied { order_id, coupon, .. } = applied;
    let changed = rows
        .prepare_cached("UPDATE orders SET discount_minor = ? WHERE order_id = ?")?
        .execute(params![coupon.discount_minor, order_id.0.as_bytes().as_slice()])?;
    asked_before(*order_id, changed)
}

fn deny_coupon(rows: &Transaction<'_>, denied: &CouponDenied) -> Result<(), ApplyError> {
    let order = denied.order_id.0.as_bytes().as_slice();
    let changed = rows
        .prepare_cached(
            "INSERT INTO denials SELECT batch_id, ?2, 1 FROM orders WHERE order_id = ?1
             ON CONFLICT DO UPDATE SET orders = orders + 1",
        )?
        .execute(params![order, denied.reason.kind_name()])?;
    rows.prepare_cached("DELETE FROM orders WHERE order_id = ?")?.execute([order])?;
    asked_before(denied.order_id, changed)
}

fn asked_before(order: OrderId, changed: usize) -> Result<(), ApplyError> {
    if changed == 1 {
        return Ok(());
    }
    Err(ApplyError::Impossible(format!("order {order} never asked for a coupon")))
}

/// An order is paid, or money of it goes back.
fn paid(rows: &Transaction<'_>, step: &OrderStep) -> Result<(), ApplyError> {
    let OrderStep { order_id: OrderId(id), units, revenue_minor, refunded_minor, .. } = *step;
    let first = i64::from(step.change == OrderChange::Paid);
    rows.prepare_cached(
        "UPDATE batches SET
             paid_orders = paid_orders + ?2,
             paid_units = paid_units + ?2 * ?3,
             paid_discount_minor = paid_discount_minor + ?2 * o.discount_minor,
             paid_minor = paid_minor + ?2 * ?4,
             refunded_minor = refunded_minor + ?5
         FROM orders AS o WHERE o.order_id = ?1 AND batches.batch_id = o.batch_id
             AND o.discount_minor IS NOT NULL",
    )?
    .execute(params![
        id.as_bytes().as_slice(),
        first,
        units,
        revenue_minor,
        refunded_minor
    ])?;
    Ok(())
}
