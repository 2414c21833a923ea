//! What happens to one item: it is offered, steered, ordered, paid for.
//!
//! The item's stream is its consistency boundary. Orders have no stream of their own: "pay" and
//! "expire" meet here, so exactly one of them wins.

use serde::{Deserialize, Serialize};

use crate::values::{Currency, Fingerprint, OrderId, RequestId, SaleId, UnixMs};

/// Everything that can happen to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemEvent {
    /// The item went on offer in a sale.
    Added(ItemAdded),
    /// Its window was set.
    Scheduled(ItemScheduled),
    /// Its limits were set.
    PurchaseLimitSet(PurchaseLimitSet),
    /// Units were put on offer.
    StockAllocated(StockAllocated),
    /// So many units lie in a warehouse that are not on offer.
    ReserveSet(ReserveSet),
    /// Units of the reserve were put on offer.
    ReserveReleased(ReserveReleased),
    /// New orders are refused until it is resumed.
    Paused(ItemPaused),
    /// New orders are taken again.
    Resumed(ItemResumed),
    /// New orders are refused for good.
    Closed(ItemClosed),
    /// Units are held for a buyer.
    OrderPlaced(OrderPlaced),
    /// The held units are sold.
    OrderPaid(OrderPaid),
    /// The buyer gave the hold up; its units are available again.
    OrderCancelled(OrderCancelled),
    /// The hold ended unpaid; its units are available again.
    OrderExpired(OrderExpired),
    /// A payment arrived that buys nothing and must go back.
    RefundDue(RefundDue),
}

/// Who steered, with which request and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub operator: String,
    pub reason: String,
}

/// Units that lie in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarehouseUnits {
    pub warehouse: String,
    pub units: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemAdded {
    pub sale_id: SaleId,
    pub sku: String,
    pub title: String,
    pub currency: Currency,
    pub unit_price_minor: i64,
    pub time_to_pay_ms: i64,
    pub added_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemScheduled {
    pub opens_at_ms: UnixMs,
    pub closes_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseLimitSet {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_buyer: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_order: Option<i64>,
    /// Absent where the limits are those of the plan.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub set_at_ms: Option<UnixMs>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAllocated {
    pub warehouse: String,
    pub units: i64,
    pub act: Act,
    pub allocated_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveSet {
    pub warehouse: String,
    /// All that lie there in reserve from now on; 0 where there are none.
    pub units: i64,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveReleased {
    pub warehouse: String,
    pub units: i64,
    pub act: Act,
    pub released_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemPaused {
    pub act: Act,
    /// Its sale was paused: resumed with the sale, and no concern of those who pause the item itself.
    #[serde(skip_serializing_if = "is_false", default)]
    pub by_sale: bool,
    pub paused_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResumed {
    pub act: Act,
    /// Its sale was resumed: an item that was paused itself stays paused.
    #[serde(skip_serializing_if = "is_false", default)]
    pub by_sale: bool,
    pub resumed_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemClosed {
    pub act: Act,
    pub closed_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: OrderId,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub buyer: String,
    pub units: i64,
    pub unit_price_minor: i64,
    pub warehouses: Vec<WarehouseUnits>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub channel: String,
    pub placed_at_ms: UnixMs,
    pub pay_by_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPaid {
    pub order_id: OrderId,
    /// Revision of the order's `OrderPlaced`, so that a reader finds it without an index.
    pub placed_revision: u64,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub payment_reference: String,
    pub amount_minor: i64,
    pub units: i64,
    pub warehouses: Vec<WarehouseUnits>,
    pub paid_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub units: i64,
    pub warehouses: Vec<WarehouseUnits>,
    pub cancelled_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderExpired {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub units: i64,
    pub warehouses: Vec<WarehouseUnits>,
    pub expired_at_ms: UnixMs,
}

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

fn is_false(flag: &bool) -> bool {
    !flag
}

impl ItemEvent {
    /// When it happened, by the item's own clock, where the event says so.
    pub fn at(&self) -> Option<UnixMs> {
        match self {
            Self::Added(e) => Some(e.added_at_ms),
            Self::Scheduled(_) => None,
            Self::PurchaseLimitSet(e) => e.set_at_ms,
            Self::StockAllocated(e) => Some(e.allocated_at_ms),
            Self::ReserveSet(e) => Some(e.set_at_ms),
            Self::ReserveReleased(e) => Some(e.released_at_ms),
            Self::Paused(e) => Some(e.paused_at_ms),
            Self::Resumed(e) => Some(e.resumed_at_ms),
            Self::Closed(e) => Some(e.closed_at_ms),
            Self::OrderPlaced(e) => Some(e.placed_at_ms),
            Self::OrderPaid(e) => Some(e.paid_at_ms),
            Self::OrderCancelled(e) => Some(e.cancelled_at_ms),
            Self::OrderExpired(e) => Some(e.expired_at_ms),
            Self::RefundDue(e) => Some(e.due_at_ms),
        }
    }

    /// The order this is about, if it is about one. It is the `$correlationId` of the event, so
    /// that one query shows an order's whole story.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::OrderPlaced(e) => Some(e.order_id),
            Self::OrderPaid(e) => Some(e.order_id),
            Self::OrderCancelled(e) => Some(e.order_id),
            Self::OrderExpired(e) => Some(e.order_id),
            Self::RefundDue(e) => Some(e.order_id),
            Self::Added(_)
            | Self::Scheduled(_)
            | Self::PurchaseLimitSet(_)
            | Self::StockAllocated(_)
            | Self::ReserveSet(_)
            | Self::ReserveReleased(_)
            | Self::Paused(_)
            | Self::Resumed(_)
            | Self::Closed(_) => None,
        }
    }
}
