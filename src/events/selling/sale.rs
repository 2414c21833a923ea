//! Events of a sale as a whole: planned, rescheduled, paused, resumed, closed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    audience::{Audience, Draw, Region, ReserveStep},
    coupon::CouponPlan,
    price::{Offer, Prices},
    units::WarehouseUnits,
};
use crate::{
    events::{act::Act, stored::stored_names},
    values::{AlertSeverity, BatchId, Currency, ItemId, ServiceLevel, UnixMs},
};

/// Everything that can happen to a sale.
#[expect(clippy::large_enum_variant, reason = "a sale is created once, off the way of orders")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaleEvent {
    /// The sale was put up with all its items.
    Created(SaleCreated),
    /// Its items are to take no more orders until it is resumed.
    Paused(SalePaused),
    /// Its items are to take orders again, but for those that were paused themselves.
    Resumed(SaleResumed),
    /// Every item of it is to take no more orders.
    Closed(SaleClosed),
    /// It opens or closes at other moments than before.
    Rescheduled(SaleRescheduled),
}

stored_names! { SaleEvent:
    Created => "SaleCreated",
    Paused => "SalePaused",
    Resumed => "SaleResumed",
    Closed => "SaleClosed",
    Rescheduled => "SaleRescheduled",
}

/// One item as it was planned. The item's own stream repeats what concerns the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemPlan {
    pub item_id: ItemId,
    pub sku: String,
    pub title: String,
    pub unit_price_minor: i64,
    pub opens_at_ms: UnixMs,
    pub closes_at_ms: UnixMs,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_per_buyer: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_per_order: Option<i64>,
    pub time_to_pay_ms: i64,
    pub units: Vec<WarehouseUnits>,
    /// Units that lie there, too, but are not on offer before an operator releases them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reserve: Vec<WarehouseUnits>,
    /// Absent where every unit costs `unit_price_minor`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prices: Option<Prices>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offers: Vec<Offer>,
    /// Absent where everybody may buy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audience: Option<Audience>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub regions: Vec<Region>,
    #[serde(skip_serializing_if = "Draw::is_listed", default)]
    pub draw: Draw,
    /// As in `ItemAdded`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reinstate_within_ms: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reserve_plan: Vec<ReserveStep>,
    /// Warehouses whose planned units come from a supplier.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub suppliers: Vec<WarehouseSupplier>,
}

/// Who delivered the planned units of a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarehouseSupplier {
    pub warehouse: String,
    /// 1 to 64 characters.
    pub supplier: String,
}

/// The goals of a sale. Goals that were not set are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Goals {
    /// Units sold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub units: Option<i64>,
    /// Revenue of paid orders, in minor units of the sale's currency.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revenue_minor: Option<i64>,
    /// Paying buyers among the sale's visitors, in parts per million.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conversion_ppm: Option<i64>,
    /// Paying buyers without an earlier paid order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_buyers: Option<i64>,
}

/// A point of the curve that a sale is planned to follow: so many units in orders by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedUnits {
    /// Milliseconds since the sale opens.
    pub after_ms: i64,
    pub units: i64,
}

/// When an alert is to be raised: the condition in text, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    pub name: String,
    /// A comparison of figures, such as `available_units < 0.1 * allocated_units`.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub when: String,
    /// How long it has to hold before the alert is raised, in milliseconds.
    #[serde(default)]
    pub for_ms: i64,
    /// What has to hold for the alert to be cleared; where absent, that `when` does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clear_when: Option<String>,
    /// How long that has to hold, in milliseconds.
    #[serde(default)]
    pub clear_for_ms: i64,
    pub severity: AlertSeverity,
    /// Judged for each item on its own, not for the sale as a whole.
    #[serde(default)]
    pub each_item: bool,
    /// An incident is opened when the alert is raised.
    #[serde(default)]
    pub opens_incident: bool,
    /// The level that the service is lowered to when the alert is raised; it is never raised so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sets_level: Option<ServiceLevel>,
    /// The rule of this name that comes with doorbuster is not to be used.
    #[serde(default)]
    pub off: bool,
}

/// A coupon that a buyer earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// What the buyer has to have paid in the sale, net of refunds, in minor units.
    pub spend_minor: i64,
    /// The batch that the coupon is of; no two rewards of a sale are of one batch.
    pub batch_id: BatchId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleCreated {
    pub name: String,
    pub currency: Currency,
    pub opens_at_ms: UnixMs,
    pub closes_at_ms: UnixMs,
    pub items: Vec<ItemPlan>,
    /// Absent in sales of earlier versions and in those that have no goals.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub goals: Option<Goals>,
    /// Empty where only the goal is known: then units are to go evenly over the sale's window.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub curve: Vec<PlannedUnits>,
    /// Rules of its own, beside those that come with doorbuster; one of the same name replaces it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alerts: Vec<AlertRule>,
    /// Batches of coupons for its orders.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub coupons: Vec<CouponPlan>,
    /// Most units of one buyer in held and paid orders of all items; no such limit where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_per_buyer: Option<i64>,
    /// Coupons that buyers earn by what they pay.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rewards: Vec<Reward>,
    pub act: Act,
    pub created_at_ms: UnixMs,
}

impl SaleCreated {
    /// When anything of it is on sale: from the first opening to the last closing of the sale and its
    /// items. Logs of earlier versions hold items whose windows reach out of their sale's.
    pub fn on_sale(&self) -> (UnixMs, UnixMs) {
        let opens = self.items.iter().map(|item| item.opens_at_ms);
        let closes = self.items.iter().map(|item| item.closes_at_ms);
        (opens.fold(self.opens_at_ms, UnixMs::min), closes.fold(self.closes_at_ms, UnixMs::max))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalePaused {
    pub act: Act,
    pub paused_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleResumed {
    pub act: Act,
    pub resumed_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleClosed {
    pub act: Act,
    pub closed_at_ms: UnixMs,
}

/// The windows of its items follow from the plan and these moments: they, their prices and offers move with
/// the opening. Coupons do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleRescheduled {
    pub opens_at_ms_before: UnixMs,
    pub closes_at_ms_before: UnixMs,
    pub opens_at_ms: UnixMs,
    pub closes_at_ms: UnixMs,
    pub act: Act,
    pub rescheduled_at_ms: UnixMs,
}

impl SaleEvent {
    /// When it happened.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Created(e) => e.created_at_ms,
            Self::Paused(e) => e.paused_at_ms,
            Self::Resumed(e) => e.resumed_at_ms,
            Self::Closed(e) => e.closed_at_ms,
            Self::Rescheduled(e) => e.rescheduled_at_ms,
        }
    }

    /// Who did it.
    pub fn act(&self) -> &Act {
        match self {
            Self::Created(e) => &e.act,
            Self::Paused(e) => &e.act,
            Self::Resumed(e) => &e.act,
            Self::Closed(e) => &e.act,
            Self::Rescheduled(e) => &e.act,
        }
    }

    /// What it changed, by name.
    pub fn change(&self) -> Value {
        match self {
            Self::Created(e) => json!({ "name": e.name, "items": e.items.len() }),
            Self::Rescheduled(e) => json!({
                "opens_at_ms_before": e.opens_at_ms_before.0,
                "closes_at_ms_before": e.closes_at_ms_before.0,
                "opens_at_ms": e.opens_at_ms.0,
                "closes_at_ms": e.closes_at_ms.0,
            }),
            Self::Paused(_) | Self::Resumed(_) | Self::Closed(_) => json!({}),
        }
    }
}
