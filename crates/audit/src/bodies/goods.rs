//! The JSON of prices, offers, gifts, audiences, regions and reserve plans, in events and in orders.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Act, WarehouseUnits};

/// The prices of an item: of each step in order, then the base price.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Prices {
    pub unit_price_minor: i64,
    #[serde(default)]
    pub floor_minor: Option<i64>,
    #[serde(default)]
    pub steps: Vec<PriceStep>,
    #[serde(default)]
    pub time_prices: Vec<TimePrice>,
    #[serde(default)]
    pub returned_units: ReturnedUnits,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PriceStep {
    pub units: i64,
    pub unit_price_minor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TimePrice {
    pub from_ms: i64,
    pub until_ms: i64,
    pub unit_price_minor: i64,
}

/// Whether units that come back unpaid are free again in their step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReturnedUnits {
    #[default]
    SamePrice,
    NextPrice,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Offer {
    pub name: String,
    pub condition: OfferCondition,
    pub effect: OfferEffect,
    #[serde(default)]
    pub from_ms: Option<i64>,
    #[serde(default)]
    pub until_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OfferCondition {
    FromUnits(i64),
    FromMinor(i64),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OfferEffect {
    Amount(AmountOff),
    Percent(PercentOff),
    Gift(Gift),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AmountOff {
    pub amount_minor: i64,
    #[serde(default)]
    pub each: bool,
    #[serde(default)]
    pub times_max: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PercentOff {
    /// Parts per million of the subtotal.
    pub ppm: i64,
    #[serde(default)]
    pub at_most_minor: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Gift {
    pub sku: String,
    pub units: i64,
    pub each_units: i64,
    pub when_gone: WhenGone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhenGone {
    Without,
    Refuse,
}

/// Who may buy: each list that is not empty must contain the shopper's attribute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Audience {
    #[serde(default)]
    pub age_bands: Vec<String>,
    #[serde(default)]
    pub genders: Vec<String>,
    #[serde(default)]
    pub regions: Vec<String>,
    #[serde(default)]
    pub spending_tiers: Vec<String>,
    #[serde(default)]
    pub member_tiers: Vec<String>,
    #[serde(default)]
    pub new_buyers_only: bool,
}

/// What an order states of its shopper; anything may be unknown.
#[derive(Default, Deserialize)]
pub(crate) struct OrderShopper<'a> {
    #[serde(borrow, default)]
    pub age_band: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub gender: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub region: Cow<'a, str>,
    #[serde(borrow, default)]
    pub spending_tier: Option<Cow<'a, str>>,
    #[serde(default)]
    pub new_buyer: Option<bool>,
    #[serde(borrow, default)]
    pub member_tier: Cow<'a, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Region {
    pub name: String,
    pub warehouses: Vec<String>,
}

/// The order of warehouses after those of the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Draw {
    #[default]
    Listed,
    Fullest,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ReserveStep {
    pub below_units: i64,
    pub release_units: i64,
    #[serde(default)]
    pub from: Vec<String>,
    pub act: ReserveAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReserveAct {
    Release,
    Propose,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct WarehouseSupplier {
    pub warehouse: String,
    pub supplier: String,
}

#[derive(Deserialize)]
pub(crate) struct PricesSet {
    pub ladder: u8,
    pub prices: Prices,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct OffersSet {
    pub offers: Vec<Offer>,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct GiftUnitsSet {
    pub offer: String,
    pub units: i64,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct AudienceSet {
    pub audience: Audience,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct ReservePlanSet {
    pub steps: Vec<ReserveStep>,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct ReserveProposed<'a> {
    pub step: u8,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    pub act: Act,
    pub proposed_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct StockMoved<'a> {
    #[serde(borrow)]
    pub from: Cow<'a, str>,
    #[serde(borrow)]
    pub to: Cow<'a, str>,
    pub units: i64,
    pub act: Act,
    pub moved_at_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct StockWithdrawn<'a> {
    #[serde(borrow)]
    pub warehouse: Cow<'a, str>,
    pub units: i64,
    #[serde(borrow, default)]
    pub supplier: Option<Cow<'a, str>>,
    pub act: Act,
    pub withdrawn_at_ms: i64,
}

/// Units of an order at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct OrderPart {
    #[serde(default)]
    pub step: Option<u8>,
    #[serde(default)]
    pub time_price: Option<u8>,
    pub units: i64,
    pub unit_price_minor: i64,
}

#[derive(Deserialize)]
pub(crate) struct OfferApplied<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    pub discount_minor: i64,
}

#[derive(Deserialize)]
pub(crate) struct GiftTaken<'a> {
    #[serde(borrow)]
    pub offer: Cow<'a, str>,
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    pub units: i64,
}
