//! What became of the coupons of a sale, by batch, and of its limit per buyer over all items.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, Transaction};

use crate::{
    events::CouponReason,
    projections::{Checkpoint, coupons},
    reports::{ReportError, Reports, id_at},
    values::{BatchId, Kinds as _, SaleId, UnixMs},
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
    /// Shared; `None` where coupons have to be claimed.
    pub code: Option<String>,
    pub coupons: i64,
    /// Granted ones among them, and earned ones among these.
    pub claimed: i64,
    pub granted: i64,
    pub earned: i64,
    pub revoked: i64,
    /// Ever, and of these the returned ones.
    pub redeemed: i64,
    pub returned: i64,
    /// Orders whose coupon was denied, by reason in the order of the contract, without reasons that none
    /// met.
    pub denied: Vec<(CouponReason, i64)>,
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
    /// Also those that came back.
    pub units: i64,
    pub discount_minor: i64,
    /// What they paid, and what of it went back.
    pub paid_minor: i64,
    pub refunded_minor: i64,
}

/// What the orders of a sale take of its limit per buyer over all items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaleLimitFigures {
    pub per_buyer: i64,
    /// That held and paid orders take.
    pub units: i64,
    /// Who have any of these units, and those of them who have as many as they may.
    pub buyers: i64,
    pub buyers_at_limit: i64,
    /// Orders that were cancelled over the limit.
    pub orders_denied: i64,
}

/// Figures by batch, and of the limit over the sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponReport {
    /// In the order of the sale.
    pub batches: Vec<CouponFigures>,
    /// `None` of a sale without such a limit.
    pub limit: Option<SaleLimitFigures>,
    pub checkpoint: Checkpoint,
}

impl CouponFigures {
    /// What is left of the budget.
    pub fn budget_left_minor(&self) -> i64 {
        self.budget_minor.saturating_sub(self.discount_minor)
    }

    /// Orders whose coupon was denied, for any reason.
    pub fn orders_denied(&self) -> i64 {
        self.denied.iter().map(|(_, orders)| orders).sum()
    }
}

impl Reports {
    /// What became of coupons, by batch. None of a sale that has no batches.
    pub fn coupon_figures(&self, query: &CouponFiguresQuery) -> Result<CouponReport, ReportError> {
        let (known, report) = self.coupon_report(query.sale_id)?;
        if known { Ok(report) } else { Err(ReportError::NotFound("sale_id")) }
    }

    /// The same for the board, which knows the sale from another read model: nothing as long as this
    /// one has not come to it.
    pub fn sale_coupons(&self, sale_id: SaleId) -> Result<CouponReport, ReportError> {
        Ok(self.coupon_report(sale_id)?.1)
    }

    /// Whether the sale is known, and its figures.
    fn coupon_report(&self, sale_id: SaleId) -> Result<(bool, CouponReport), ReportError> {
        self.ask(coupons::NAME, coupons::VERSION, |rows, checkpoint| {
            let id = sale_id.0.as_bytes().as_slice();
            let sale = rows
                .query_row(
                    "SELECT limit_per_buyer, limited_units, buyers, buyers_at_limit, over_limit
                     FROM sales WHERE sale_id = ?",
                    [id],
                    limit,
                )
                .optional()?;
            let mut found = rows.prepare(
                "SELECT batch_id, name, currency, code, coupons, claimed, granted, earned, revoked,
                     redeemed, returned, budget_minor, discount_minor, paid_orders, paid_units,
                     paid_discount_minor, paid_minor, refunded_minor, closed_at_ms
                 FROM batches WHERE sale_id = ? ORDER BY place, number",
            )?;
            let batches = found.query_map([id], figures)?;
            let mut batches = batches.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut denied = denials(rows, sale_id)?;
            for batch in &mut batches {
                batch.denied = denied.remove(&batch.batch_id).unwrap_or_default();
                batch.denied.sort_by_key(|(reason, _)| reason.kind());
            }
            Ok((sale.is_some(), CouponReport { batches, limit: sale.flatten(), checkpoint }))
        })
    }
}

fn limit(row: &Row<'_>) -> rusqlite::Result<Option<SaleLimitFigures>> {
    let Some(per_buyer) = row.get(0)? else { return Ok(None) };
    Ok(Some(SaleLimitFigures {
        per_buyer,
        units: row.get(1)?,
        buyers: row.get(2)?,
        buyers_at_limit: row.get(3)?,
        orders_denied: row.get(4)?,
    }))
}

/// Orders whose coupon was denied, by batch of the sale and reason.
fn denials(
    rows: &Transaction<'_>,
    sale_id: SaleId,
) -> rusqlite::Result<HashMap<BatchId, Vec<(CouponReason, i64)>>> {
    let mut found = rows.prepare(
        "SELECT d.batch_id, d.reason, d.orders FROM batches AS b
         JOIN denials AS d ON d.batch_id = b.batch_id WHERE b.sale_id = ?",
    )?;
    let mut found = found.query([sale_id.0.as_bytes().as_slice()])?;
    let mut denied: HashMap<_, Vec<_>> = HashMap::new();
    while let Some(row) = found.next()? {
        let name: String = row.get(1)?;
        let known = CouponReason::ALL.iter().find(|reason| reason.kind_name() == name);
        let Some(reason) = known else {
            let text = rusqlite::types::Type::Text;
            return Err(rusqlite::Error::InvalidColumnType(1, name, text));
        };
        denied.entry(BatchId(id_at(row, 0)?)).or_default().push((*reason, row.get(2)?));
    }
    Ok(denied)
}

fn figures(row: &Row<'_>) -> rusqlite::Result<CouponFigures> {
    Ok(CouponFigures {
        batch_id: BatchId(id_at(row, 0)?),
        name: row.get(1)?,
        currency: row.get(2)?,
        code: row.get(3)?,
        coupons: row.get(4)?,
        claimed: row.get(5)?,
        granted: row.get(6)?,
        earned: row.get(7)?,
        revoked: row.get(8)?,
        redeemed: row.get(9)?,
        returned: row.get(10)?,
        denied: Vec::new(),
        budget_minor: row.get(11)?,
        discount_minor: row.get(12)?,
        paid: CouponsPaid {
            orders: row.get(13)?,
            units: row.get(14)?,
            discount_minor: row.get(15)?,
            paid_minor: row.get(16)?,
            refunded_minor: row.get(17)?,
        },
        closed: row.get::<_, Option<i64>>(18)?.map(UnixMs),
    })
}
