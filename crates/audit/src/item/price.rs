//! What an order costs and what comes with it: parts, offer, gift and total, computed anew.

use super::{ItemBook, Say, goods::differ};
use crate::{
    audience,
    auditor::Event,
    bodies::{OrderPlaced, WarehouseUnits, WhenGone},
    ladder::Parts,
    offers::Basket,
    orders::{Priced, State},
    stock::Part,
    traffic,
};

impl ItemBook {
    /// Whether an order has anything that an order of a plain item does not have.
    pub(super) fn mark_plain(&mut self, placed: &OrderPlaced<'_>) {
        self.goods.plain &= placed.parts.is_empty()
            && placed.offer.is_none()
            && placed.gift.is_none()
            && placed.gift_gone.is_none()
            && placed.total_minor.is_none()
            && placed.region.is_empty()
            && placed.awaits.is_empty()
            && placed.coupon.is_none()
            && placed.shopper.is_none();
    }

    /// Whether the shopper of an order may buy.
    pub(super) fn check_audience(&self, placed: &OrderPlaced<'_>, say: Say<'_>) {
        if let Some(shopper) = &placed.shopper {
            let unknown = traffic::unknown_attribute(
                shopper.age_band.as_deref(),
                shopper.gender.as_deref(),
                shopper.spending_tier.as_deref(),
            );
            if let Some(unknown) = unknown {
                differ("shopper", "attributes of known names", unknown, say);
            }
        }
        let Some(audience) = &self.goods.audience else { return };
        let nobody = Default::default();
        if let Err(wrong) = audience::check(audience, placed.shopper.as_ref().unwrap_or(&nobody)) {
            say(format!("audience: {wrong}"));
        }
    }

    /// Computes the price of an order and compares it. Gives what the order says of it, where that is
    /// not units times price.
    pub(super) fn check_price(
        &mut self,
        event: &Event<'_>,
        placed: &OrderPlaced<'_>,
        say: Say<'_>,
    ) -> Option<Priced> {
        let at_ms = event.judged_at(placed.placed_at_ms);
        let base = self.offer.as_ref().map_or(0, |offer| offer.unit_price_minor);
        let ladder = self.goods.ladder.as_ref();
        let parts = ladder.map_or_else(Vec::new, |ladder| ladder.parts(placed.units, at_ms));
        let (unit_price, subtotal) = match parts.first() {
            Some(first) => (first.unit_price_minor, Parts(&parts).subtotal()),
            None => (base, i128::from(base) * i128::from(placed.units)),
        };
        if placed.parts != parts {
            differ("parts", Parts(&parts), Parts(&placed.parts), say);
        }
        if placed.unit_price_minor != unit_price {
            let wrong = placed.unit_price_minor;
            say(format!("the order's unit price is {wrong}, but the item's is {unit_price}"));
        }
        let basket = Basket { units: placed.units, subtotal, at_ms };
        let discount = self.check_offer(placed, basket, say);
        self.check_gift(placed, basket, say);
        let plain_total = i128::from(placed.unit_price_minor) * i128::from(placed.units);
        let total = placed.total_minor.map_or(plain_total, i128::from);
        if total != subtotal - discount {
            let expected = format!("{subtotal} - {discount} = {}", subtotal - discount);
            differ("total", expected, total, say);
        }
        if total < 1 {
            differ("total", "at least 1", total, say);
        }
        if placed.parts.is_empty()
            && placed.offer.is_none()
            && placed.gift.is_none()
            && placed.total_minor.is_none()
        {
            return None;
        }
        let offers = &self.goods.offers;
        let gift = placed.gift.as_ref();
        Some(Priced {
            ladder: ladder.map_or(0, |ladder| ladder.number),
            parts: placed.parts.as_slice().into(),
            discount_minor: placed.offer.as_ref().map_or(0, |offer| offer.discount_minor.into()),
            total_minor: total,
            gift: gift.and_then(|gift| Some((offers.number(&gift.offer, &gift.sku)?, gift.units))),
        })
    }

    /// Compares the offer of an order with the largest one. Gives the discount it should have.
    fn check_offer(&self, placed: &OrderPlaced<'_>, basket: Basket, say: Say<'_>) -> i128 {
        let skips = placed.coupon.as_ref().is_some_and(|asked| asked.skip_offers);
        let due = if skips { None } else { self.goods.offers.best(basket) };
        let told = placed.offer.as_ref();
        let told = told.map(|offer| (offer.name.as_ref(), i128::from(offer.discount_minor)));
        if due != told {
            let text = |offer: Option<(&str, i128)>| match offer {
                Some((name, discount)) => format!("{discount} off by {name:?}"),
                None => "none".to_owned(),
            };
            differ("offer", text(due), text(told), say);
        }
        due.map_or(0, |(_, discount)| discount)
    }

    /// Compares the gift of an order with the one that its offers and their pools give.
    fn check_gift(&self, placed: &OrderPlaced<'_>, basket: Basket, say: Say<'_>) {
        let due = self.goods.offers.gift(basket);
        let (given, gone) = match due {
            Some((offer, gift, free)) if free >= i128::from(gift.each_units) => {
                (Some((offer, gift.sku.as_str(), gift.each_units)), None)
            }
            Some((offer, gift, free)) => {
                if gift.when_gone == WhenGone::Refuse {
                    let found = format!("an order with {free} free units in offer {offer:?}");
                    differ("gift", "a refusal", found, say);
                }
                (None, Some(offer))
            }
            None => (None, None),
        };
        let told = placed.gift.as_ref();
        let told = told.map(|gift| (gift.offer.as_ref(), gift.sku.as_ref(), gift.units));
        if given != told {
            let text = |gift: Option<(&str, &str, i64)>| match gift {
                Some((offer, sku, units)) => format!("{units} of {sku:?} by {offer:?}"),
                None => "none".to_owned(),
            };
            differ("gift", text(given), text(told), say);
        }
        let told = placed.gift_gone.as_deref();
        if gone != told {
            differ("gift that is gone", gone.unwrap_or("none"), told.unwrap_or("none"), say);
        }
    }

    /// Counts an order that was placed on its steps and its gift.
    pub(super) fn take_goods(&mut self, priced: &Priced) {
        if let Some(ladder) = &mut self.goods.ladder {
            ladder.take(&priced.parts);
        }
        if let Some((pool, units)) = priced.gift
            && let Some(pool) = self.goods.offers.pool(pool)
        {
            pool.held += i128::from(units);
        }
    }

    /// Counts an order that ended on its steps and its gift.
    pub(super) fn settle_goods(&mut self, row: u32, state: State) {
        let Some(priced) = self.orders.priced(row) else { return };
        let ladder = self.goods.ladder.as_mut().filter(|ladder| ladder.number == priced.ladder);
        if let Some(ladder) = ladder.filter(|_| state != State::Paid) {
            ladder.give_back(&priced.parts);
        }
        if let Some((pool, units)) = priced.gift
            && let Some(pool) = self.goods.offers.pool(pool)
        {
            pool.held -= i128::from(units);
            if state == State::Paid {
                pool.given += i128::from(units);
            }
        }
    }

    /// Compares the warehouses of an order with those that its region and the item's draw choose.
    pub(super) fn check_choice(
        &mut self,
        (units, region): (i64, &str),
        warehouses: &[WarehouseUnits<'_>],
        say: Say<'_>,
    ) {
        if self.goods.plain {
            return;
        }
        let mut regions = self.goods.regions.iter();
        let region = regions.find(|known| known.name == region);
        // Where there are not enough units, the count of the stock says so.
        let Some(due) = self.stock.choice(units, region, self.goods.draw) else { return };
        self.check_warehouses("choice of warehouses", &due, warehouses, say);
    }

    /// Compares warehouses and units with those that are due.
    pub(super) fn check_warehouses(
        &mut self,
        rule: &str,
        due: &[Part],
        told: &[WarehouseUnits<'_>],
        say: Say<'_>,
    ) {
        let told = self.stock.parts(told);
        if due != told {
            let text = |parts: &[Part]| {
                let named = parts.iter();
                let named = named
                    .map(|(number, units)| format!("{units} of {:?}", self.stock.name(*number)));
                named.collect::<Vec<_>>().join(" + ")
            };
            differ(rule, text(due), text(&told), say);
        }
    }
}
