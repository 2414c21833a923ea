//! The offers in force, and the pools of their gifts.

use serde::{Deserialize, Serialize};

use super::{GiftGone, TOTAL_MINOR_MIN};
use crate::{
    events::{
        AmountOff, CouponDiscount, Gift, GiftTaken, Offer, OfferApplied, OfferCondition,
        OfferEffect, PercentOff,
    },
    values::UnixMs,
};

/// One whole in parts per million.
const PPM: i64 = 1_000_000;

/// The offers of an item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Offers {
    listed: Vec<Offer>,
    /// Pools of every gift that was ever offered: orders of earlier offers still hold units of them.
    pools: Vec<Pool>,
}

/// The units of a gift. Each of them is free, held or given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Name of the offer.
    pub offer: String,
    pub sku: String,
    pub units: i64,
    pub held: i64,
    pub given: i64,
}

impl Pool {
    /// Units that can be given away.
    pub fn free(&self) -> i64 {
        self.units - self.held - self.given
    }
}

impl Offers {
    /// The offers in force, as they were listed.
    pub fn listed(&self) -> &[Offer] {
        &self.listed
    }

    /// Pools of every gift that was ever offered.
    pub fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// The pool of a gift.
    pub fn pool(&self, offer: &str, sku: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.offer == offer && pool.sku == sku)
    }

    /// The pool of the gift that this offer has at present.
    pub fn pool_of(&self, offer: &str) -> Option<&Pool> {
        let gifts = self.listed.iter().filter(|listed| listed.name == offer);
        gifts.filter_map(gift_of).find_map(|gift| self.pool(offer, &gift.sku))
    }

    /// Replaces the offers. The pool of a gift that was offered before under the same name keeps what
    /// is held and given, and gets the new number of units.
    pub fn set(&mut self, offers: Vec<Offer>) {
        for offer in &offers {
            let Some(gift) = gift_of(offer) else { continue };
            match self.pool_mut(&offer.name, &gift.sku) {
                Some(pool) => pool.units = gift.units,
                None => self.pools.push(Pool {
                    offer: offer.name.clone(),
                    sku: gift.sku.clone(),
                    units: gift.units,
                    held: 0,
                    given: 0,
                }),
            }
        }
        self.listed = offers;
    }

    /// The offers in force move with the window of the item.
    pub fn move_by(&mut self, ms: i64) {
        self.listed.iter_mut().for_each(|offer| offer.move_by(ms));
    }

    /// Gives the pool of an offer's gift another number of units.
    pub fn set_gift_units(&mut self, offer: &str, units: i64) {
        let listed = self.listed.iter_mut().find(|listed| listed.name == offer);
        let Some(OfferEffect::Gift(gift)) = listed.map(|listed| &mut listed.effect) else { return };
        gift.units = units;
        let sku = gift.sku.clone();
        if let Some(pool) = self.pool_mut(offer, &sku) {
            pool.units = units;
        }
    }

    fn pool_mut(&mut self, offer: &str, sku: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| pool.offer == offer && pool.sku == sku)
    }

    /// The money offer with the largest discount; the first listed of equals.
    pub fn best(&self, units: i64, subtotal: i64, now: UnixMs) -> Option<OfferApplied> {
        let mut best: Option<(&Offer, i64)> = None;
        for offer in self.applying(units, subtotal, now) {
            let discount = discount(offer, units, subtotal);
            if discount > best.map_or(0, |(_, most)| most) {
                best = Some((offer, discount));
            }
        }
        best.map(|(offer, discount_minor)| OfferApplied {
            name: offer.name.as_str().into(),
            discount_minor,
        })
    }

    /// The gift of the last listed gift offer that applies, or that it is used up.
    pub(super) fn gift(
        &self,
        units: i64,
        subtotal: i64,
        now: UnixMs,
    ) -> Option<Result<GiftTaken, GiftGone>> {
        // Each gift that is listed has a pool.
        if self.pools.is_empty() {
            return None;
        }
        let gifts = self.applying(units, subtotal, now);
        let (offer, gift) = gifts.filter_map(|offer| Some((offer, gift_of(offer)?))).last()?;
        let free = self.pool(&offer.name, &gift.sku).map_or(0, Pool::free);
        let name = offer.name.clone();
        Some(if free < gift.each_units {
            Err(GiftGone { offer: name, when_gone: gift.when_gone })
        } else {
            Ok(GiftTaken { offer: name, sku: gift.sku.clone(), units: gift.each_units })
        })
    }

    fn applying(&self, units: i64, subtotal: i64, now: UnixMs) -> impl Iterator<Item = &Offer> {
        self.listed.iter().filter(move |offer| {
            offer.from_ms.is_none_or(|from| from <= now)
                && offer.until_ms.is_none_or(|until| now < until)
                && times(offer.condition, units, subtotal) > 0
        })
    }

    /// When an offer begins or ends next.
    pub(super) fn changes_after(&self, now: UnixMs) -> Option<UnixMs> {
        let moments = self.listed.iter().flat_map(|offer| [offer.from_ms, offer.until_ms]);
        moments.flatten().filter(|&at| at > now).min()
    }

    /// Units of a gift are held with an order.
    ///
    /// # Errors
    /// When fewer are free.
    pub fn hold(&mut self, taken: &GiftTaken) -> Result<(), ImpossibleGift> {
        let pool = self.at(taken, Pool::free)?;
        pool.held += taken.units;
        Ok(())
    }

    /// The gift of a paid order is given.
    ///
    /// # Errors
    /// When fewer are held.
    pub fn give(&mut self, taken: &GiftTaken) -> Result<(), ImpossibleGift> {
        let pool = self.at(taken, |pool| pool.held)?;
        pool.held -= taken.units;
        pool.given += taken.units;
        Ok(())
    }

    /// The gift of an order that ended unpaid is free again.
    ///
    /// # Errors
    /// When fewer are held.
    pub fn release(&mut self, taken: &GiftTaken) -> Result<(), ImpossibleGift> {
        self.at(taken, |pool| pool.held)?.held -= taken.units;
        Ok(())
    }

    fn at(
        &mut self,
        taken: &GiftTaken,
        most: impl FnOnce(&Pool) -> i64,
    ) -> Result<&mut Pool, ImpossibleGift> {
        let impossible = || ImpossibleGift { offer: taken.offer.clone(), units: taken.units };
        let pool = self.pool_mut(&taken.offer, &taken.sku).ok_or_else(impossible)?;
        if (0..=most(pool)).contains(&taken.units) { Ok(pool) } else { Err(impossible()) }
    }
}

/// An order that contradicts the pool of its gift.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the gift of offer {offer} does not have {units} units to move")]
pub struct ImpossibleGift {
    pub offer: String,
    pub units: i64,
}

/// How often an order meets a condition.
fn times(condition: OfferCondition, units: i64, subtotal: i64) -> i64 {
    // Thresholds are at least 1, or they were not written by us and are never met.
    match condition {
        OfferCondition::FromUnits(from) => units.checked_div(from).unwrap_or(0),
        OfferCondition::FromMinor(from) => subtotal.checked_div(from).unwrap_or(0),
    }
}

/// What an offer that applies takes off: never all of it.
fn discount(offer: &Offer, units: i64, subtotal: i64) -> i64 {
    let off = match &offer.effect {
        OfferEffect::Amount(AmountOff { amount_minor, each, times_max }) => {
            let times = if *each { times(offer.condition, units, subtotal) } else { 1 };
            let times = times_max.map_or(times, |max| times.min(max));
            i128::from(*amount_minor) * i128::from(times)
        }
        OfferEffect::Percent(percent) => share(percent, subtotal),
        OfferEffect::Gift(_) => 0,
    };
    not_all(off, subtotal)
}

/// What a coupon takes off a total: never all of it.
pub fn coupon_discount(discount: CouponDiscount, total: i64) -> i64 {
    let off = match discount {
        CouponDiscount::AmountMinor(amount) => i128::from(amount),
        CouponDiscount::Percent(percent) => share(&percent, total),
    };
    not_all(off, total)
}

fn share(PercentOff { ppm, at_most_minor }: &PercentOff, of: i64) -> i128 {
    // Most products fit, and narrow numbers are divided many times faster.
    let share = match of.checked_mul(*ppm) {
        Some(product) => i128::from(product / PPM),
        None => i128::from(of) * i128::from(*ppm) / i128::from(PPM),
    };
    at_most_minor.map_or(share, |most| share.min(i128::from(most)))
}

/// So much off an amount, of which the smallest amount to pay is left.
fn not_all(off: i128, amount: i64) -> i64 {
    let most = i128::from(amount) - i128::from(TOTAL_MINOR_MIN);
    // Between 0 and the amount, which fits.
    i64::try_from(off.clamp(0, most.max(0))).unwrap_or(0)
}

fn gift_of(offer: &Offer) -> Option<&Gift> {
    match &offer.effect {
        OfferEffect::Gift(gift) => Some(gift),
        OfferEffect::Amount(_) | OfferEffect::Percent(_) => None,
    }
}
