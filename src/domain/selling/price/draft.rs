//! Offers as an operator writes them down, and the checked offers they become.
//!
//! Fields are named as in `OfferDraft`.

use super::check_time;
use crate::{
    domain::limits::{ALLOCATED_UNITS_MAX, NAME_CHARS_MAX, WORTH_MINOR_MAX},
    events::{AmountOff, Gift, Offer, OfferCondition, OfferEffect, PercentOff, WhenGone},
    values::{Invalid, UNITS_MAX, UnixMs, bounded_text, looks},
};

/// Most offers of an item.
pub const OFFERS_MAX: usize = 10;

/// All of something, in parts per million.
const PPM_MAX: i64 = 1_000_000;

/// An offer as its operator wrote it down, unchecked: one of the conditions and one of the effects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftOffer {
    pub name: String,
    pub from_units: Option<i64>,
    pub from_minor: Option<i64>,
    pub amount_minor: Option<i64>,
    pub each: bool,
    pub times_max: Option<i64>,
    pub percent_ppm: Option<i64>,
    pub at_most_minor: Option<i64>,
    /// Empty where the offer has no gift.
    pub gift_sku: String,
    pub gift_units: Option<i64>,
    /// Units for one order; 1 where absent.
    pub gift_each: Option<i64>,
    pub when_gone: Option<WhenGone>,
    pub from: Option<UnixMs>,
    pub until: Option<UnixMs>,
}

/// Checks the offers of an item that is on sale from the first to the second moment of `window`.
///
/// # Errors
/// The first field that is wrong, by its path, for example `offers[1].percent_ppm`.
pub fn check_offers(
    drafts: Vec<DraftOffer>,
    window: (UnixMs, UnixMs),
) -> Result<Vec<Offer>, Invalid> {
    if drafts.len() > OFFERS_MAX {
        let problem = format!("has {} offers, more than {OFFERS_MAX}", drafts.len());
        return Err(Invalid::new("offers", problem));
    }
    let mut offers: Vec<Offer> = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        let at = format!("offers[{index}]");
        let offer = offer(draft, window).and_then(|offer| {
            match offers.iter().position(|earlier| is_twice(earlier, &offer)) {
                None => Ok(offer),
                Some(earlier) => Err(twice(&offer, &offers[earlier], earlier)),
            }
        });
        offers.push(offer.map_err(|invalid| invalid.within(&at))?);
    }
    Ok(offers)
}

fn is_twice(earlier: &Offer, offer: &Offer) -> bool {
    let same_gift = match (gift_sku(earlier), gift_sku(offer)) {
        (Some(earlier), Some(sku)) => looks(earlier) == looks(sku),
        (None, _) | (_, None) => false,
    };
    earlier.name == offer.name || same_gift
}

fn gift_sku(offer: &Offer) -> Option<&str> {
    match &offer.effect {
        OfferEffect::Gift(gift) => Some(&gift.sku),
        OfferEffect::Amount(_) | OfferEffect::Percent(_) => None,
    }
}

fn twice(offer: &Offer, earlier: &Offer, index: usize) -> Invalid {
    if offer.name == earlier.name {
        return Invalid::new("name", format!("is {:?}, as of offers[{index}]", offer.name));
    }
    let sku = gift_sku(offer).unwrap_or_default();
    Invalid::new("gift_sku", format!("is {sku:?}, the gift of offers[{index}] already"))
}

fn offer(draft: DraftOffer, window: (UnixMs, UnixMs)) -> Result<Offer, Invalid> {
    check_name(&draft.name)?;
    let condition = condition(&draft)?;
    let effect = effect(&draft)?;
    check_time(draft.from, draft.until, window)?;
    Ok(Offer { name: draft.name, condition, effect, from_ms: draft.from, until_ms: draft.until })
}

/// Checks the name of something that an order can have: an offer, a coupon.
pub(in crate::domain) fn check_name(name: &str) -> Result<(), Invalid> {
    let good =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    if (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    let problem = format!(
        "must be 1 to {NAME_CHARS_MAX} lower-case letters, digits and underscores, not {name:?}"
    );
    Err(Invalid::new("name", problem))
}

fn condition(draft: &DraftOffer) -> Result<OfferCondition, Invalid> {
    match (draft.from_units, draft.from_minor) {
        (Some(units), None) => {
            bounds("from_units", units, UNITS_MAX)?;
            Ok(OfferCondition::FromUnits(units))
        }
        (None, Some(minor)) => {
            bounds("from_minor", minor, WORTH_MINOR_MAX)?;
            Ok(OfferCondition::FromMinor(minor))
        }
        (None, None) => Err(Invalid::new(
            "from_units",
            "is missing, as is from_minor: an offer needs one of them",
        )),
        (Some(units), Some(minor)) => {
            let problem =
                format!("is {minor}, and from_units is {units}: only one of them is allowed");
            Err(Invalid::new("from_minor", problem))
        }
    }
}

fn effect(draft: &DraftOffer) -> Result<OfferEffect, Invalid> {
    let gift = !draft.gift_sku.is_empty();
    match (draft.amount_minor, draft.percent_ppm, gift) {
        (Some(amount), None, false) => {
            only_with("percent_ppm", [("at_most_minor", draft.at_most_minor)])?;
            gift_fields(draft)?;
            amount_off(draft, amount)
        }
        (None, Some(ppm), false) => {
            if draft.each {
                let problem =
                    format!("is true, and percent_ppm is {ppm}: it goes with amount_minor");
                return Err(Invalid::new("each", problem));
            }
            only_with("each", [("times_max", draft.times_max)])?;
            gift_fields(draft)?;
            percent_off(ppm, draft.at_most_minor).map(OfferEffect::Percent)
        }
        (None, None, true) => {
            if draft.each {
                return Err(Invalid::new("each", "is true: it goes with amount_minor only"));
            }
            only_with("each", [("times_max", draft.times_max)])?;
            only_with("percent_ppm", [("at_most_minor", draft.at_most_minor)])?;
            taken(draft)
        }
        (None, None, false) => Err(Invalid::new(
            "amount_minor",
            "is missing, as are percent_ppm and gift_sku: an offer needs one of them",
        )),
        (amount, ppm, _) => {
            let given = [
                amount.map(|amount| format!("amount_minor is {amount}")),
                ppm.map(|ppm| format!("percent_ppm is {ppm}")),
                gift.then(|| format!("gift_sku is {:?}", draft.gift_sku)),
            ];
            let given: Vec<String> = given.into_iter().flatten().collect();
            let field = if amount.is_some() { "amount_minor" } else { "percent_ppm" };
            let problem = format!("must be the only effect, and {}", given.join(", "));
            Err(Invalid::new(field, problem))
        }
    }
}

fn amount_off(draft: &DraftOffer, amount_minor: i64) -> Result<OfferEffect, Invalid> {
    bounds("amount_minor", amount_minor, WORTH_MINOR_MAX)?;
    if let Some(times) = draft.times_max {
        if !draft.each {
            let problem =
                format!("is {times}, and each is not set: it limits how often each applies");
            return Err(Invalid::new("times_max", problem));
        }
        bounds("times_max", times, UNITS_MAX)?;
        let most = i128::from(amount_minor) * i128::from(times);
        if most > i128::from(WORTH_MINOR_MAX) {
            let problem = format!(
                "is {times}, which with amount_minor ({amount_minor}) takes {most} off, more than \
                 {WORTH_MINOR_MAX}"
            );
            return Err(Invalid::new("times_max", problem));
        }
    }
    let (each, times_max) = (draft.each, draft.times_max);
    Ok(OfferEffect::Amount(AmountOff { amount_minor, each, times_max }))
}

/// Checks a percentage and what it takes off at most.
pub(in crate::domain) fn percent_off(
    ppm: i64,
    at_most_minor: Option<i64>,
) -> Result<PercentOff, Invalid> {
    if !(1..=PPM_MAX).contains(&ppm) {
        let problem = format!("must be 1 to {PPM_MAX} (100 %), not {ppm}");
        return Err(Invalid::new("percent_ppm", problem));
    }
    if let Some(at_most) = at_most_minor {
        bounds("at_most_minor", at_most, WORTH_MINOR_MAX)?;
    }
    Ok(PercentOff { ppm, at_most_minor })
}

fn taken(draft: &DraftOffer) -> Result<OfferEffect, Invalid> {
    bounded_text("gift_sku", &draft.gift_sku, NAME_CHARS_MAX)?;
    let units = draft.gift_units.ok_or_else(|| Invalid::new("gift_units", "is missing"))?;
    bounds("gift_units", units, ALLOCATED_UNITS_MAX)?;
    let each_units = draft.gift_each.unwrap_or(1);
    bounds("gift_each", each_units, UNITS_MAX)?;
    if each_units > units {
        let problem = format!("is {each_units}, more than gift_units ({units})");
        return Err(Invalid::new("gift_each", problem));
    }
    let when_gone = draft.when_gone.unwrap_or_default();
    Ok(OfferEffect::Gift(Gift { sku: draft.gift_sku.clone(), units, each_units, when_gone }))
}

/// An offer without a gift says nothing about one.
fn gift_fields(draft: &DraftOffer) -> Result<(), Invalid> {
    let fields = [("gift_units", draft.gift_units), ("gift_each", draft.gift_each)];
    only_with("gift_sku", fields)?;
    match draft.when_gone {
        None => Ok(()),
        Some(when_gone) => {
            let problem = format!("is {:?}, and it is given without gift_sku", when_gone.name());
            Err(Invalid::new("when_gone", problem))
        }
    }
}

/// Checks that none of the others is given where that field is not.
pub(in crate::domain) fn only_with<const N: usize>(
    field: &str,
    others: [(&str, Option<i64>); N],
) -> Result<(), Invalid> {
    match others.into_iter().find_map(|(name, value)| Some((name, value?))) {
        None => Ok(()),
        Some((name, value)) => {
            Err(Invalid::new(name, format!("is {value}, and it is given without {field}")))
        }
    }
}

/// Checks that a number is between 1 and `max`.
pub(in crate::domain) fn bounds(field: &str, value: i64, max: i64) -> Result<(), Invalid> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("must be 1 to {max}, not {value}")))
}
