//! What happens to the orders of an item.
//!
//! Orders have no stream of their own: "pay" and "expire" meet in the item's stream, so exactly one
//! of them wins.

use serde::{Deserialize, Serialize};

use super::{
    audience::OrderShopper,
    price::{GiftTaken, OfferApplied, OrderPart},
    units::{MoveKind, StockMove, WarehouseUnits},
};
use crate::{
    events::stored::stored_names,
    values::{Fingerprint, OrderId, RequestId, UnixMs},
};

/// Everything that can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// Units are held for a buyer.
    Placed(OrderPlaced),
    /// The held units are sold.
    Paid(OrderPaid),
    /// The buyer gave the hold up; its units are available again.
    Cancelled(OrderCancelled),
    /// The hold ended unpaid; its units are available again.
    Expired(OrderExpired),
    /// A payment arrived that buys nothing and must go back.
    RefundDue(RefundDue),
}

stored_names! { OrderEvent:
    Placed => "OrderPlaced",
    Paid => "OrderPaid",
    Cancelled => "OrderCancelled",
    Expired => "OrderExpired",
    RefundDue => "RefundDue",
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: OrderId,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub buyer: String,
    pub units: i64,
    /// The price of one unit; of the first part where there are several.
    pub unit_price_minor: i64,
    /// Units by price, in the order of the ladder; empty where the item has no ladder: then every
    /// unit costs `unit_price_minor`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<OrderPart>,
    /// The offer that reduced it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offer: Option<OfferApplied>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gift: Option<Box<GiftTaken>>,
    /// Name of the offer whose gift the order would have had, if units of it had been free.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gift_gone: Option<String>,
    /// What is to be paid, where it is not units times price; read it with [`Self::total`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_minor: Option<i64>,
    pub warehouses: Vec<WarehouseUnits>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub channel: String,
    /// Whose warehouses were preferred; empty where the order named none.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub region: String,
    /// What was said of the buyer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shopper: Option<Box<OrderShopper>>,
    pub placed_at_ms: UnixMs,
    pub pay_by_ms: UnixMs,
}

impl OrderPlaced {
    /// What is to be paid, in minor units.
    pub fn total(&self) -> i64 {
        // The largest price times the most units fits; a log that holds more was not written by us.
        self.total_minor.unwrap_or_else(|| self.unit_price_minor.saturating_mul(self.units))
    }

    /// What offers took off, in minor units.
    pub fn discount(&self) -> i64 {
        self.offer.as_ref().map_or(0, |offer| offer.discount_minor)
    }

    /// What the units cost before offers, in minor units.
    pub fn subtotal(&self) -> i64 {
        self.total().saturating_add(self.discount())
    }
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

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    Held,
    Paid,
    Cancelled,
    Expired,
}

/// What an event does to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderStep {
    pub order_id: OrderId,
    /// Revision of the event that placed the order.
    pub placed_revision: u64,
    /// Where the order stands from now on; `None` where it stays where it was.
    pub becomes: Option<OrderState>,
    /// Units of the order that change their place; 0 where none does.
    pub units: i64,
    /// Money that was earned with it.
    pub revenue_minor: i64,
    /// Money that has to go back.
    pub refund_minor: i64,
    pub at: UnixMs,
}

impl OrderEvent {
    /// What it does to its order and to money. `revision` is its own.
    pub fn step(&self, revision: u64) -> OrderStep {
        let (placed_revision, becomes, units, revenue_minor, refund_minor) = match self {
            Self::Placed(e) => (revision, Some(OrderState::Held), e.units, 0, 0),
            Self::Paid(e) => {
                (e.placed_revision, Some(OrderState::Paid), e.units, e.amount_minor, 0)
            }
            Self::Cancelled(e) => (e.placed_revision, Some(OrderState::Cancelled), e.units, 0, 0),
            Self::Expired(e) => (e.placed_revision, Some(OrderState::Expired), e.units, 0, 0),
            Self::RefundDue(e) => (e.placed_revision, None, 0, 0, e.amount_minor),
        };
        let (order_id, at) = (self.order_id(), self.at());
        OrderStep { order_id, placed_revision, becomes, units, revenue_minor, refund_minor, at }
    }

    /// What it does to the units of the item.
    pub fn moves(&self) -> impl Iterator<Item = StockMove<'_>> {
        let kind = match self {
            Self::Placed(_) => MoveKind::Hold,
            Self::Paid(_) => MoveKind::Sell,
            Self::Cancelled(_) | Self::Expired(_) | Self::RefundDue(_) => MoveKind::Release,
        };
        let at = self.warehouses().iter();
        at.map(move |at| StockMove { kind, warehouse: &at.warehouse, units: at.units })
    }

    /// Where the units that it moves lie.
    pub fn warehouses(&self) -> &[WarehouseUnits] {
        match self {
            Self::Placed(e) => &e.warehouses,
            Self::Paid(e) => &e.warehouses,
            Self::Cancelled(e) => &e.warehouses,
            Self::Expired(e) => &e.warehouses,
            Self::RefundDue(_) => &[],
        }
    }

    /// When it happened, by the item's own clock.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Placed(e) => e.placed_at_ms,
            Self::Paid(e) => e.paid_at_ms,
            Self::Cancelled(e) => e.cancelled_at_ms,
            Self::Expired(e) => e.expired_at_ms,
            Self::RefundDue(e) => e.due_at_ms,
        }
    }

    /// The order that it is about.
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Placed(e) => e.order_id,
            Self::Paid(e) => e.order_id,
            Self::Cancelled(e) => e.order_id,
            Self::Expired(e) => e.order_id,
            Self::RefundDue(e) => e.order_id,
        }
    }
}
