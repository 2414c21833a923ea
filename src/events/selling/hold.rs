//! What happens to a hold before it ends, and a hold that comes back after it ended.

use serde::{Deserialize, Serialize};

use super::{price::OrderPart, units::WarehouseUnits};
use crate::{
    events::Act,
    values::{Fingerprint, OrderId, RequestId, UnixMs},
};

/// A payment was tried and failed; the hold stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFailed {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub payment_reference: String,
    /// The payment provider's word for what was wrong.
    pub code: String,
    pub failed_at_ms: UnixMs,
}

/// A hold ends later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExtended {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub pay_by_ms: UnixMs,
    pub act: Act,
    pub extended_at_ms: UnixMs,
}

/// Units are held again for an order that expired, because its payment arrived late. The payment
/// stands behind it in the same append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReinstated {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub units: i64,
    pub warehouses: Vec<WarehouseUnits>,
    /// As when the order was placed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<OrderPart>,
    pub reinstated_at_ms: UnixMs,
}
