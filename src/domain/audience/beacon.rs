//! Validation of beacons, and the counts of their outcomes.
//!
//! Each field is checked here once, for beacons over gRPC and as JSON. An invalid beacon is refused
//! with its field's name and does not affect the others.

use uuid::Uuid;

use crate::{
    events::{TrafficAction, TrafficItem},
    values::{
        BEACON_CHANNEL_CHARS_MAX, Invalid, ItemId, PAGE_CHARS_MAX, REGION_CHARS_MAX, RequestId,
        SaleId, ShopperAttributes, UnixMs, VISITOR_CHARS_MAX, bounded_prose, bounded_text,
    },
};

/// Beacons in one message at most.
pub const BEACONS_PER_MESSAGE_MAX: usize = 1_000;

/// A beacon that can be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// The client's id; nil where there is none, as in recordings.
    pub id: Uuid,
    pub at: UnixMs,
    pub action: TrafficAction,
    pub visitor: String,
    pub item: Option<TrafficItem>,
    /// Empty where unknown, like the page.
    pub channel: String,
    pub page: String,
    pub shopper: ShopperAttributes,
}

/// A beacon as it came: texts are empty where nothing was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BeaconDraft {
    pub beacon_id: String,
    pub sale_id: String,
    pub item_id: String,
    pub action: Option<TrafficAction>,
    pub visitor: String,
    pub channel: String,
    pub page: String,
    pub age_band: String,
    pub gender: String,
    pub region: String,
    pub spending_tier: String,
    pub time: Option<UnixMs>,
}

/// A beacon whose fields are good; whether there is such an item or sale is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressedBeacon {
    pub sale: Option<SaleId>,
    pub item: Option<ItemId>,
    pub beacon: Beacon,
}

impl BeaconDraft {
    /// Checks every field. A beacon that says no time is one of now.
    pub fn check(self, now: UnixMs) -> Result<AddressedBeacon, Invalid> {
        let id = RequestId::parse("beacon_id", &self.beacon_id)?.0;
        let given = |text: &str| !text.is_empty();
        let sale = given(&self.sale_id).then(|| SaleId::parse("sale_id", &self.sale_id));
        let sale = sale.transpose()?;
        let item = given(&self.item_id).then(|| ItemId::parse("item_id", &self.item_id));
        let item = item.transpose()?;
        if sale.is_none() && item.is_none() {
            return Err(Invalid::new("item_id", "is missing, and so is sale_id"));
        }
        let action = self.action.filter(|action| *action != TrafficAction::Buy);
        let action = action
            .ok_or_else(|| Invalid::new("action", "must be view, favourite, cart or share"))?;
        bounded_text("visitor", &self.visitor, VISITOR_CHARS_MAX)?;
        optional_text("channel", &self.channel, BEACON_CHANNEL_CHARS_MAX)?;
        if given(&self.page) {
            bounded_prose("page", &self.page, PAGE_CHARS_MAX)?;
        }
        optional_text("region", &self.region, REGION_CHARS_MAX)?;
        let shopper = ShopperAttributes {
            age_band: given(&self.age_band).then(|| self.age_band.parse()).transpose()?,
            gender: given(&self.gender).then(|| self.gender.parse()).transpose()?,
            region: self.region,
            spending_tier: given(&self.spending_tier)
                .then(|| self.spending_tier.parse())
                .transpose()?,
        };
        let item_row = item.map(|item_id| TrafficItem {
            item_id,
            sku: String::new(),
            category: String::new(),
        });
        let beacon = Beacon {
            id,
            at: self.time.unwrap_or(now),
            action,
            visitor: self.visitor,
            item: item_row,
            channel: self.channel,
            page: self.page,
            shopper,
        };
        Ok(AddressedBeacon { sale, item, beacon })
    }
}

fn optional_text(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.is_empty() { Ok(()) } else { bounded_text(field, text, max) }
}

/// Why a beacon is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BeaconRefusal {
    Invalid,
    UnknownItem,
    UnknownSale,
    TimeOutOfRange,
}

impl BeaconRefusal {
    /// All of them, each at its number.
    pub const ALL: [Self; 4] =
        [Self::Invalid, Self::UnknownItem, Self::UnknownSale, Self::TimeOutOfRange];

    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::UnknownItem => "UNKNOWN_ITEM",
            Self::UnknownSale => "UNKNOWN_SALE",
            Self::TimeOutOfRange => "TIME_OUT_OF_RANGE",
        }
    }
}

/// Beacons refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedBeacons {
    pub beacons: u64,
    /// Place of the first among those that came.
    pub first: usize,
    pub problem: Invalid,
}

/// What became of beacons. Every one is in exactly one of the counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrafficReceipt {
    pub accepted: u64,
    pub duplicates: u64,
    /// Left out because orders come first, or because no traffic is taken.
    pub shed: u64,
    /// Of those: left out because no traffic is taken at the level of the service.
    pub switched_off: u64,
    /// By the number of the reason.
    pub refused: [Option<RefusedBeacons>; BeaconRefusal::ALL.len()],
}

impl TrafficReceipt {
    /// Counts one more beacon as refused.
    pub fn refuse(
        &mut self,
        reason: BeaconRefusal,
        place: usize,
        problem: impl FnOnce() -> Invalid,
    ) {
        match &mut self.refused[reason as usize] {
            Some(refused) => {
                refused.beacons += 1;
                if place < refused.first {
                    *refused = RefusedBeacons {
                        beacons: refused.beacons,
                        first: place,
                        problem: problem(),
                    };
                }
            }
            none => {
                *none = Some(RefusedBeacons { beacons: 1, first: place, problem: problem() });
            }
        }
    }

    /// Adds the receipt of beacons that came `after` that many others.
    pub fn add(&mut self, other: Self, after: usize) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.shed += other.shed;
        self.switched_off += other.switched_off;
        for (mine, other) in self.refused.iter_mut().zip(other.refused) {
            let Some(other) = other else { continue };
            let other = RefusedBeacons { first: other.first + after, ..other };
            *mine = Some(match mine.take() {
                None => other,
                Some(mine) => {
                    let beacons = mine.beacons + other.beacons;
                    let first = if mine.first <= other.first { mine } else { other };
                    RefusedBeacons { beacons, ..first }
                }
            });
        }
    }

    /// The reasons that occurred.
    pub fn reasons(&self) -> impl Iterator<Item = (BeaconRefusal, &RefusedBeacons)> {
        BeaconRefusal::ALL
            .into_iter()
            .zip(&self.refused)
            .filter_map(|(reason, refused)| Some((reason, refused.as_ref()?)))
    }
}
