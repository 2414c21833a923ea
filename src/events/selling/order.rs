//! What happens to the orders of an item.
//!
//! Orders have no stream of their own: "pay" and "expire" meet in the item's stream, so exactly one
//! of them wins.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    awaits::{CouponApplied, CouponDenied, LimitGranted},
    hold::{HoldExtended, OrderReinstated, PaymentFailed},
    money_back::{OrderRefunded, RefundDue, RefundSettled},
    order_placed::OrderPlaced,
    units::{MoveKind, StockMove, WarehouseUnits},
};
use crate::{
    events::{Act, stored::stored_names},
    values::{BatchId, Fingerprint, OrderId, RequestId, SaleId, UnixMs},
};

/// Everything that can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// Units are held for a buyer.
    Placed(OrderPlaced),
    /// The buyer may have the units in the whole sale.
    LimitGranted(LimitGranted),
    /// A coupon takes its discount off.
    CouponApplied(CouponApplied),
    /// The order does not get its coupon.
    CouponDenied(CouponDenied),
    /// The held units are sold.
    Paid(OrderPaid),
    /// A payment of it failed.
    PaymentFailed(PaymentFailed),
    /// The hold ends later.
    HoldExtended(HoldExtended),
    /// The buyer or an operator gave the hold up; its units are available again.
    Cancelled(OrderCancelled),
    /// The hold ended unpaid; its units are available again.
    Expired(OrderExpired),
    /// Units are held again for an order that expired: it was paid late.
    Reinstated(OrderReinstated),
    /// A payment arrived that buys nothing and must go back.
    RefundDue(RefundDue),
    /// Units of a paid order came back.
    Refunded(OrderRefunded),
    /// Money that was due is on its way back.
    RefundSettled(RefundSettled),
}

stored_names! { OrderEvent:
    Placed => "OrderPlaced" by OrderPlaced::stored_form,
    LimitGranted => "LimitGranted",
    CouponApplied => "CouponApplied",
    CouponDenied => "CouponDenied",
    Paid => "OrderPaid",
    PaymentFailed => "PaymentFailed",
    HoldExtended => "HoldExtended",
    Cancelled => "OrderCancelled",
    Expired => "OrderExpired",
    Reinstated => "OrderReinstated",
    RefundDue => "RefundDue",
    Refunded => "OrderRefunded",
    RefundSettled => "RefundSettled",
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

/// Who gave an order up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelCause {
    #[default]
    Buyer,
    Operator,
    /// The buyer would have had too many units in the whole sale.
    OverSaleLimit,
    /// The coupon was denied.
    Coupon,
    /// It would have cost more than it may.
    Price,
}

impl CancelCause {
    fn is_buyer(&self) -> bool {
        *self == Self::Buyer
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub units: i64,
    pub warehouses: Vec<WarehouseUnits>,
    #[serde(skip_serializing_if = "CancelCause::is_buyer", default)]
    pub cause: CancelCause,
    /// Of the operator who cancelled it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Act>,
    /// Of the coupon that the order asked for, unless it was denied: it may be bound to the order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon_batch_id: Option<BatchId>,
    /// The sale whose limit over all items counted its units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limited_by: Option<SaleId>,
    pub cancelled_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderExpired {
    pub order_id: OrderId,
    pub placed_revision: u64,
    pub units: i64,
    pub warehouses: Vec<WarehouseUnits>,
    /// Of the coupon that the order asked for, unless it was denied: it may be bound to the order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon_batch_id: Option<BatchId>,
    /// The sale whose limit over all items counted its units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limited_by: Option<SaleId>,
    pub expired_at_ms: UnixMs,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    Held,
    Paid,
    Cancelled,
    Expired,
    /// Paid, and all of its units came back.
    Refunded,
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderChange {
    Placed,
    Paid,
    Cancelled,
    Expired,
    /// Held again after it expired; it is paid by the next event.
    Reinstated,
    /// Some of its units came back, and the buyer keeps others.
    PartlyRefunded,
    /// The last of its units came back.
    Refunded,
    /// It stays where it was.
    Nothing,
}

impl OrderChange {
    /// Where the order has to stand before; `None` for one that is placed, and where it does not
    /// matter.
    pub fn from(self) -> Option<OrderState> {
        match self {
            Self::Paid | Self::Cancelled | Self::Expired => Some(OrderState::Held),
            Self::Reinstated => Some(OrderState::Expired),
            Self::PartlyRefunded | Self::Refunded => Some(OrderState::Paid),
            Self::Placed | Self::Nothing => None,
        }
    }

    /// Where it stands from now on; `None` where it stays where it was.
    pub fn becomes(self) -> Option<OrderState> {
        match self {
            Self::Placed | Self::Reinstated => Some(OrderState::Held),
            Self::Paid => Some(OrderState::Paid),
            Self::Cancelled => Some(OrderState::Cancelled),
            Self::Expired => Some(OrderState::Expired),
            Self::Refunded => Some(OrderState::Refunded),
            Self::PartlyRefunded | Self::Nothing => None,
        }
    }
}

/// What an event does to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderStep {
    pub order_id: OrderId,
    /// Revision of the event that placed the order.
    pub placed_revision: u64,
    pub change: OrderChange,
    /// Units of the order that change their place; 0 where none does.
    pub units: i64,
    /// What was earned with it; below 0 where money is given back.
    pub revenue_minor: i64,
    /// Of a payment that bought nothing: it has to go back.
    pub due_minor: i64,
    /// Of a paid order whose units came back: it has to go back, too.
    pub refunded_minor: i64,
    /// Of either, that is on its way back.
    pub settled_minor: i64,
    pub at: UnixMs,
}

impl OrderEvent {
    /// What it does to its order and to money. `revision` is its own.
    pub fn step(&self, revision: u64) -> OrderStep {
        let mut step = OrderStep {
            order_id: self.order_id(),
            placed_revision: revision,
            change: OrderChange::Nothing,
            units: 0,
            revenue_minor: 0,
            due_minor: 0,
            refunded_minor: 0,
            settled_minor: 0,
            at: self.at(),
        };
        let (placed_revision, change, units) = match self {
            Self::Placed(e) => (revision, OrderChange::Placed, e.units),
            Self::Paid(e) => {
                step.revenue_minor = e.amount_minor;
                (e.placed_revision, OrderChange::Paid, e.units)
            }
            Self::LimitGranted(e) => (e.placed_revision, OrderChange::Nothing, 0),
            Self::CouponApplied(e) => (e.placed_revision, OrderChange::Nothing, 0),
            Self::CouponDenied(e) => (e.placed_revision, OrderChange::Nothing, 0),
            Self::PaymentFailed(e) => (e.placed_revision, OrderChange::Nothing, 0),
            Self::HoldExtended(e) => (e.placed_revision, OrderChange::Nothing, 0),
            Self::Cancelled(e) => (e.placed_revision, OrderChange::Cancelled, e.units),
            Self::Expired(e) => (e.placed_revision, OrderChange::Expired, e.units),
            Self::Reinstated(e) => (e.placed_revision, OrderChange::Reinstated, e.units),
            Self::RefundDue(e) => {
                step.due_minor = e.amount_minor;
                (e.placed_revision, OrderChange::Nothing, 0)
            }
            Self::Refunded(e) => {
                step.revenue_minor = 0_i64.saturating_sub(e.amount_minor);
                step.refunded_minor = e.amount_minor;
                let whole = e.units_left == 0;
                let change =
                    if whole { OrderChange::Refunded } else { OrderChange::PartlyRefunded };
                (e.placed_revision, change, e.units)
            }
            Self::RefundSettled(e) => {
                step.settled_minor = e.amount_minor;
                (e.placed_revision, OrderChange::Nothing, 0)
            }
        };
        OrderStep { placed_revision, change, units, ..step }
    }

    /// What it does to the units of the item.
    pub fn moves(&self) -> impl Iterator<Item = StockMove<'_>> {
        let (kind, at): (_, &[WarehouseUnits]) = match self {
            Self::Placed(e) => (MoveKind::Hold, &e.warehouses),
            Self::Reinstated(e) => (MoveKind::Hold, &e.warehouses),
            Self::Paid(e) => (MoveKind::Sell, &e.warehouses),
            Self::Cancelled(e) => (MoveKind::Release, &e.warehouses),
            Self::Expired(e) => (MoveKind::Release, &e.warehouses),
            Self::Refunded(e) if e.restocked => (MoveKind::Restock, &e.warehouses),
            Self::Refunded(e) => (MoveKind::WriteOff, &e.warehouses),
            Self::LimitGranted(_)
            | Self::CouponApplied(_)
            | Self::CouponDenied(_)
            | Self::PaymentFailed(_)
            | Self::HoldExtended(_)
            | Self::RefundDue(_)
            | Self::RefundSettled(_) => (MoveKind::Hold, &[]),
        };
        at.iter().map(move |at| StockMove { kind, warehouse: &at.warehouse, units: at.units })
    }

    /// When it happened, by the item's own clock.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Placed(e) => e.placed_at_ms,
            Self::Paid(e) => e.paid_at_ms,
            Self::LimitGranted(e) => e.granted_at_ms,
            Self::CouponApplied(e) => e.applied_at_ms,
            Self::CouponDenied(e) => e.denied_at_ms,
            Self::PaymentFailed(e) => e.failed_at_ms,
            Self::HoldExtended(e) => e.extended_at_ms,
            Self::Cancelled(e) => e.cancelled_at_ms,
            Self::Expired(e) => e.expired_at_ms,
            Self::Reinstated(e) => e.reinstated_at_ms,
            Self::RefundDue(e) => e.due_at_ms,
            Self::Refunded(e) => e.refunded_at_ms,
            Self::RefundSettled(e) => e.settled_at_ms,
        }
    }

    /// The order that it is about.
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Placed(e) => e.order_id,
            Self::Paid(e) => e.order_id,
            Self::LimitGranted(e) => e.order_id,
            Self::CouponApplied(e) => e.order_id,
            Self::CouponDenied(e) => e.order_id,
            Self::PaymentFailed(e) => e.order_id,
            Self::HoldExtended(e) => e.order_id,
            Self::Cancelled(e) => e.order_id,
            Self::Expired(e) => e.order_id,
            Self::Reinstated(e) => e.order_id,
            Self::RefundDue(e) => e.order_id,
            Self::Refunded(e) => e.order_id,
            Self::RefundSettled(e) => e.order_id,
        }
    }

    /// Of the operator who did it; `None` for what buyers, payments and time do.
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::HoldExtended(e) => Some(&e.act),
            Self::Cancelled(e) => e.act.as_ref(),
            Self::Refunded(e) => Some(&e.act),
            Self::RefundSettled(e) => Some(&e.act),
            Self::Placed(_)
            | Self::LimitGranted(_)
            | Self::CouponApplied(_)
            | Self::CouponDenied(_)
            | Self::Paid(_)
            | Self::PaymentFailed(_)
            | Self::Expired(_)
            | Self::Reinstated(_)
            | Self::RefundDue(_) => None,
        }
    }

    /// What an operator changed, by name.
    pub fn change(&self) -> Value {
        match self {
            Self::HoldExtended(e) => {
                json!({ "order_id": e.order_id, "pay_by_ms": e.pay_by_ms.0 })
            }
            Self::Refunded(e) => json!({
                "order_id": e.order_id,
                "units": e.units,
                "amount_minor": e.amount_minor,
                "restocked": e.restocked,
            }),
            Self::RefundSettled(e) => json!({
                "order_id": e.order_id,
                "due_id": e.due_id,
                "amount_minor": e.amount_minor,
                "reference": e.reference,
            }),
            Self::Placed(_)
            | Self::LimitGranted(_)
            | Self::CouponApplied(_)
            | Self::CouponDenied(_)
            | Self::Paid(_)
            | Self::PaymentFailed(_)
            | Self::Cancelled(_)
            | Self::Expired(_)
            | Self::Reinstated(_)
            | Self::RefundDue(_) => json!({ "order_id": self.order_id() }),
        }
    }
}
