//! The JSON of each event as the documentation describes it, written down a second time.
//!
//! Text is borrowed from the row that is being read, so that nothing is copied for the events that
//! are right. A required field that is missing, twice there or of another type is an error.

mod awaits;
mod coupons;
mod fulfilment;
mod goods;
mod operations;
mod order_life;
mod quota;
mod references;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use uuid::Uuid;

pub(crate) use awaits::{Await, CouponApplied, CouponAsked, CouponDenied, IfDenied, LimitGranted};
pub(super) use coupons::{
    BudgetRaised, CouponBatchCreated, CouponClaimed, CouponDiscount, CouponRedeemed,
    CouponReturned, CouponReturns, CouponRevoked, CouponTerms, ReturnCause,
};
pub(super) use fulfilment::OrdersExported;
pub(super) use goods::{
    Audience, AudienceSet, Draw, Gift, GiftTaken, GiftUnitsSet, Offer, OfferApplied,
    OfferCondition, OfferEffect, OffersSet, OrderPart, OrderShopper, Prices, PricesSet, Region,
    ReserveAct, ReservePlanSet, ReserveProposed, ReserveStep, ReturnedUnits, StockMoved,
    StockWithdrawn, WarehouseSupplier, WhenGone,
};
pub(super) use operations::{
    AlertCleared, AlertRaised, IncidentActionTaken, IncidentAssessed, IncidentDetected,
    IncidentResolved, IncidentReviewed, LevelSet, LossAccepted, NodeAnnounced, NodeLeft,
    ScriptPublished, ScriptWithdrawn,
};
pub(super) use order_life::{
    CancelCause, HoldExtended, OrderCancelled, OrderRefunded, OrderReinstated, PaymentFailed,
    RefundSettled,
};

pub(super) use quota::{QuotaReturned, QuotaTaken, Reward, SaleLimit};

/// A UUID in its one spelling: lower case with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub Uuid);

/// The fingerprint of a payload: 16 lower-case hexadecimal digits. Only its form is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fingerprint;

struct IdVisitor;
struct FingerprintVisitor;

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Reads a UUID in its one spelling.
pub(super) fn parse_id(text: &str) -> Option<Uuid> {
    // Of the spellings that the parser knows, only the one with hyphens has 36 characters.
    let well_spelled = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if well_spelled { Uuid::try_parse(text).ok() } else { None }
}

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a lower-case UUID with hyphens")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        parse_id(text).map(Id).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor)
    }
}

impl Visitor<'_> for FingerprintVisitor {
    type Value = Fingerprint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 lower-case hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Fingerprint, E> {
        if text.len() == 16 && text.bytes().all(is_hex) {
            return Ok(Fingerprint);
        }
        Err(E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FingerprintVisitor)
    }
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "$correlationId")]
    pub correlation: Id,
    #[serde(rename = "$causationId")]
    pub causation: Id,
    pub schema: u32,
    #[serde(default)]
    pub writer: Option<Id>,
    #[serde(default, deserialize_with = "number")]
    pub judged_at_ms: Option<i64>,
}

/// A member that is a number where it is there at all.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

/// Who steered, with which request and why. Why is for people; it only has to be there.
#[derive(Deserialize)]
pub(super) struct Act {
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    pub operator: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
pub(super) struct WarehouseUnits<'a> {
    #[serde(borrow)]
    pub warehouse: Cow<'a, str>,
    pub units: i64,
}

#[derive(Deserialize)]
pub(super) struct ItemAdded<'a> {
    pub sale_id: Id,
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    #[serde(borrow)]
    pub title: Cow<'a, str>,
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
    pub unit_price_minor: i64,
    pub time_to_pay_ms: i64,
    #[serde(default)]
    pub regions: Vec<Region>,
    #[serde(default)]
    pub draw: Draw,
    #[serde(default)]
    pub reinstate_within_ms: Option<i64>,
    #[serde(default)]
    pub sale_limit_per_buyer: Option<i64>,
    pub added_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct ItemScheduled {
    pub opens_at_ms: i64,
    pub closes_at_ms: i64,
    #[serde(default)]
    pub moved_ms: i64,
    #[serde(default)]
    pub sale_revision: Option<u64>,
    #[serde(default)]
    pub act: Option<Act>,
    #[serde(default)]
    pub scheduled_at_ms: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct PurchaseLimitSet {
    #[serde(default)]
    pub act: Option<Act>,
    #[serde(default)]
    pub set_at_ms: Option<i64>,
    #[serde(default)]
    pub per_buyer: Option<i64>,
    #[serde(default)]
    pub per_order: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct StockAllocated<'a> {
    #[serde(borrow)]
    pub warehouse: Cow<'a, str>,
    pub units: i64,
    #[serde(borrow, default)]
    pub supplier: Option<Cow<'a, str>>,
    pub act: Act,
    pub allocated_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct ReserveSet<'a> {
    #[serde(borrow)]
    pub warehouse: Cow<'a, str>,
    pub units: i64,
    pub act: Act,
    pub set_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct ReserveReleased<'a> {
    #[serde(borrow)]
    pub warehouse: Cow<'a, str>,
    pub units: i64,
    pub act: Act,
    pub released_at_ms: i64,
}

/// Of an item or of a sale.
#[derive(Deserialize)]
pub(super) struct Paused {
    pub act: Act,
    #[serde(default)]
    pub by_sale: bool,
    pub paused_at_ms: i64,
}

/// Of an item or of a sale.
#[derive(Deserialize)]
pub(super) struct Resumed {
    pub act: Act,
    #[serde(default)]
    pub by_sale: bool,
    pub resumed_at_ms: i64,
}

/// Of an item or of a sale.
#[derive(Deserialize)]
pub(super) struct Closed {
    pub act: Act,
    pub closed_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct OrderPlaced<'a> {
    pub order_id: Id,
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    #[serde(borrow)]
    pub buyer: Cow<'a, str>,
    pub units: i64,
    pub unit_price_minor: i64,
    #[serde(default)]
    pub parts: Vec<OrderPart>,
    #[serde(borrow, default)]
    pub offer: Option<OfferApplied<'a>>,
    #[serde(borrow, default)]
    pub gift: Option<GiftTaken<'a>>,
    #[serde(borrow, default)]
    pub gift_gone: Option<Cow<'a, str>>,
    #[serde(default)]
    pub total_minor: Option<i64>,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    #[serde(borrow, default, rename = "channel")]
    _channel: Cow<'a, str>,
    #[serde(borrow, default)]
    pub region: Cow<'a, str>,
    #[serde(borrow, default)]
    pub shopper: Option<OrderShopper<'a>>,
    #[serde(default)]
    pub awaits: Vec<Await>,
    #[serde(default)]
    pub coupon: Option<CouponAsked>,
    #[serde(default)]
    pub sale_limit: Option<SaleLimit>,
    #[serde(borrow, default)]
    pub shop_order_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub labels: Option<references::Labels>,
    pub placed_at_ms: i64,
    pub pay_by_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct OrderPaid<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    #[serde(borrow, rename = "payment_reference")]
    _payment_reference: Cow<'a, str>,
    pub amount_minor: i64,
    pub units: i64,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    pub paid_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct OrderExpired<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub units: i64,
    #[serde(borrow)]
    pub warehouses: Vec<WarehouseUnits<'a>>,
    #[serde(default)]
    pub limited_by: Option<Id>,
    #[serde(default)]
    pub coupon_batch_id: Option<Id>,
    pub expired_at_ms: i64,
}

/// Why a payment has to go back.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundCause {
    OrderExpired,
    OrderCancelled,
    AlreadyPaid,
}

#[derive(Deserialize)]
pub(super) struct RefundDue<'a> {
    pub order_id: Id,
    pub placed_revision: u64,
    pub request_id: Id,
    #[serde(rename = "fingerprint")]
    _fingerprint: Fingerprint,
    #[serde(borrow, rename = "payment_reference")]
    _payment_reference: Cow<'a, str>,
    pub amount_minor: i64,
    pub cause: RefundCause,
    pub due_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct ItemPlan<'a> {
    pub item_id: Id,
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    #[serde(borrow)]
    pub title: Cow<'a, str>,
    pub unit_price_minor: i64,
    pub opens_at_ms: i64,
    pub closes_at_ms: i64,
    #[serde(default)]
    pub limit_per_buyer: Option<i64>,
    #[serde(default)]
    pub limit_per_order: Option<i64>,
    pub time_to_pay_ms: i64,
    #[serde(borrow)]
    pub units: Vec<WarehouseUnits<'a>>,
    #[serde(borrow, default)]
    pub reserve: Vec<WarehouseUnits<'a>>,
    #[serde(flatten)]
    pub goods: PlannedGoods,
}

/// What a sale may plan of an item beyond its price, window, limits and units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(super) struct PlannedGoods {
    #[serde(default)]
    pub prices: Option<Prices>,
    #[serde(default)]
    pub offers: Vec<Offer>,
    #[serde(default)]
    pub audience: Option<Audience>,
    #[serde(default)]
    pub regions: Vec<Region>,
    #[serde(default)]
    pub draw: Draw,
    #[serde(default)]
    pub reinstate_within_ms: Option<i64>,
    #[serde(default)]
    pub reserve_plan: Vec<ReserveStep>,
    #[serde(default)]
    pub suppliers: Vec<WarehouseSupplier>,
}

#[derive(Deserialize)]
pub(super) struct SaleCreated<'a> {
    #[serde(borrow, rename = "name")]
    _name: Cow<'a, str>,
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
    pub opens_at_ms: i64,
    pub closes_at_ms: i64,
    #[serde(borrow)]
    pub items: Vec<ItemPlan<'a>>,
    #[serde(default)]
    pub limit_per_buyer: Option<i64>,
    #[serde(default)]
    pub rewards: Vec<Reward>,
    pub act: Act,
    pub created_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct SaleRescheduled {
    pub opens_at_ms_before: i64,
    pub closes_at_ms_before: i64,
    pub opens_at_ms: i64,
    pub closes_at_ms: i64,
    pub act: Act,
    pub rescheduled_at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct DemandTick<'a> {
    pub second: i64,
    pub attempts: u32,
    pub outcomes: BTreeMap<String, u32>,
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelDemand>,
    #[serde(borrow)]
    pub packed: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct ChannelDemand {
    pub attempts: u32,
    pub placed: u32,
}

#[derive(Deserialize)]
pub(super) struct TrafficRecorded<'a> {
    /// Name of a recording; it only has to be there in one.
    #[serde(default)]
    pub recording: Option<String>,
    #[serde(default)]
    pub sale_id: Option<Id>,
    pub from_ms: i64,
    pub beacons: u32,
    #[serde(borrow)]
    pub visitors: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub items: Vec<TrafficItem<'a>>,
    #[serde(borrow, default)]
    pub channels: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub pages: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub shoppers: Vec<TrafficShopper<'a>>,
    #[serde(borrow)]
    pub packed: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct TrafficItem<'a> {
    pub item_id: Id,
    #[serde(borrow, default)]
    pub sku: Cow<'a, str>,
    #[serde(borrow, default, rename = "category")]
    _category: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct TrafficShopper<'a> {
    #[serde(borrow, default)]
    pub age_band: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub gender: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "region")]
    _region: Cow<'a, str>,
    #[serde(borrow, default)]
    pub spending_tier: Option<Cow<'a, str>>,
}
