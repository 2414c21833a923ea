//! Offers on an order: the one money offer with the largest discount, and the gift from its pool.

use super::bodies::{Gift, Offer, OfferCondition, OfferEffect};

/// One whole in parts per million.
const PPM: i128 = 1_000_000;

/// Most offers of an item.
const OFFERS_MAX: usize = 10;

/// The offers in force, and the pool of every gift that was ever offered.
#[derive(Default)]
pub(super) struct Offers {
    listed: Vec<Offer>,
    pools: Vec<Pool>,
}

/// The units of a gift: held and given ones are part of `units`, the others are free.
pub(super) struct Pool {
    offer: String,
    sku: String,
    pub units: i128,
    pub held: i128,
    pub given: i128,
}

impl Pool {
    pub(super) fn free(&self) -> i128 {
        self.units - self.held - self.given
    }
}

/// An order before offers.
#[derive(Clone, Copy)]
pub(super) struct Basket {
    pub units: i64,
    pub subtotal: i128,
    pub at_ms: i64,
}

impl Offers {
    /// The window of the item was moved.
    pub(super) fn move_by(&mut self, ms: i64) {
        for offer in &mut self.listed {
            for moment in [&mut offer.from_ms, &mut offer.until_ms].into_iter().flatten() {
                *moment = moment.saturating_add(ms);
            }
        }
    }

    /// Replaces all offers. A pool of the same offer and goods keeps what is held and given.
    pub(super) fn set(&mut self, offers: Vec<Offer>) {
        for offer in &offers {
            let Some(gift) = gift(offer) else { continue };
            let units = i128::from(gift.units);
            match self.number(&offer.name, &gift.sku) {
                Some(number) => self.pools[number].units = units,
                None => self.pools.push(Pool {
                    offer: offer.name.clone(),
                    sku: gift.sku.clone(),
                    units,
                    held: 0,
                    given: 0,
                }),
            }
        }
        self.listed = offers;
    }

    /// The pool of the gift that this offer has now.
    pub(super) fn pool_of(&mut self, offer: &str) -> Option<&mut Pool> {
        let gift = self.listed.iter().filter(|listed| listed.name == offer).find_map(gift)?;
        let number = self.number(offer, &gift.sku)?;
        self.pools.get_mut(number)
    }

    /// The number of the pool of an offer and goods.
    pub(super) fn number(&self, offer: &str, sku: &str) -> Option<usize> {
        self.pools.iter().position(|pool| pool.offer == offer && pool.sku == sku)
    }

    pub(super) fn pool(&mut self, number: usize) -> Option<&mut Pool> {
        self.pools.get_mut(number)
    }

    /// The largest discount and its offer: of equal ones the first listed, none of nothing.
    pub(super) fn best(&self, basket: Basket) -> Option<(&str, i128)> {
        // Reversed: of equal keys the last one is the largest.
        let applying = self.applying(basket).rev();
        let discounts = applying.map(|offer| (offer.name.as_str(), discount(offer, basket)));
        discounts.filter(|(_, discount)| *discount > 0).max_by_key(|(_, discount)| *discount)
    }

    /// The last listed gift offer that applies, and the free units of its pool.
    pub(super) fn gift(&self, basket: Basket) -> Option<(&str, &Gift, i128)> {
        let mut applying = self.applying(basket).rev();
        let (offer, gift) = applying.find_map(|offer| Some((&offer.name, gift(offer)?)))?;
        let pool = self.number(offer, &gift.sku).and_then(|number| self.pools.get(number));
        Some((offer, gift, pool.map_or(0, Pool::free)))
    }

    fn applying(&self, basket: Basket) -> impl DoubleEndedIterator<Item = &Offer> {
        let Basket { at_ms, .. } = basket;
        self.listed.iter().filter(move |offer| {
            let begun = offer.from_ms.is_none_or(|from_ms| at_ms >= from_ms);
            let ended = offer.until_ms.is_some_and(|until_ms| at_ms >= until_ms);
            let (reached, threshold) = condition(offer, basket);
            begun && !ended && threshold > 0 && reached >= threshold
        })
    }
}

/// What an order reaches of the condition of an offer, and the condition.
fn condition(offer: &Offer, basket: Basket) -> (i128, i128) {
    match offer.condition {
        OfferCondition::FromUnits(from) => (basket.units.into(), from.into()),
        OfferCondition::FromMinor(from) => (basket.subtotal, from.into()),
    }
}

/// What an offer that applies takes off: at least 1 minor unit is left to pay.
fn discount(offer: &Offer, basket: Basket) -> i128 {
    let off = match &offer.effect {
        OfferEffect::Gift(_) => return 0,
        OfferEffect::Amount(off) => {
            let (reached, threshold) = condition(offer, basket);
            let multiples = if off.each { reached / threshold } else { 1 };
            let times = off.times_max.map_or(multiples, |most| multiples.min(most.into()));
            times * i128::from(off.amount_minor)
        }
        OfferEffect::Percent(off) => {
            let share = basket.subtotal * i128::from(off.ppm) / PPM;
            off.at_most_minor.map_or(share, |most| share.min(most.into()))
        }
    };
    off.min(basket.subtotal - 1)
}

fn gift(offer: &Offer) -> Option<&Gift> {
    match &offer.effect {
        OfferEffect::Gift(gift) => Some(gift),
        OfferEffect::Amount(_) | OfferEffect::Percent(_) => None,
    }
}

/// What is wrong with offers that were set, if anything.
pub(super) fn check(offers: &[Offer]) -> Result<(), String> {
    if offers.len() > OFFERS_MAX {
        return Err(format!("expected at most {OFFERS_MAX} offers, found {}", offers.len()));
    }
    for (index, offer) in offers.iter().enumerate() {
        let name = &offer.name;
        if offers[..index].iter().any(|other| other.name == *name) {
            return Err(format!("expected each name once, found {name:?} twice"));
        }
        let (OfferCondition::FromUnits(from) | OfferCondition::FromMinor(from)) = offer.condition;
        if from < 1 {
            return Err(format!("expected a condition of at least 1 for {name:?}, found {from}"));
        }
        let (what, value, most) = match &offer.effect {
            OfferEffect::Amount(off) => ("amount_minor", off.amount_minor, i64::MAX),
            OfferEffect::Percent(off) => ("ppm", off.ppm, 1_000_000),
            OfferEffect::Gift(gift) => ("each_units", gift.each_units, i64::MAX),
        };
        if !(1..=most).contains(&value) {
            return Err(format!("expected {what} of 1 to {most} for {name:?}, found {value}"));
        }
    }
    Ok(())
}
