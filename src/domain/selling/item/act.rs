//! The acts of operators on an item. Their fields are validated where they enter and trusted here.

use serde::{Deserialize, Serialize};

use super::reserve_plan::check_plan;
use crate::{
    domain::{
        eligibility::DraftAudience,
        limits::{ALLOCATED_UNITS_MAX, NAME_CHARS_MAX},
        price::{DraftOffer, check_offers, check_prices},
    },
    events::{Audience, Offer, Prices, ReserveStep, WarehouseUnits},
    values::{Fingerprint, Invalid, RequestId, UnixMs, bounded_text, known_text},
};

/// Any time: the window of the item is known where the act is decided.
const ALWAYS: (UnixMs, UnixMs) = (UnixMs(i64::MIN), UnixMs::LATEST);

/// An operator's hand on the item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Steer {
    pub request_id: RequestId,
    pub operator: String,
    pub reason: String,
    pub action: SteerAction,
    /// The action may name a warehouse that the item does not have yet.
    #[serde(skip_serializing_if = "is_false", default)]
    pub new_warehouse: bool,
}

/// Units of one warehouse, and who delivered them where that is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuppliedUnits {
    pub at: WarehouseUnits,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supplier: Option<String>,
}

impl From<WarehouseUnits> for SuppliedUnits {
    fn from(at: WarehouseUnits) -> Self {
        Self { at, supplier: None }
    }
}

/// What the operator does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SteerAction {
    /// 1 to `sale::ALLOCATED_UNITS_MAX` units.
    Allocate(SuppliedUnits),
    /// 1 to `sale::ALLOCATED_UNITS_MAX` available units leave the offer.
    Withdraw(SuppliedUnits),
    /// 1 to `sale::ALLOCATED_UNITS_MAX` available units go to another warehouse.
    Move {
        from: String,
        to: String,
        units: i64,
    },
    /// 0 to `sale::ALLOCATED_UNITS_MAX` units lie there beside those on offer.
    SetReserve(WarehouseUnits),
    /// 1 to `sale::ALLOCATED_UNITS_MAX` units of the reserve go on offer.
    ReleaseReserve(WarehouseUnits),
    /// Each at least 1; none where absent.
    SetPurchaseLimit {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        per_buyer: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        per_order: Option<i64>,
    },
    /// Another ladder, checked but for the window of the item.
    SetPrices(Box<Prices>),
    /// Other offers, checked but for the window of the item.
    SetOffers(Vec<Offer>),
    /// All units of the gift of that offer: 1 to `sale::ALLOCATED_UNITS_MAX`.
    SetGiftUnits {
        offer: String,
        units: i64,
    },
    /// Only these shoppers may buy.
    SetAudience(Box<Audience>),
    /// Another reserve plan, checked but for the stock of the item.
    SetReservePlan(Vec<ReserveStep>),
    Pause,
    Resume,
    /// Its sale was rescheduled. Sent by the sale, as are the next two.
    Schedule(ItemSchedule),
    /// Its sale was paused.
    PauseWithSale,
    ResumeWithSale,
    Close,
}

/// When an item is on sale, as its sale decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSchedule {
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
    /// By how much the opening of the sale was moved in all since it was planned.
    pub moved_ms: i64,
    /// Revision of the sale's event: an item takes the newest one, whatever comes first.
    pub sale_revision: u64,
}

impl SteerAction {
    /// Puts units on offer.
    pub fn allocate(
        warehouse: String,
        units: i64,
        supplier: Option<String>,
    ) -> Result<Self, Invalid> {
        supplied(warehouse, units, supplier).map(Self::Allocate)
    }

    /// Says how many units lie in reserve.
    pub fn set_reserve(warehouse: String, units: i64) -> Result<Self, Invalid> {
        warehouse_units(warehouse, units, 0).map(Self::SetReserve)
    }

    /// Puts units of the reserve on offer.
    pub fn release_reserve(warehouse: String, units: i64) -> Result<Self, Invalid> {
        warehouse_units(warehouse, units, 1).map(Self::ReleaseReserve)
    }

    /// Takes available units off the offer.
    pub fn withdraw(
        warehouse: String,
        units: i64,
        supplier: Option<String>,
    ) -> Result<Self, Invalid> {
        supplied(warehouse, units, supplier).map(Self::Withdraw)
    }

    /// Moves available units to another warehouse. `fields` are what the caller calls the two.
    pub fn move_units(
        fields: [&str; 2],
        from: String,
        to: String,
        units: i64,
    ) -> Result<Self, Invalid> {
        known_text(fields[0], &from, NAME_CHARS_MAX)?;
        known_text(fields[1], &to, NAME_CHARS_MAX)?;
        if from == to {
            let problem = format!("is {to:?}, and so is {}: units move to another one", fields[0]);
            return Err(Invalid::new(fields[1], problem));
        }
        within("units", units, 1)?;
        Ok(Self::Move { from, to, units })
    }

    /// What tells it from another one beyond its verb and two fields; nothing for acts of earlier
    /// versions.
    fn more_fields(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Allocate(SuppliedUnits { supplier, .. })
            | Self::Withdraw(SuppliedUnits { supplier, .. }) => match supplier {
                Some(supplier) => vec![b"supplier".to_vec(), supplier.as_bytes().to_vec()],
                None => Vec::new(),
            },
            Self::Move { units, .. } => vec![number(*units)],
            Self::Schedule(schedule) => {
                vec![number(schedule.moved_ms), schedule.sale_revision.to_be_bytes().to_vec()]
            }
            Self::SetReserve(_)
            | Self::ReleaseReserve(_)
            | Self::SetPurchaseLimit { .. }
            | Self::SetPrices(_)
            | Self::SetOffers(_)
            | Self::SetGiftUnits { .. }
            | Self::SetAudience(_)
            | Self::SetReservePlan(_)
            | Self::Pause
            | Self::Resume
            | Self::PauseWithSale
            | Self::ResumeWithSale
            | Self::Close => Vec::new(),
        }
    }

    /// Limits what one buyer, and one order, may have. `fields` are what the caller calls the two.
    pub fn set_purchase_limit(
        fields: [&str; 2],
        per_buyer: Option<i64>,
        per_order: Option<i64>,
    ) -> Result<Self, Invalid> {
        for (field, limit) in fields.into_iter().zip([per_buyer, per_order]) {
            if let Some(units) = limit.filter(|&units| units < 1) {
                return Err(Invalid::new(field, format!("must be at least 1, not {units}")));
            }
        }
        Ok(Self::SetPurchaseLimit { per_buyer, per_order })
    }

    /// Puts another ladder of prices in force.
    pub fn set_prices(prices: Prices) -> Result<Self, Invalid> {
        check_prices(&prices, ALWAYS)?;
        Ok(Self::SetPrices(Box::new(prices)))
    }

    /// Puts other offers in force.
    pub fn set_offers(drafts: Vec<DraftOffer>) -> Result<Self, Invalid> {
        check_offers(drafts, ALWAYS).map(Self::SetOffers)
    }

    /// Sets who may buy.
    pub fn set_audience(draft: DraftAudience) -> Result<Self, Invalid> {
        let audience = draft.check().map_err(|invalid| invalid.within("audience"))?;
        Ok(Self::SetAudience(Box::new(audience)))
    }

    /// Sets the plan by which the reserve is released.
    pub fn set_reserve_plan(steps: Vec<ReserveStep>) -> Result<Self, Invalid> {
        check_plan("steps", &steps)?;
        Ok(Self::SetReservePlan(steps))
    }

    /// Gives the gift of an offer another number of units.
    pub fn set_gift_units(offer: String, units: i64) -> Result<Self, Invalid> {
        known_text("offer", &offer, NAME_CHARS_MAX)?;
        within("units", units, 1)?;
        Ok(Self::SetGiftUnits { offer, units })
    }
}

fn warehouse_units(warehouse: String, units: i64, min: i64) -> Result<WarehouseUnits, Invalid> {
    known_text("warehouse", &warehouse, NAME_CHARS_MAX)?;
    within("units", units, min)?;
    Ok(WarehouseUnits { warehouse, units })
}

fn supplied(
    warehouse: String,
    units: i64,
    supplier: Option<String>,
) -> Result<SuppliedUnits, Invalid> {
    if let Some(supplier) = &supplier {
        bounded_text("supplier", supplier, NAME_CHARS_MAX)?;
    }
    Ok(SuppliedUnits { at: warehouse_units(warehouse, units, 1)?, supplier })
}

fn within(field: &str, units: i64, min: i64) -> Result<(), Invalid> {
    if (min..=ALLOCATED_UNITS_MAX).contains(&units) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("must be {min} to {ALLOCATED_UNITS_MAX}, not {units}")))
}

impl Steer {
    /// Tells this command from another one under the same request id.
    pub fn fingerprint(&self) -> Fingerprint {
        let place = |at: &WarehouseUnits| [at.warehouse.as_bytes().to_vec(), number(at.units)];
        let nowhere = || [Vec::new(), number(0)];
        // A limit that is absent is no number at all.
        let limit = |limit: &Option<i64>| limit.map_or_else(Vec::new, number);
        let (verb, [first, second]) = match &self.action {
            SteerAction::Allocate(added) => ("allocate", place(&added.at)),
            SteerAction::Withdraw(gone) => ("withdraw", place(&gone.at)),
            SteerAction::Move { from, to, .. } => {
                ("move", [from.as_bytes().to_vec(), to.as_bytes().to_vec()])
            }
            SteerAction::SetReserve(reserve) => ("set_reserve", place(reserve)),
            SteerAction::ReleaseReserve(released) => ("release_reserve", place(released)),
            SteerAction::SetPurchaseLimit { per_buyer, per_order } => {
                ("set_purchase_limit", [limit(per_buyer), limit(per_order)])
            }
            SteerAction::SetPrices(prices) => ("set_prices", [stored(prices), Vec::new()]),
            SteerAction::SetOffers(offers) => ("set_offers", [stored(offers), Vec::new()]),
            SteerAction::SetAudience(audience) => ("set_audience", [stored(audience), Vec::new()]),
            SteerAction::SetReservePlan(steps) => ("set_reserve_plan", [stored(steps), Vec::new()]),
            SteerAction::SetGiftUnits { offer, units } => {
                ("set_gift_units", [offer.as_bytes().to_vec(), number(*units)])
            }
            SteerAction::Pause => ("pause", nowhere()),
            SteerAction::Resume => ("resume", nowhere()),
            SteerAction::Schedule(ItemSchedule { opens_at, closes_at, .. }) => {
                ("schedule", [number(opens_at.0), number(closes_at.0)])
            }
            SteerAction::PauseWithSale => ("pause_with_sale", nowhere()),
            SteerAction::ResumeWithSale => ("resume_with_sale", nowhere()),
            SteerAction::Close => ("close", nowhere()),
        };
        let mut fields = vec![
            verb.as_bytes(),
            &first,
            &second,
            self.operator.as_bytes(),
            self.reason.as_bytes(),
        ];
        // Only where it is said: acts of earlier versions keep their fingerprints.
        if self.new_warehouse {
            fields.push(b"new_warehouse");
        }
        let more = self.action.more_fields();
        fields.extend(more.iter().map(Vec::as_slice));
        Fingerprint::of(fields)
    }
}

/// The stored form, which is equal for equal values only.
fn stored(value: &impl serde::Serialize) -> Vec<u8> {
    // Plain structs with string keys: there is nothing serde_json could refuse.
    serde_json::to_vec(value).unwrap_or_default()
}

fn number(units: i64) -> Vec<u8> {
    units.to_be_bytes().to_vec()
}

fn is_false(flag: &bool) -> bool {
    !flag
}
