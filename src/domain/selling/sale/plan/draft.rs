//! A sale before it is checked.

use crate::{
    domain::{coupon::DraftCoupon, eligibility::DraftAudience, price::DraftOffer},
    events::{
        AlertRule, Draw, Goals, PlannedUnits, PriceStep, Region, ReserveStep, ReturnedUnits,
        TimePrice,
    },
    values::UnixMs,
};

/// A sale as its operator wrote it down, unchecked. What is missing is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    pub name: String,
    pub currency_code: String,
    pub opens_at: Option<UnixMs>,
    pub closes_at: Option<UnixMs>,
    pub items: Vec<DraftItem>,
    pub goals: Option<Goals>,
    pub curve: Vec<PlannedUnits>,
    pub alerts: Vec<AlertRule>,
    pub regions: Vec<Region>,
    /// Who may buy the items that have no audience of their own.
    pub audience: Option<DraftAudience>,
    pub coupons: Vec<DraftCoupon>,
    /// Most units of one buyer in all items together.
    pub limit_per_buyer: Option<i64>,
    pub rewards: Vec<DraftReward>,
}

/// A coupon that buyers earn, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftReward {
    /// What a buyer has to pay in the sale, in minor units.
    pub spend_minor: i64,
    /// Name of the batch.
    pub coupon: String,
}

/// One item as its operator wrote it down, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftItem {
    pub sku: String,
    pub title: String,
    pub unit_price_minor: i64,
    /// The item's own window; the sale's where absent.
    pub opens_at: Option<UnixMs>,
    pub closes_at: Option<UnixMs>,
    pub limit_per_buyer: Option<i64>,
    pub limit_per_order: Option<i64>,
    pub time_to_pay_ms: Option<i64>,
    /// Warehouse and units. Orders draw from the first warehouse that can fill them.
    pub units: Vec<(String, i64)>,
    /// Warehouse and units that are not on offer yet.
    pub reserve: Vec<(String, i64)>,
    /// No price may be below it.
    pub floor_minor: Option<i64>,
    pub steps: Vec<PriceStep>,
    pub time_prices: Vec<TimePrice>,
    pub returned_units: ReturnedUnits,
    pub offers: Vec<DraftOffer>,
    /// Warehouse and the supplier of its units.
    pub suppliers: Vec<(String, String)>,
    /// In place of that of the sale.
    pub audience: Option<DraftAudience>,
    pub draw: Draw,
    /// How long after its deadline a payment brings an order back; never where absent.
    pub reinstate_within_ms: Option<i64>,
    pub reserve_plan: Vec<ReserveStep>,
}
