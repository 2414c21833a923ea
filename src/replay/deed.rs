//! What becomes of an order after it was placed, as far as a replay has to do it again.

use super::bill::Bill;
use crate::{
    events::{CancelCause, CouponReason, OrderEvent, OrderState, WarehouseUnits},
    values::{CouponId, OrderId, UnixMs},
};

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    LimitGranted,
    CouponGranted {
        coupon_id: CouponId,
        discount_minor: i64,
    },
    CouponDenied(CouponReason),
    /// By its buyer, by an operator, or because what it waited for was denied.
    Cancelled(CancelCause),
    Expired,
    /// The same, decided with the payment that brings the order back: the payment does both.
    ExpiredByPayment,
    /// Decided with the payment that follows.
    Reinstated,
    /// The same, after [`Self::ExpiredByPayment`].
    ReinstatedAtOnce,
    Paid {
        amount_minor: i64,
    },
    /// A payment that bought nothing.
    DueBack,
    Extended {
        until: UnixMs,
    },
    Refunded {
        units: i64,
        amount_minor: i64,
        restocked: bool,
        /// No unit of the order is left.
        whole: bool,
    },
    /// It changes no figure: a payment failed, or money that was due was settled.
    Noted,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Became {
    Paid {
        amount_minor: i64,
        /// Absent where the amount is units times one price, without a gift.
        bill: Option<Box<Bill>>,
    },
    Cancelled,
    Expired,
    /// It is held again.
    Reinstated,
    Refunded {
        units: i64,
        amount_minor: i64,
        restocked: bool,
        whole: bool,
    },
    /// A payment bought nothing.
    DueBack,
}

impl Deed {
    /// Where the order stands after it; `None` where it stays where it was.
    pub fn leaves(self) -> Option<OrderState> {
        match self {
            Self::Paid { .. } => Some(OrderState::Paid),
            Self::Cancelled(_) => Some(OrderState::Cancelled),
            Self::Expired | Self::ExpiredByPayment => Some(OrderState::Expired),
            Self::Reinstated | Self::ReinstatedAtOnce => Some(OrderState::Held),
            Self::Refunded { whole: true, .. } => Some(OrderState::Refunded),
            Self::Refunded { whole: false, .. } => Some(OrderState::Paid),
            Self::LimitGranted
            | Self::CouponGranted { .. }
            | Self::CouponDenied(_)
            | Self::DueBack
            | Self::Extended { .. }
            | Self::Noted => None,
        }
    }

    /// What became of the order with it, whose bill that is; `None` where nothing did.
    pub fn became(self, bill: Option<Box<Bill>>) -> Option<Became> {
        Some(match self {
            Self::Paid { amount_minor } => Became::Paid { amount_minor, bill },
            Self::Cancelled(_) => Became::Cancelled,
            Self::Expired | Self::ExpiredByPayment => Became::Expired,
            Self::Reinstated | Self::ReinstatedAtOnce => Became::Reinstated,
            Self::Refunded { units, amount_minor, restocked, whole } => {
                Became::Refunded { units, amount_minor, restocked, whole }
            }
            Self::DueBack => Became::DueBack,
            Self::LimitGranted
            | Self::CouponGranted { .. }
            | Self::CouponDenied(_)
            | Self::Extended { .. }
            | Self::Noted => return None,
        })
    }

    /// Whether another deed of the same decision does it.
    pub fn is_done_by_another(self) -> bool {
        match self {
            Self::ExpiredByPayment | Self::Reinstated | Self::ReinstatedAtOnce => true,
            // What the order waited for was denied in the event before.
            Self::Cancelled(CancelCause::Coupon) => true,
            Self::LimitGranted
            | Self::CouponGranted { .. }
            | Self::CouponDenied(_)
            | Self::Cancelled(_)
            | Self::Expired
            | Self::Paid { .. }
            | Self::DueBack
            | Self::Extended { .. }
            | Self::Refunded { .. }
            | Self::Noted => false,
        }
    }
}

/// Reads deeds one after the other.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The event before, if a hold ended with it: the order, the moment and the units.
    expired: Option<(OrderId, UnixMs, Vec<WarehouseUnits>)>,
}

impl Reading {
    /// What an event says that is not the placing of an order; `at` is its moment.
    pub fn read(&mut self, event: &OrderEvent, at: UnixMs) -> Deed {
        let before = self.expired.take();
        match event {
            OrderEvent::Placed(_) | OrderEvent::PaymentFailed(_) | OrderEvent::RefundSettled(_) => {
                Deed::Noted
            }
            OrderEvent::LimitGranted(_) => Deed::LimitGranted,
            OrderEvent::CouponApplied(e) => Deed::CouponGranted {
                coupon_id: e.coupon.coupon_id,
                discount_minor: e.coupon.discount_minor,
            },
            OrderEvent::CouponDenied(e) => Deed::CouponDenied(e.reason),
            OrderEvent::Cancelled(e) => Deed::Cancelled(e.cause),
            OrderEvent::Expired(e) => {
                self.expired = Some((e.order_id, at, e.warehouses.clone()));
                Deed::Expired
            }
            // Two decisions of one moment that come to the same units come to the same, but for attempts
            // between them: see `in_order`.
            OrderEvent::Reinstated(e)
                if before.as_ref().is_some_and(|(order, then, units)| {
                    (*order, *then, units) == (e.order_id, at, &e.warehouses)
                }) =>
            {
                Deed::ReinstatedAtOnce
            }
            OrderEvent::Reinstated(_) => Deed::Reinstated,
            OrderEvent::Paid(e) => Deed::Paid { amount_minor: e.amount_minor },
            OrderEvent::RefundDue(_) => Deed::DueBack,
            OrderEvent::HoldExtended(e) => Deed::Extended { until: e.pay_by_ms },
            OrderEvent::Refunded(e) => Deed::Refunded {
                units: e.units,
                amount_minor: e.amount_minor,
                restocked: e.restocked,
                whole: e.units_left == 0,
            },
        }
    }
}
