//! What an order costs and why, as read models, replays and pages show it.
//!
//! Everything that shows or adds up what orders cost reads the total from here or from
//! [`OrderPlaced::total`]: units times a price is not what an order with steps or an offer costs.

use std::fmt::Write as _;

use super::{
    awaits::CouponTaken,
    order_placed::OrderPlaced,
    price::{GiftTaken, OfferApplied, OrderPart},
};
use crate::values::Currency;

/// The price of an order and its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderPrice {
    /// The price of one unit; of the first part where there are several.
    pub unit_price_minor: i64,
    /// Empty where the item had no ladder: then every unit costs `unit_price_minor`.
    pub parts: Vec<OrderPart>,
    /// The money offer that reduced it.
    pub offer: Option<OfferApplied>,
    /// What a coupon takes off beside it.
    pub coupon: Option<CouponTaken>,
    pub gift: Option<GiftTaken>,
    /// Name of the offer whose gift was used up.
    pub gift_gone: Option<String>,
    /// What is to be paid.
    pub total_minor: i64,
}

impl OrderPlaced {
    /// What it costs and why.
    pub fn price(&self) -> OrderPrice {
        OrderPrice {
            unit_price_minor: self.unit_price_minor,
            parts: self.parts.to_vec(),
            offer: self.offer.clone(),
            // It is decided later.
            coupon: None,
            gift: self.gift.as_deref().cloned(),
            gift_gone: self.gift_gone.clone(),
            total_minor: self.total(),
        }
    }
}

impl OrderPrice {
    /// What offers took off, in minor units.
    pub fn discount_minor(&self) -> i64 {
        self.offer.as_ref().map_or(0, |offer| offer.discount_minor)
    }

    /// What the coupon took off, in minor units.
    pub fn coupon_minor(&self) -> i64 {
        self.coupon.map_or(0, |coupon| coupon.discount_minor)
    }

    /// Whether it is units times one price, without gifts: there is nothing to explain.
    pub fn is_plain(&self) -> bool {
        let Self { parts, offer, coupon, gift, gift_gone, .. } = self;
        let plain = parts.is_empty() && offer.is_none() && coupon.is_none();
        plain && gift.is_none() && gift_gone.is_none()
    }

    /// The `units` of the order by price; all of them at one where the item had no ladder.
    pub fn parts_of(&self, units: i64) -> Vec<OrderPart> {
        if self.parts.is_empty() {
            let unit_price_minor = self.unit_price_minor;
            return vec![OrderPart { step: None, time_price: None, units, unit_price_minor }];
        }
        self.parts.clone()
    }

    /// Why it costs that, in one English sentence for operators and shops.
    pub fn reason(&self, units: i64, currency: Currency) -> String {
        let mut reason = String::new();
        // Writing to a String cannot fail.
        for (index, part) in self.parts_of(units).iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let price = currency.amount(part.unit_price_minor);
            let from = match (part.time_price, part.step) {
                (Some(_), _) => "time price".to_owned(),
                (None, Some(step)) => format!("step {}", usize::from(step) + 1),
                (None, None) => "base price".to_owned(),
            };
            let _ = write!(reason, "{separator}{} at {price} ({from})", part.units);
        }
        if let Some(offer) = &self.offer {
            let discount = currency.amount(offer.discount_minor);
            let _ = write!(reason, "; offer {} takes {discount} off", offer.name);
        }
        if let Some(coupon) = &self.coupon {
            let discount = currency.amount(coupon.discount_minor);
            let _ = write!(reason, "; a coupon takes {discount} off");
        }
        if let Some(gift) = &self.gift {
            let _ = write!(reason, "; offer {} adds {} {}", gift.offer, gift.units, gift.sku);
        }
        if let Some(offer) = &self.gift_gone {
            let _ = write!(reason, "; the gift of offer {offer} is used up");
        }
        reason.push('.');
        reason
    }
}
