//! What an order waits for that its item cannot decide alone: a coupon, and the limit of a buyer over
//! the whole sale. Its units are held meanwhile, and it cannot be paid.

use serde::{Deserialize, Serialize};

use super::price::OfferApplied;
use crate::values::{BatchId, CouponId, OrderId, UnixMs, kinds};

/// What is not decided yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Await {
    /// Whether the buyer may have so many units in the whole sale.
    SaleLimit,
    /// What the coupon takes off.
    Coupon,
}

/// The coupon that an order asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponAsked {
    pub batch_id: BatchId,
    pub named: CouponNamed,
    /// What becomes of the order where the coupon is denied.
    #[serde(skip_serializing_if = "IfDenied::is_cancel", default)]
    pub if_denied: IfDenied,
    /// Money offers do not apply beside coupons of this batch.
    #[serde(skip_serializing_if = "is_false", default)]
    pub skip_offers: bool,
    /// The order is cancelled where it would cost more with the coupon decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_total_minor: Option<i64>,
}

/// What an order says of its coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponNamed {
    /// One that the buyer has.
    Id(CouponId),
    /// The code of the batch: one that the buyer has, or else a new one.
    Code(String),
}

/// What becomes of an order whose coupon is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfDenied {
    #[default]
    Cancel,
    /// It stands without the coupon, with the offers that would have applied.
    Keep,
}

impl IfDenied {
    fn is_cancel(&self) -> bool {
        *self == Self::Cancel
    }
}

/// Why a coupon is not claimed or not redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponReason {
    /// The batch is not open at that moment, or was closed.
    Expired,
    /// The buyer has no such coupon.
    Unknown,
    /// It is bound to another order.
    Used,
    OtherItem,
    /// The order's total is below the minimum, or so low that the coupon would take nothing off.
    BelowMinimum,
    /// The discount is more than is left of the budget.
    BudgetSpent,
    AllClaimed,
    OverBuyerLimit,
}

// The names are those of the contract.
kinds! { CouponReason {
    Self::Expired => "COUPON_EXPIRED",
    Self::Unknown => "COUPON_UNKNOWN",
    Self::Used => "COUPON_USED",
    Self::OtherItem => "COUPON_OTHER_ITEM",
    Self::BelowMinimum => "COUPON_BELOW_MINIMUM",
    Self::BudgetSpent => "COUPON_BUDGET_SPENT",
    Self::AllClaimed => "COUPON_ALL_CLAIMED",
    Self::OverBuyerLimit => "COUPON_OVER_BUYER_LIMIT",
} }

/// A coupon that an order has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponTaken {
    pub batch_id: BatchId,
    pub coupon_id: CouponId,
    pub discount_minor: i64,
}

/// The buyer may have these units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitGranted {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub granted_at_ms: UnixMs,
}

/// The coupon takes its discount off the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponApplied {
    pub order_id: OrderId,
    pub placed_revision: u64,
    #[serde(flatten)]
    pub coupon: CouponTaken,
    /// What is to be paid from now on.
    pub total_minor: i64,
    pub applied_at_ms: UnixMs,
}

/// The order does not get its coupon. It is cancelled by the next event, or stands without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponDenied {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub reason: CouponReason,
    /// The offer that applies in its place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offer: Option<OfferApplied>,
    /// What is to be paid from now on.
    pub total_minor: i64,
    pub denied_at_ms: UnixMs,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
