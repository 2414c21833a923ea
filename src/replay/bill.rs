//! What an order costs beyond units times one price, in little memory: a replay holds it of every
//! order that has steps, an offer or a gift.

use crate::events::{OrderEvent, OrderPart, OrderPrice};

/// The discount, the gift and the parts of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bill {
    /// What offers and a coupon took off.
    pub discount_minor: i64,
    pub gift_units: i64,
    /// Units by price; empty where the item had no ladder.
    pub parts: Vec<OrderPart>,
}

impl Bill {
    /// The bill of an order; `None` where it is units times one price without a gift.
    pub fn of(price: OrderPrice) -> Option<Box<Self>> {
        let discount_minor = price.discount_minor().saturating_add(price.coupon_minor());
        let plain = price.is_plain();
        let OrderPrice { parts, gift, .. } = price;
        let gift_units = gift.map_or(0, |gift| gift.units);
        (!plain).then(|| Box::new(Self { discount_minor, gift_units, parts }))
    }

    /// What the decision about a coupon takes off an order beside its bill.
    pub fn take_off(bill: &mut Option<Box<Self>>, event: &OrderEvent) {
        let more = match event {
            OrderEvent::CouponApplied(e) => e.coupon.discount_minor,
            OrderEvent::CouponDenied(e) => e.offer.as_ref().map_or(0, |offer| offer.discount_minor),
            OrderEvent::Placed(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::Paid(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_)
            | OrderEvent::RefundDue(_)
            | OrderEvent::Refunded(_)
            | OrderEvent::RefundSettled(_) => 0,
        };
        if more > 0 {
            let bill = bill.get_or_insert_default();
            bill.discount_minor = bill.discount_minor.saturating_add(more);
        }
    }
}
