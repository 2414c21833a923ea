//! What became of the coupons of a sale, by batch.

use rusqlite::Row;

use crate::{
    projections::{Checkpoint, coupons},
    reports::{ReportError, Reports, id_at},
    values::{BatchId, SaleId, UnixMs},
};

/// Whose batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponFiguresQuery {
    pub sale_id: SaleId,
}

/// What became of a batch of coupons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponFigures {
    pub batch_id: BatchId,
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    pub coupons: i64,
    /// Granted ones among them.
    pub claimed: i64,
    pub granted: i64,
    pub revoked: i64,
    /// Ever, and of these the returned ones.
    pub redeemed: i64,
    pub returned: i64,
    pub budget_minor: i64,
    /// Of the coupons that are bound.
    pub discount_minor: i64,
    pub paid: CouponsPaid,
    pub closed: Option<UnixMs>,
}

/// Orders with a coupon that were paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CouponsPaid {
    pub orders: i64,
    pub discount_minor: i64,
    /// What they paid, and what of it went back.
    pub paid_minor: i64,
    pub refunded_minor: i64,
}

/// Figures by batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponReport {
    /// In the order in which they were created.
    pub batches: Vec<CouponFigures>,
    pub checkpoint: Checkpoint,
}

impl CouponFigures {
    /// What is left of the budget.
    pub fn budget_left_minor(&self) -> i64 {
        self.budget_minor.saturating_sub(self.discount_minor)
    }
}

impl Reports {
    /// What became of coupons, by batch. None of a sale that has no batches.
    pub fn coupon_figures(&self, query: &CouponFiguresQuery) -> Result<CouponReport, ReportError> {
        let sale_id = query.sale_id.0.as_bytes().as_slice();
        self.ask(coupons::NAME, coupons::VERSION, |rows, checkpoint| {
            let known = "SELECT EXISTS (SELECT 1 FROM sales WHERE sale_id = ?)";
            if !rows.query_row(known, [sale_id], |row| row.get::<_, bool>(0))? {
                return Err(ReportError::NotFound("sale_id"));
            }
            let mut found = rows.prepare(
                "SELECT batch_id, name, currency, coupons, claimed, granted, revoked,
                     redeemed, returned, budget_minor, discount_minor, paid_orders,
                     paid_discount_minor, paid_minor, refunded_minor, closed_at_ms
                 FROM batches WHERE sale_id = ? ORDER BY number",
            )?;
            let batches = found.query_map([sale_id], figures)?;
            let batches = batches.collect::<rusqlite::Result<_>>()?;
            Ok(CouponReport { batches, checkpoint })
        })
    }
}

fn figures(row: &Row<'_>) -> rusqlite::Result<CouponFigures> {
    Ok(CouponFigures {
        batch_id: BatchId(id_at(row, 0)?),
        name: row.get(1)?,
        currency: row.get(2)?,
        coupons: row.get(3)?,
        claimed: row.get(4)?,
        granted: row.get(5)?,
        revoked: row.get(6)?,
        redeemed: row.get(7)?,
        returned: row.get(8)?,
        budget_minor: row.get(9)?,
        discount_minor: row.get(10)?,
        paid: CouponsPaid {
            orders: row.get(11)?,
            discount_minor: row.get(12)?,
            paid_minor: row.get(13)?,
            refunded_minor: row.get(14)?,
        },
        closed: row.get::<_, Option<i64>>(15)?.map(UnixMs),
    })
}
