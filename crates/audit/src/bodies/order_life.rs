//! The JSON of what happens to an order beside its payment and the end of its hold.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Act, Fingerprint, Id, OrderPart, WarehouseUnits};

#[derive(Deserialize)]
pub(crate) struct PaymentFailed<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    #[serde(borrow)]
    pub payment_reference: Cow<'a, str>,
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    pub failed_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct HoldExtended {
    pub order_id: Id,
    pub placed_revision: u64,
    pub pay_by_ms: i64,
    pub act: Act,
    pub extended_at_ms: i64,
}

/// Who gave a hold up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CancelCause {
    #[default]
    Buyer,
    Operator,
    OverSaleLimit,
    Coupon,
    Price,
}

#[derive(Deserialize)]
pub(crate) struct OrderCancelled<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    pub units: i64,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    #[serde(default)]
    pub cause: CancelCause,
    #[serde(default)]
    pub act: Option<Act>,
    #[serde(default)]
    pub limited_by: Option<Id>,
    #[serde(default)]
    pub coupon_batch_id: Option<Id>,
    pub cancelled_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct OrderReinstated<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub units: i64,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    #[serde(default)]
    pub parts: Vec<OrderPart>,
    pub reinstated_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct OrderRefunded<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub units: i64,
    pub units_left: i64,
    pub amount_minor: i64,
    pub restocked: bool,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    #[serde(default)]
    pub parts: Vec<OrderPart>,
    #[serde(default)]
    pub coupon_batch_id: Option<Id>,
    pub act: Act,
    #[serde(default)]
    pub limited_by: Option<Id>,
    pub refunded_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct RefundSettled<'a> {
    pub due_id: Id,
    pub order_id: Id,
    pub placed_revision: u64,
    #[serde(borrow)]
    pub reference: Cow<'a, str>,
    pub amount_minor: i64,
    pub act: Act,
    pub settled_at_ms: i64,
}
