//! The JSON of the events of a batch of coupons.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Act, Fingerprint, Id, goods::PercentOff};

#[derive(Deserialize)]
pub(crate) struct CouponTerms {
    pub name: String,
    pub discount: CouponDiscount,
    pub min_spend_minor: i64,
    pub coupons: i64,
    pub per_buyer: i64,
    pub budget_minor: i64,
    #[serde(default)]
    pub items: Vec<Id>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default, rename = "with_offers")]
    _with_offers: bool,
    #[serde(default)]
    pub returns: CouponReturns,
    pub from_ms: i64,
    pub until_ms: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CouponDiscount {
    AmountMinor(i64),
    Percent(PercentOff),
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CouponReturns {
    #[default]
    Unpaid,
    Refund,
}

#[derive(Deserialize)]
pub(crate) struct CouponBatchCreated<'a> {
    pub sale_id: Id,
    #[serde(borrow, rename = "currency")]
    _currency: Cow<'a, str>,
    pub terms: CouponTerms,
    pub act: Act,
    pub created_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct CouponGrant<'a> {
    #[serde(rename = "cause")]
    _cause: GrantCause,
    #[serde(borrow)]
    pub operator: Cow<'a, str>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantCause {
    Prize,
    Quiz,
    Earned,
    Goodwill,
}

#[derive(Deserialize)]
pub(crate) struct CouponClaimed<'a> {
    pub coupon_id: Id,
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    #[serde(borrow)]
    pub buyer: Cow<'a, str>,
    #[serde(borrow, default)]
    pub grant: Option<CouponGrant<'a>>,
    #[serde(default)]
    pub by_code: bool,
    pub claimed_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct CouponRedeemed {
    pub coupon_id: Id,
    pub order_id: Id,
    pub item_id: Id,
    pub base_minor: i64,
    pub discount_minor: i64,
    pub placed_at_ms: i64,
    pub redeemed_at_ms: i64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReturnCause {
    OrderExpired,
    OrderCancelled,
    OrderRefunded,
    NotApplied,
}

#[derive(Deserialize)]
pub(crate) struct CouponReturned {
    pub coupon_id: Id,
    pub order_id: Id,
    pub discount_minor: i64,
    pub cause: ReturnCause,
    pub returned_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct CouponRevoked {
    pub coupon_id: Id,
    pub act: Act,
    pub revoked_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct BudgetRaised {
    pub budget_minor: i64,
    pub act: Act,
    pub raised_at_ms: i64,
}
