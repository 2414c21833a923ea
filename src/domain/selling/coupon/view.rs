//! Batches and coupons as they are shown.

use serde::{Deserialize, Serialize};

use super::batch::{Batch, CouponBatch};
use crate::{
    events::{CouponBatchClosed, CouponTerms, GrantCause},
    values::{BatchId, CouponId, Currency, OrderId, SaleId, UnixMs},
};

/// A batch as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchView {
    pub batch_id: BatchId,
    pub sale_id: SaleId,
    pub currency: Currency,
    pub terms: CouponTerms,
    /// The budget in force.
    pub budget_minor: i64,
    /// What the discounts of bound coupons come to.
    pub discount_minor: i64,
    /// Claimed and granted coupons.
    pub claimed: i64,
    /// Those that are bound to an order now.
    pub bound: i64,
    pub created_at: UnixMs,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<CouponBatchClosed>,
}

/// A coupon as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponView {
    pub coupon_id: CouponId,
    pub batch_id: BatchId,
    pub buyer: String,
    pub state: CouponState,
    pub claimed_at: UnixMs,
    /// Why it was granted; absent where the buyer claimed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<GrantCause>,
}

/// What can be done with a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponState {
    /// An order can use it.
    Free,
    /// It is bound to an order.
    Bound { order_id: OrderId, discount_minor: i64 },
    /// It is nobody's.
    Revoked,
}

/// What an order got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    pub coupon_id: CouponId,
    pub discount_minor: i64,
}

impl CouponBatch {
    pub(super) fn view(&self, batch: &Batch) -> BatchView {
        let Batch { created, closed, budget_minor, discount_minor } = batch;
        BatchView {
            batch_id: self.id,
            sale_id: created.sale_id,
            currency: created.currency,
            terms: created.terms.clone(),
            budget_minor: *budget_minor,
            discount_minor: *discount_minor,
            claimed: i64::from(self.claims.count()),
            bound: i64::from(self.claims.bound()),
            created_at: created.created_at_ms,
            closed: closed.clone(),
        }
    }

    pub(super) fn coupon(&self, row: u32) -> CouponView {
        let of = self.claims.row(row);
        let bound = self.claims.binding_of(row).map(|binding| CouponState::Bound {
            order_id: binding.order_id,
            discount_minor: binding.discount_minor,
        });
        let free = if of.revoked { CouponState::Revoked } else { CouponState::Free };
        CouponView {
            coupon_id: of.coupon_id,
            batch_id: self.id,
            buyer: self.claims.buyer(row).to_owned(),
            state: bound.unwrap_or(free),
            claimed_at: of.claimed_at,
            cause: of.cause,
        }
    }

    pub(super) fn redemption(&self, binding: u32) -> Redemption {
        let binding = self.claims.binding_at(binding);
        Redemption {
            coupon_id: self.claims.row(binding.coupon).coupon_id,
            discount_minor: binding.discount_minor,
        }
    }
}
