//! How an item is offered: what it is, when it is on sale, what it costs, who may buy it, what limits
//! there are, whether it takes orders.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    audience::{AudienceSet, Draw, Region, ReservePlanSet, ReserveProposed},
    price::{GiftUnitsSet, OffersSet, PricesSet},
    quota::SaleLimit,
};
use crate::{
    events::{act::Act, stored::stored_names},
    values::{Currency, SaleId, UnixMs},
};

/// Everything that can happen to the offer of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferEvent {
    /// The item went on offer in a sale.
    Added(ItemAdded),
    /// Its window was set.
    Scheduled(ItemScheduled),
    /// Its limits were set.
    PurchaseLimitSet(PurchaseLimitSet),
    /// New orders are refused until it is resumed.
    Paused(ItemPaused),
    /// New orders are taken again.
    Resumed(ItemResumed),
    /// New orders are refused for good.
    Closed(ItemClosed),
    /// A ladder of prices is in force.
    PricesSet(PricesSet),
    /// Offers are in force.
    OffersSet(OffersSet),
    /// The pool of a gift has another size.
    GiftUnitsSet(GiftUnitsSet),
    /// Only these shoppers may buy.
    AudienceSet(AudienceSet),
    /// The reserve goes on offer by this plan.
    ReservePlanSet(ReservePlanSet),
    /// A step of that plan asks an operator.
    ReserveProposed(ReserveProposed),
}

stored_names! { OfferEvent:
    Added => "ItemAdded",
    Scheduled => "ItemScheduled",
    PurchaseLimitSet => "PurchaseLimitSet",
    Paused => "ItemPaused",
    Resumed => "ItemResumed",
    Closed => "ItemClosed",
    PricesSet => "PricesSet",
    OffersSet => "OffersSet",
    GiftUnitsSet => "GiftUnitsSet",
    AudienceSet => "AudienceSet",
    ReservePlanSet => "ReservePlanSet",
    ReserveProposed => "ReserveProposed",
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemAdded {
    pub sale_id: SaleId,
    pub sku: String,
    pub title: String,
    pub currency: Currency,
    pub unit_price_minor: i64,
    pub time_to_pay_ms: i64,
    /// Regions of its sale; an order that names one draws from its warehouses first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub regions: Vec<Region>,
    #[serde(skip_serializing_if = "Draw::is_listed", default)]
    pub draw: Draw,
    /// For so long after its deadline a payment brings an order back, if its units are there; where
    /// absent, a late payment goes back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reinstate_within_ms: Option<i64>,
    /// Most units of one buyer in held and paid orders of all items of the sale; none where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_limit_per_buyer: Option<i64>,
    pub added_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemScheduled {
    pub opens_at_ms: UnixMs,
    pub closes_at_ms: UnixMs,
    /// Its time prices, and the moments of its offers, move by so much with the window.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub moved_ms: i64,
    /// Revision of the sale's event that is carried out; absent, as are the next two, where the window is
    /// that of the plan.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scheduled_at_ms: Option<UnixMs>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseLimitSet {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_buyer: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_order: Option<i64>,
    /// Absent where the limits are those of the plan.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub set_at_ms: Option<UnixMs>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemPaused {
    pub act: Act,
    /// Its sale was paused: resumed with the sale, independent of a pause of the item itself.
    #[serde(skip_serializing_if = "is_false", default)]
    pub by_sale: bool,
    pub paused_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResumed {
    pub act: Act,
    /// Its sale was resumed: an item that was paused itself stays paused.
    #[serde(skip_serializing_if = "is_false", default)]
    pub by_sale: bool,
    pub resumed_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemClosed {
    pub act: Act,
    pub closed_at_ms: UnixMs,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl ItemAdded {
    /// The limit over the whole sale that its orders come under.
    pub fn sale_limit(&self) -> Option<SaleLimit> {
        let per_buyer = self.sale_limit_per_buyer?;
        Some(SaleLimit { sale_id: self.sale_id, per_buyer })
    }
}

impl OfferEvent {
    /// When it happened, by the item's own clock, where the event says so.
    pub fn at(&self) -> Option<UnixMs> {
        match self {
            Self::Added(e) => Some(e.added_at_ms),
            Self::Scheduled(e) => e.scheduled_at_ms,
            Self::PurchaseLimitSet(e) => e.set_at_ms,
            Self::Paused(e) => Some(e.paused_at_ms),
            Self::Resumed(e) => Some(e.resumed_at_ms),
            Self::Closed(e) => Some(e.closed_at_ms),
            Self::PricesSet(e) => Some(e.set_at_ms),
            Self::OffersSet(e) => Some(e.set_at_ms),
            Self::GiftUnitsSet(e) => Some(e.set_at_ms),
            Self::AudienceSet(e) => Some(e.set_at_ms),
            Self::ReservePlanSet(e) => Some(e.set_at_ms),
            Self::ReserveProposed(e) => Some(e.proposed_at_ms),
        }
    }

    /// Who did it; `None` for what was planned with the sale.
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::Added(_) => None,
            Self::Scheduled(e) => e.act.as_ref(),
            Self::PurchaseLimitSet(e) => e.act.as_ref(),
            Self::Paused(e) => Some(&e.act),
            Self::Resumed(e) => Some(&e.act),
            Self::Closed(e) => Some(&e.act),
            Self::PricesSet(e) => Some(&e.act),
            Self::OffersSet(e) => Some(&e.act),
            Self::GiftUnitsSet(e) => Some(&e.act),
            Self::AudienceSet(e) => Some(&e.act),
            Self::ReservePlanSet(e) => Some(&e.act),
            Self::ReserveProposed(e) => Some(&e.act),
        }
    }

    /// Whether its whole sale was paused, resumed or rescheduled: an act upon the sale, not upon the item.
    pub fn is_by_sale(&self) -> bool {
        match self {
            Self::Paused(e) => e.by_sale,
            Self::Resumed(e) => e.by_sale,
            Self::Scheduled(e) => e.act.is_some(),
            Self::Added(_)
            | Self::PurchaseLimitSet(_)
            | Self::Closed(_)
            | Self::PricesSet(_)
            | Self::OffersSet(_)
            | Self::GiftUnitsSet(_)
            | Self::AudienceSet(_)
            | Self::ReservePlanSet(_)
            | Self::ReserveProposed(_) => false,
        }
    }

    /// What it changed, by name.
    pub fn change(&self) -> Value {
        match self {
            Self::Added(e) => json!({
                "unit_price_minor": e.unit_price_minor,
                "time_to_pay_ms": e.time_to_pay_ms,
            }),
            Self::Scheduled(e) => {
                json!({ "opens_at_ms": e.opens_at_ms.0, "closes_at_ms": e.closes_at_ms.0 })
            }
            Self::PurchaseLimitSet(e) => {
                json!({ "limit_per_buyer": e.per_buyer, "limit_per_order": e.per_order })
            }
            Self::PricesSet(e) => json!({ "ladder": e.ladder, "prices": e.prices }),
            Self::OffersSet(e) => json!({ "offers": e.offers }),
            Self::GiftUnitsSet(e) => json!({ "offer": e.offer, "units": e.units }),
            Self::AudienceSet(e) => json!({ "audience": e.audience }),
            Self::ReservePlanSet(e) => json!({ "steps": e.steps }),
            Self::ReserveProposed(e) => json!({ "step": e.step, "warehouses": e.warehouses }),
            Self::Paused(_) | Self::Resumed(_) | Self::Closed(_) => json!({}),
        }
    }
}
