//! The JSON of the limit over a whole sale.

use std::borrow::Cow;

use serde::Deserialize;

use super::Id;

/// The limit that an order comes under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct SaleLimit {
    pub sale_id: Id,
    pub per_buyer: i64,
}

#[derive(Deserialize)]
pub(crate) struct QuotaTaken<'a> {
    pub order_id: Id,
    pub item_id: Id,
    #[serde(borrow)]
    pub buyer: Cow<'a, str>,
    pub units: i64,
    pub buyer_units: i64,
    pub limit_per_buyer: i64,
    pub taken_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct QuotaReturned {
    pub order_id: Id,
    pub units_left: i64,
    pub returned_at_ms: i64,
}

/// A coupon that buyers earn.
#[derive(Deserialize)]
pub(crate) struct Reward {
    pub spend_minor: i64,
    #[serde(rename = "batch_id")]
    _batch_id: Id,
}
