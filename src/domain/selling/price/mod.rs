//! What units of an item cost at a moment: the ladder of prices, time prices, offers and gifts.
//!
//! Pure arithmetic on whole minor units; products are taken in 128 bits. An order is priced in the
//! turn that places it, at the moment by which it is judged. Nothing here decides whether an order is
//! taken.

mod check;
mod draft;
mod ladder;
mod offers;

pub use check::{check_prices, check_time};
pub use draft::{DraftOffer, OFFERS_MAX, check_offers};
pub(super) use draft::{bounds, check_name, only_with, percent_off};
pub use ladder::{ImpossibleStep, Ladder, StepCounts};
pub use offers::{ImpossibleGift, Offers, Pool, coupon_discount};

use serde::{Deserialize, Serialize};

use crate::{
    events::{GiftTaken, OfferApplied, OrderPart, OrderParts, OrderPrice, WhenGone},
    values::{Currency, UnixMs},
};

/// Smallest amount to pay for an order, in minor units: no order is paid without a payment.
const TOTAL_MINOR_MIN: i64 = 1;

/// Everything that the price of an order depends on, besides its units and the moment.
#[derive(Debug, Clone, Copy)]
pub struct Pricing<'a> {
    /// The price of a unit where there is no ladder.
    pub unit_price_minor: i64,
    pub ladder: Option<&'a Ladder>,
    pub offers: Option<&'a Offers>,
}

/// What an order would cost, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub units: i64,
    /// Units by price, in the order of the ladder; at least one part.
    pub parts: OrderParts,
    /// What the parts cost together.
    pub subtotal_minor: i64,
    /// The one money offer that reduces it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offer: Option<OfferApplied>,
    /// What is to be paid: at least 1.
    pub total_minor: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gift: Option<GiftTaken>,
    /// The gift that would have come with it, if its pool had enough free units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gift_gone: Option<GiftGone>,
    /// Free units of the step that the first unit is from; `None` after the last step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step_units_left: Option<i64>,
    /// When a time price or an offer begins or ends next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changes_at: Option<UnixMs>,
}

/// A gift whose pool is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftGone {
    /// Name of the offer.
    pub offer: String,
    pub when_gone: WhenGone,
}

impl Pricing<'_> {
    /// Prices an order of at least one unit at `now`.
    pub fn quote(&self, units: i64, now: UnixMs) -> Quote {
        let parts = match self.ladder {
            Some(ladder) => ladder.split(units, now),
            None => {
                let unit_price_minor = self.unit_price_minor;
                let part = OrderPart { step: None, time_price: None, units, unit_price_minor };
                OrderParts::from_iter([part])
            }
        };
        // Bounds of prices and units keep the sum below 10^18.
        let subtotal_minor =
            parts.iter().fold(0_i64, |sum, part| sum.saturating_add(part.total_minor()));
        let offer = self.offers.and_then(|offers| offers.best(units, subtotal_minor, now));
        let discount = offer.as_ref().map_or(0, |offer| offer.discount_minor);
        let (gift, gift_gone) =
            match self.offers.and_then(|offers| offers.gift(units, subtotal_minor, now)) {
                None => (None, None),
                Some(Ok(gift)) => (Some(gift), None),
                Some(Err(gone)) => (None, Some(gone)),
            };
        let changes = [
            self.ladder.and_then(|ladder| ladder.changes_after(now)),
            self.offers.and_then(|offers| offers.changes_after(now)),
        ];
        Quote {
            units,
            subtotal_minor,
            total_minor: subtotal_minor - discount,
            step_units_left: self.ladder.and_then(Ladder::units_left),
            changes_at: changes.into_iter().flatten().min(),
            parts,
            offer,
            gift,
            gift_gone,
        }
    }
}

impl Quote {
    /// Without its money offer: another reduction takes its place.
    pub fn skip_offer(&mut self) {
        self.offer = None;
        self.total_minor = self.subtotal_minor;
    }

    /// What offers take off, in minor units.
    pub fn discount_minor(&self) -> i64 {
        self.offer.as_ref().map_or(0, |offer| offer.discount_minor)
    }

    /// Whether the gift is used up, and its offer refuses orders without it.
    pub fn is_refused_without_gift(&self) -> bool {
        self.gift_gone.as_ref().is_some_and(|gone| gone.when_gone == WhenGone::Refuse)
    }

    /// Why it costs that, in one English sentence for operators and shops.
    pub fn reason(&self, currency: Currency) -> String {
        let price = OrderPrice {
            unit_price_minor: self.parts.first().map_or(0, |part| part.unit_price_minor),
            parts: self.parts.to_vec(),
            offer: self.offer.clone(),
            gift: self.gift.clone(),
            coupon: None,
            gift_gone: self.gift_gone.as_ref().map(|gone| gone.offer.clone()),
            total_minor: self.total_minor,
        };
        price.reason(self.units, currency)
    }
}
