//! Who may buy an item, and the plan by which its reserve goes on offer: what an operator sets.

use serde::{Deserialize, Serialize};

use super::units::WarehouseUnits;
use crate::{
    events::act::Act,
    values::{AgeBand, Gender, ShopperAttributes, SpendingTier, UnixMs},
};

/// Who may buy. Each list that is not empty must contain the shopper's attribute; an attribute that
/// is not known is in no list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audience {
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub age_bands: Vec<AgeBand>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub genders: Vec<Gender>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub regions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub spending_tiers: Vec<SpendingTier>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub member_tiers: Vec<String>,
    /// Only buyers who never bought in the shop before.
    #[serde(skip_serializing_if = "is_false", default)]
    pub new_buyers_only: bool,
}

/// What the shop says of the buyer of an order; anything may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderShopper {
    #[serde(flatten)]
    pub attributes: ShopperAttributes,
    /// Never bought in the shop before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_buyer: Option<bool>,
    /// The shop's own name of a tier, 1 to 64 characters; empty where unknown.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub member_tier: String,
}

impl OrderShopper {
    /// What is known, each by its name. A text is what stands in a fingerprint.
    pub fn told(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { attributes, new_buyer, member_tier } = self;
        [
            ("age_band", attributes.age_band.map(AgeBand::name)),
            ("gender", attributes.gender.map(Gender::name)),
            ("shopper_region", Some(&*attributes.region)),
            ("spending_tier", attributes.spending_tier.map(SpendingTier::name)),
            ("new_buyer", new_buyer.map(|new| if new { "yes" } else { "no" })),
            ("member_tier", Some(&**member_tier)),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)))
    }
}

/// A part of the country, and the warehouses that serve it, nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    pub name: String,
    pub warehouses: Vec<String>,
}

/// From which warehouse an order draws, after those of its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// The first one, in the order in which they were named.
    #[default]
    Listed,
    /// The one with most available units; the first named of equals.
    Fullest,
}

impl Draw {
    /// The name in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Fullest => "fullest",
        }
    }

    pub(super) fn is_listed(&self) -> bool {
        matches!(self, Self::Listed)
    }
}

/// A rule that puts units of the reserve on offer when few are available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveStep {
    /// Fires when fewer units are available after a decision.
    pub below_units: i64,
    /// So many, or what is left in reserve.
    pub release_units: i64,
    /// The warehouses to take from, in this order; all in their order where empty.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub from: Vec<String>,
    pub act: ReserveAct,
}

/// What a step of the reserve plan does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReserveAct {
    /// The units go on offer in the same append.
    #[default]
    Release,
    /// An operator is asked.
    Propose,
}

impl ReserveAct {
    /// The name in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Propose => "propose",
        }
    }
}

/// Who may buy from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceSet {
    /// Everybody where nothing is in it.
    pub audience: Audience,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

/// A new reserve plan in place of the earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservePlanSet {
    /// Empty where there is no plan.
    pub steps: Vec<ReserveStep>,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

/// A step of the reserve plan asks an operator to release units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveProposed {
    /// Index of the step.
    pub step: u8,
    pub warehouses: Vec<WarehouseUnits>,
    /// Of the item itself; its request id is derived from the step.
    pub act: Act,
    pub proposed_at_ms: UnixMs,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
