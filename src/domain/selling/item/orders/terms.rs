//! What orders cost: in the row for nearly all of them, beside the rows for those of several parts
//! and those with an offer or a gift.

use crate::events::{GiftTaken, OfferApplied, OrderPart, OrderPlaced};

/// No step, or no time price.
pub(super) const NONE: u8 = u8::MAX;

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
    pub(super) step: u8,
    pub(super) time_price: u8,
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
