//! Money that has to go back to a buyer: for a payment that buys nothing, and for units of a paid
//! order that came back. Both are due until they are settled.

use serde::{Deserialize, Serialize};

use super::{price::OrderPart, units::WarehouseUnits};
use crate::{
    events::Act,
    values::{BatchId, DueId, Fingerprint, OrderId, RequestId, SaleId, UnixMs},
};

/// Why a payment has to go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundCause {
    OrderExpired,
    OrderCancelled,
    AlreadyPaid,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundDue {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub payment_reference: String,
    pub amount_minor: i64,
    pub cause: RefundCause,
    pub due_at_ms: UnixMs,
}

/// Units of a paid order came back, the last ones of the order first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRefunded {
    pub order_id: OrderId,
    pub placed_revision: u64,
    /// Units that came back with this event.
    pub units: i64,
    /// Units that the buyer keeps.
    pub units_left: i64,
    /// What goes back to the buyer for them, in minor units.
    pub amount_minor: i64,
    /// Whether they are available again; else they are written off.
    pub restocked: bool,
    pub warehouses: Vec<WarehouseUnits>,
    /// Their prices; empty where the order has no parts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<OrderPart>,
    /// Of the coupon that the order has, where the last of its units came back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon_batch_id: Option<BatchId>,
    /// The sale whose limit over all items counted its units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limited_by: Option<SaleId>,
    pub act: Act,
    pub refunded_at_ms: UnixMs,
}

/// Money that was due is on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundSettled {
    /// Id of the event by which it became due.
    pub due_id: DueId,
    pub order_id: OrderId,
    pub placed_revision: u64,
    /// By which the shop finds the transfer.
    pub reference: String,
    pub amount_minor: i64,
    pub act: Act,
    pub settled_at_ms: UnixMs,
}
