//! The JSON of what orders wait for.

use serde::Deserialize;

use super::{Id, OfferApplied};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Await {
    SaleLimit,
    Coupon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IfDenied {
    #[default]
    Cancel,
    Keep,
}

/// What is named is judged by its batch.
#[derive(Deserialize)]
pub(crate) struct CouponAsked {
    pub batch_id: Id,
    #[serde(default)]
    pub if_denied: IfDenied,
    #[serde(default)]
    pub skip_offers: bool,
    #[serde(default)]
    pub max_total_minor: Option<i64>,
}

#[derive(Deserialize)]
pub(crate) struct LimitGranted {
    pub order_id: Id,
    pub placed_revision: u64,
    pub granted_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct CouponApplied {
    pub order_id: Id,
    pub placed_revision: u64,
    pub batch_id: Id,
    pub coupon_id: Id,
    pub discount_minor: i64,
    pub total_minor: i64,
    pub applied_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct CouponDenied<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    #[serde(borrow, default)]
    pub offer: Option<OfferApplied<'a>>,
    pub total_minor: i64,
    pub denied_at_ms: i64,
}
