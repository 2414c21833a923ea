//! What happens to a sale as a whole: it is planned and closed.

use serde::{Deserialize, Serialize};

use super::item::{Act, WarehouseUnits};
use crate::values::{Currency, ItemId, UnixMs};

/// Everything that can happen to a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaleEvent {
    /// The sale was put up with all its items.
    Created(SaleCreated),
    /// Every item of it is to take no more orders.
    Closed(SaleClosed),
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
}

/// What its operators want of a sale. What nobody aims at is absent.
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
    /// Paying buyers who had never paid for anything before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_buyers: Option<i64>,
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
    pub act: Act,
    pub created_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleClosed {
    pub act: Act,
    pub closed_at_ms: UnixMs,
}
