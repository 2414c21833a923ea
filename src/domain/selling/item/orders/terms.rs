//! What orders cost: in the row for nearly all of them, beside the rows for those of several parts
//! and those with an offer or a gift.

use super::{Orders, Row};
use crate::events::{GiftTaken, OfferApplied, OrderPart, OrderPlaced};

/// No step, or no time price.
const NONE: u8 = u8::MAX;

/// What the price of an order consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Empty where the item had no ladder.
    pub parts: Vec<OrderPart>,
    pub offer: Option<OfferApplied>,
    pub gift: Option<GiftTaken>,
    /// Name of the offer whose gift was used up.
    pub gift_gone: Option<String>,
}

/// The step and the time price of an order of one part.
#[derive(Debug, Clone, Copy)]
pub struct OnePart {
    step: u8,
    time_price: u8,
}

impl OnePart {
    /// The part of an order that has no other terms; `None` where they have to be kept beside it.
    pub(super) fn of(placed: &OrderPlaced) -> Option<Self> {
        let OrderPlaced { parts, offer, gift, gift_gone, .. } = placed;
        if offer.is_some() || gift.is_some() || gift_gone.is_some() {
            return None;
        }
        match parts.as_slice() {
            [] => Some(Self { step: NONE, time_price: NONE }),
            [only] => {
                let [step, time_price] = [only.step, only.time_price].map(|at| at.unwrap_or(NONE));
                let whole = only.units == placed.units && only.total_minor() == placed.total();
                whole.then_some(Self { step, time_price })
            }
            _ => None,
        }
    }

    /// Of an order whose terms are kept beside its row.
    pub(super) const BESIDE: Self = Self { step: NONE, time_price: NONE };
}

impl From<&OrderPlaced> for Terms {
    fn from(placed: &OrderPlaced) -> Self {
        let OrderPlaced { parts, offer, gift, gift_gone, .. } = placed.clone();
        Self { parts, offer, gift: gift.map(|gift| *gift), gift_gone }
    }
}

impl Row {
    fn whole_price(&self, discount_minor: i64) -> i64 {
        let subtotal = self.total_minor.saturating_add(discount_minor);
        subtotal.checked_div(i64::from(self.units)).unwrap_or(0)
    }
}

impl Orders {
    /// The terms of an order that are not in its row.
    pub fn terms(&self, order: u32) -> Option<&Terms> {
        if self.terms.is_empty() {
            return None;
        }
        self.terms.get(&order)
    }

    /// Units by price; empty where the item had no ladder when the order was placed.
    pub fn parts(&self, order: u32) -> Vec<OrderPart> {
        if let Some(terms) = self.terms(order) {
            return terms.parts.clone();
        }
        let row = self.row(order);
        if row.ladder == 0 {
            return Vec::new();
        }
        let [step, time_price] =
            [row.part.step, row.part.time_price].map(|at| (at != NONE).then_some(at));
        let (units, unit_price_minor) = (i64::from(row.units), row.whole_price(0));
        vec![OrderPart { step, time_price, units, unit_price_minor }]
    }

    /// The price of one unit; of the first part where there are several.
    pub fn unit_price_minor(&self, order: u32) -> i64 {
        let terms = self.terms(order);
        let first = terms.and_then(|terms| terms.parts.first());
        first.map(|part| part.unit_price_minor).unwrap_or_else(|| {
            let offer = terms.and_then(|terms| terms.offer.as_ref());
            self.row(order).whole_price(offer.map_or(0, |offer| offer.discount_minor))
        })
    }
}
