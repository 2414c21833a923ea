//! Prices, offers and gifts of an item: what an operator sets, and what an order records of them.
//!
//! These are the stored forms. `domain::item::price` holds the rules by which an order is priced.

use serde::{Deserialize, Serialize};

use crate::{
    events::act::Act,
    values::{ShortText, UnixMs},
};

/// The prices of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// The base price: that of every unit after the last step, in minor units.
    pub unit_price_minor: i64,
    /// No unit is sold below it, before offers; in minor units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor_minor: Option<i64>,
    /// Sold in this order, before the base price applies.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub steps: Vec<PriceStep>,
    /// They do not overlap.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub time_prices: Vec<TimePrice>,
    #[serde(skip_serializing_if = "ReturnedUnits::is_same_price", default)]
    pub returned_units: ReturnedUnits,
}

/// So many units at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceStep {
    pub units: i64,
    pub unit_price_minor: i64,
}

/// A price between two moments: the lower of it and the price of the ladder applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePrice {
    pub from_ms: UnixMs,
    /// The first moment at which it no longer applies.
    pub until_ms: UnixMs,
    pub unit_price_minor: i64,
}

/// What becomes of the place in a step when its units come back unpaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnedUnits {
    /// They are sold at the price of the step again.
    #[default]
    SamePrice,
    /// The step stays used up: they are sold at the price that follows.
    NextPrice,
}

impl Prices {
    /// Moves every time price by so many milliseconds.
    pub fn move_by(&mut self, ms: i64) {
        for time_price in &mut self.time_prices {
            time_price.from_ms = time_price.from_ms.plus(ms);
            time_price.until_ms = time_price.until_ms.plus(ms);
        }
    }
}

impl Offer {
    /// Moves its own moments, where it has some, by so many milliseconds.
    pub fn move_by(&mut self, ms: i64) {
        for moment in [&mut self.from_ms, &mut self.until_ms].into_iter().flatten() {
            *moment = moment.plus(ms);
        }
    }
}

impl ReturnedUnits {
    /// The name in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::SamePrice => "same_price",
            Self::NextPrice => "next_price",
        }
    }

    fn is_same_price(&self) -> bool {
        matches!(self, Self::SamePrice)
    }
}

/// Something that is granted to orders which meet its condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Lower-case letters, digits and `_`; unique within the item.
    pub name: String,
    pub condition: OfferCondition,
    pub effect: OfferEffect,
    /// When it starts to apply; with the item's window where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_ms: Option<UnixMs>,
    /// The first moment at which it no longer applies; the end of the window where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until_ms: Option<UnixMs>,
}

/// What an order must reach, before any discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferCondition {
    /// So many units.
    FromUnits(i64),
    /// A subtotal in minor units.
    FromMinor(i64),
}

/// What the buyer gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferEffect {
    /// Minor units off the subtotal.
    Amount(AmountOff),
    /// A part of the subtotal.
    Percent(PercentOff),
    /// Units of other goods, from the offer's own pool.
    Gift(Gift),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountOff {
    pub amount_minor: i64,
    /// Once for each full multiple of the condition, not once for the order.
    #[serde(skip_serializing_if = "is_false", default)]
    pub each: bool,
    /// At most so many times; without limit where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub times_max: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentOff {
    /// Parts per million of the subtotal: 100,000 are 10 %.
    pub ppm: i64,
    /// At most so many minor units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_most_minor: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gift {
    pub sku: String,
    /// All units of the pool: free, held by unpaid orders, and given with paid ones.
    pub units: i64,
    /// Units for one order.
    pub each_units: i64,
    pub when_gone: WhenGone,
}

/// What happens to an order whose gift is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenGone {
    /// It is placed without the gift and says so.
    #[default]
    Without,
    /// It is refused.
    Refuse,
}

impl WhenGone {
    /// The name in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Refuse => "refuse",
        }
    }
}

/// New prices. Their steps begin empty; orders of earlier ladders keep their prices and give nothing
/// back to these steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesSet {
    /// Counts the ladders of the item from 1; orders placed before the first one have ladder 0.
    pub ladder: u8,
    pub prices: Prices,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

/// New offers in place of all earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffersSet {
    pub offers: Vec<Offer>,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

/// The pool of a gift has another size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftUnitsSet {
    /// Name of the offer.
    pub offer: String,
    /// All units of the pool from now on, including those held and given.
    pub units: i64,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

/// Units of an order at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderPart {
    /// Index of the step that the units count on; absent after the last step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<u8>,
    /// Index of the time price, where it is what the units cost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_price: Option<u8>,
    pub units: i64,
    pub unit_price_minor: i64,
}

impl OrderPart {
    /// What its units cost; at most the largest number.
    pub fn total_minor(&self) -> i64 {
        self.units.saturating_mul(self.unit_price_minor)
    }
}

/// The money offer that reduced an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OfferApplied {
    pub name: ShortText,
    pub discount_minor: i64,
}

/// The gift that comes with an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GiftTaken {
    /// Name of the offer.
    pub offer: String,
    pub sku: String,
    pub units: i64,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
