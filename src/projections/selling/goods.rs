//! What an item sold by step, by time price and with each offer, folded order by order.
//!
//! It stands as JSON in the row of the item in the read model of orders, and only of items that ever
//! had a ladder of prices or offers. Orders do not repeat what they cost when they are settled, so
//! the read model hands their price in again. It is for display and never decides.

use serde::{Deserialize, Serialize};

use crate::{
    events::{
        GiftTaken, GiftUnitsSet, Offer, OfferApplied, OfferEffect, OffersSet, OrderPart,
        OrderPlaced, OrderPrice, OrderRefunded, Prices, PricesSet, ReturnedUnits,
    },
    values::UnixMs,
};

/// What an item sold at which price.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Goods {
    /// The oldest first; the last one is in force.
    pub ladders: Vec<LadderSold>,
    /// In the order in which an order first had units at that price.
    pub sold: Vec<PriceSold>,
    /// Listed ones in their order, then those that were replaced.
    pub offers: Vec<OfferSold>,
    /// Paid orders of the item and what they brought, from the first on.
    pub orders_paid: i64,
    pub revenue_minor: i64,
}

/// A ladder and the units of its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderSold {
    pub ladder: u8,
    /// Revision of the event that set it: orders with a later one are of this ladder.
    pub revision: u64,
    pub set_at_ms: UnixMs,
    pub prices: Prices,
    /// One for each step of `prices`.
    pub steps: Vec<StepSold>,
}

/// Units of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepSold {
    pub held: i64,
    pub sold: i64,
    /// Units that were ever held; never falls.
    pub taken: i64,
    /// When no unit of it was free for the first time.
    pub filled_at_ms: Option<UnixMs>,
}

/// Units at one price of one ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PriceSold {
    /// 0 before the first ladder.
    pub ladder: u8,
    /// Index of the step; absent after the last one.
    pub step: Option<u8>,
    /// Index of the time price, where it is what the units cost.
    pub time_price: Option<u8>,
    pub unit_price_minor: i64,
    /// Orders with units at this price.
    pub orders_placed: i64,
    pub units_placed: i64,
    pub units_paid: i64,
    /// What the paid units cost before offers.
    pub amount_minor: i64,
}

/// Orders with one offer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OfferSold {
    pub name: String,
    /// Whether it is in force, as far as the clock allows.
    pub listed: bool,
    pub gift_sku: Option<String>,
    /// All units of the gift: free, held and given.
    pub gift_units: i64,
    pub gift_held: i64,
    pub gift_given: i64,
    /// Orders that would have had the gift and came after its last unit.
    pub gift_gone: i64,
    pub orders_placed: i64,
    pub orders_paid: i64,
    /// What it took off paid orders, and what these brought.
    pub discount_minor: i64,
    pub revenue_minor: i64,
}

/// What a new order costs and why, as its event or its row says it.
#[derive(Debug, Clone, Copy)]
pub struct NewPrice<'a> {
    unit_price_minor: i64,
    parts: &'a [OrderPart],
    offer: Option<&'a OfferApplied>,
    gift: Option<&'a GiftTaken>,
    gift_gone: Option<&'a str>,
}

impl<'a> From<&'a OrderPlaced> for NewPrice<'a> {
    fn from(placed: &'a OrderPlaced) -> Self {
        Self {
            unit_price_minor: placed.unit_price_minor,
            parts: &placed.parts,
            offer: placed.offer.as_ref(),
            gift: placed.gift.as_deref(),
            gift_gone: placed.gift_gone.as_deref(),
        }
    }
}

impl<'a> From<&'a OrderPrice> for NewPrice<'a> {
    fn from(price: &'a OrderPrice) -> Self {
        Self {
            unit_price_minor: price.unit_price_minor,
            parts: &price.parts,
            offer: price.offer.as_ref(),
            gift: price.gift.as_ref(),
            gift_gone: price.gift_gone.as_deref(),
        }
    }
}

/// What becomes of an order that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Paid,
    Released,
}

impl LadderSold {
    /// Units of a step that the next orders get.
    pub fn free(&self, step: usize) -> i64 {
        let units = self.prices.steps.get(step).map_or(0, |step| step.units);
        let sold = self.steps.get(step).copied().unwrap_or_default();
        match self.prices.returned_units {
            ReturnedUnits::SamePrice => units - sold.held - sold.sold,
            ReturnedUnits::NextPrice => units - sold.taken,
        }
    }

    /// What the next unit costs at that moment, and how many units its step has left; `None` after
    /// the last step.
    pub fn next_unit(&self, now: UnixMs) -> (i64, Option<i64>) {
        let mut steps = self.prices.steps.iter().enumerate();
        let step = steps.find(|(index, _)| self.free(*index) > 0);
        let price = step.map_or(self.prices.unit_price_minor, |(_, step)| step.unit_price_minor);
        (self.in_force(price, now), step.map(|(index, _)| self.free(index)))
    }

    /// What the next units cost together at that moment.
    pub fn worth_of_next(&self, units: i64, now: UnixMs) -> i128 {
        let (mut left, mut worth) = (units, 0);
        let mut take = |units: i64, unit_price_minor: i64| {
            worth += i128::from(units) * i128::from(self.in_force(unit_price_minor, now));
        };
        for (index, step) in self.prices.steps.iter().enumerate() {
            let taken = left.min(self.free(index));
            take(taken, step.unit_price_minor);
            left -= taken;
        }
        take(left, self.prices.unit_price_minor);
        worth
    }

    /// A price of the ladder, or the time price in force if that is lower.
    fn in_force(&self, unit_price_minor: i64, now: UnixMs) -> i64 {
        let mut at = self.prices.time_prices.iter();
        let at = at.find(|at| at.from_ms <= now && now < at.until_ms);
        at.map_or(unit_price_minor, |at| unit_price_minor.min(at.unit_price_minor))
    }

    /// The counts of the step of a part.
    pub fn step_of(&mut self, part: &OrderPart) -> Option<&mut StepSold> {
        self.steps.get_mut(usize::from(part.step?))
    }
}

impl OfferSold {
    /// Units of the gift that are left.
    pub fn gift_left(&self) -> i64 {
        self.gift_units - self.gift_held - self.gift_given
    }
}

impl Goods {
    /// The ladder in force.
    pub fn ladder(&self) -> Option<&LadderSold> {
        self.ladders.last()
    }

    pub fn set_prices(&mut self, event: &PricesSet, revision: u64) {
        let steps = vec![StepSold::default(); event.prices.steps.len()];
        let (ladder, prices, set_at_ms) = (event.ladder, event.prices.clone(), event.set_at_ms);
        self.ladders.push(LadderSold { ladder, revision, set_at_ms, prices, steps });
    }

    /// The window of the item was moved, and the time prices in force with it.
    pub fn move_by(&mut self, ms: i64) {
        if let Some(ladder) = self.ladders.last_mut() {
            ladder.prices.move_by(ms);
        }
    }

    /// A gift that an earlier offer of the same name had keeps what is held and given.
    pub fn set_offers(&mut self, event: &OffersSet) {
        let mut replaced = std::mem::take(&mut self.offers);
        for offer in &event.offers {
            let known = replaced.iter().position(|known| known.name == offer.name);
            let known = known.map(|place| replaced.remove(place)).unwrap_or_default();
            self.offers.push(listed(known, offer));
        }
        replaced.iter_mut().for_each(|offer| offer.listed = false);
        self.offers.append(&mut replaced);
    }

    pub fn set_gift_units(&mut self, event: &GiftUnitsSet) {
        if let Some(offer) = self.offer(&event.offer) {
            offer.gift_units = event.units;
        }
    }

    /// An order is placed at that revision.
    pub fn placed(&mut self, units: i64, price: &NewPrice<'_>, revision: u64, at: UnixMs) {
        let NewPrice { unit_price_minor, .. } = *price;
        let whole = [OrderPart { step: None, time_price: None, units, unit_price_minor }];
        for part in if price.parts.is_empty() { &whole } else { price.parts } {
            let sold = self.price(part, revision);
            sold.orders_placed += 1;
            sold.units_placed += part.units;
            let Some(ladder) = self.ladder_at(revision) else { continue };
            let Some(step) = part.step.map(usize::from) else { continue };
            let Some(counts) = ladder.steps.get_mut(step) else { continue };
            counts.held += part.units;
            counts.taken += part.units;
            if ladder.free(step) <= 0 {
                ladder.steps[step].filled_at_ms.get_or_insert(at);
            }
        }
        if let Some(applied) = price.offer
            && let Some(offer) = self.offer(&applied.name)
        {
            offer.orders_placed += 1;
        }
        if let Some(gift) = price.gift
            && let Some(offer) = self.offer(&gift.offer)
        {
            offer.orders_placed += 1;
            offer.gift_held += gift.units;
        }
        if let Some(name) = price.gift_gone
            && let Some(offer) = self.offer(name)
        {
            offer.gift_gone += 1;
        }
    }

    /// An offer applies to an order in place of its coupon.
    pub fn offered(&mut self, name: &str) {
        if let Some(offer) = self.offer(name) {
            offer.orders_placed += 1;
        }
    }

    /// An order that was placed at that revision is paid, or gives its units back.
    pub fn settled(&mut self, units: i64, price: &OrderPrice, revision: u64, settled: Settled) {
        let paid = settled == Settled::Paid;
        for part in price.parts_of(units) {
            if paid {
                let sold = self.price(&part, revision);
                sold.units_paid += part.units;
                sold.amount_minor = sold.amount_minor.saturating_add(part.total_minor());
            }
            if let Some(counts) = self.step_at(&part, revision) {
                counts.held -= part.units;
                counts.sold += if paid { part.units } else { 0 };
            }
        }
        if let Some(gift) = &price.gift
            && let Some(offer) = self.offer(&gift.offer)
        {
            offer.gift_held -= gift.units;
            offer.gift_given += if paid { gift.units } else { 0 };
        }
        if !paid {
            return;
        }
        self.orders_paid += 1;
        self.revenue_minor = self.revenue_minor.saturating_add(price.total_minor);
        let money = price.offer.as_ref().map(|offer| (&*offer.name, offer.discount_minor));
        let gift = price.gift.as_ref().map(|gift| (gift.offer.as_str(), 0));
        for (name, discount_minor) in money.into_iter().chain(gift) {
            if let Some(offer) = self.offer(name) {
                offer.orders_paid += 1;
                offer.discount_minor = offer.discount_minor.saturating_add(discount_minor);
                offer.revenue_minor = offer.revenue_minor.saturating_add(price.total_minor);
            }
        }
    }

    /// Units of an order that expired are held again.
    pub fn reinstated(&mut self, parts: &[OrderPart], revision: u64) {
        for part in parts {
            if let Some(counts) = self.step_at(part, revision) {
                counts.held += part.units;
            }
        }
    }

    /// Units of an order that was placed at that revision and paid come back.
    pub fn refunded(&mut self, event: &OrderRefunded, price: &OrderPrice, revision: u64) {
        let whole = OrderPrice { parts: event.parts.clone(), ..price.clone() };
        for part in whole.parts_of(event.units) {
            if event.restocked
                && let Some(counts) = self.step_at(&part, revision)
            {
                counts.sold -= part.units;
            }
            let sold = self.price(&part, revision);
            sold.units_paid -= part.units;
            sold.amount_minor = sold.amount_minor.saturating_sub(part.total_minor());
        }
        self.revenue_minor = self.revenue_minor.saturating_sub(event.amount_minor);
        let money = price.offer.as_ref().map(|offer| &*offer.name);
        let gift = price.gift.as_ref().map(|gift| gift.offer.as_str());
        for name in money.into_iter().chain(gift) {
            if let Some(offer) = self.offer(name) {
                offer.revenue_minor = offer.revenue_minor.saturating_sub(event.amount_minor);
            }
        }
    }

    /// Units of a paid order without parts came back before there was a ladder.
    pub fn refunded_before(&mut self, units: i64, amount_minor: i64, price: &OrderPrice) {
        for part in price.parts_of(units) {
            let sold = self.price(&part, 0);
            sold.units_paid -= part.units;
            sold.amount_minor = sold.amount_minor.saturating_sub(part.total_minor());
        }
        self.revenue_minor = self.revenue_minor.saturating_sub(amount_minor);
    }

    /// The counts of the step of a part.
    fn step_at(&mut self, part: &OrderPart, revision: u64) -> Option<&mut StepSold> {
        self.ladder_at(revision)?.step_of(part)
    }

    /// The ladder of orders that were placed at that revision.
    fn ladder_at(&mut self, revision: u64) -> Option<&mut LadderSold> {
        self.ladders.iter_mut().rev().find(|ladder| ladder.revision < revision)
    }

    fn price(&mut self, part: &OrderPart, revision: u64) -> &mut PriceSold {
        let ladder = self.ladder_at(revision).map_or(0, |ladder| ladder.ladder);
        let OrderPart { step, time_price, unit_price_minor, .. } = *part;
        let same = |sold: &PriceSold| {
            (sold.ladder, sold.step, sold.time_price, sold.unit_price_minor)
                == (ladder, step, time_price, unit_price_minor)
        };
        // Units that are sold at a price follow those at the one before it, which stands before it here.
        let place = self.sold.iter().rposition(same).unwrap_or(self.sold.len());
        if place == self.sold.len() {
            let new =
                PriceSold { ladder, step, time_price, unit_price_minor, ..Default::default() };
            self.sold.push(new);
        }
        &mut self.sold[place]
    }

    fn offer(&mut self, name: &str) -> Option<&mut OfferSold> {
        self.offers.iter_mut().find(|offer| offer.name == name)
    }
}

fn listed(known: OfferSold, offer: &Offer) -> OfferSold {
    let (gift_sku, gift_units) = match &offer.effect {
        OfferEffect::Gift(gift) => (Some(gift.sku.clone()), gift.units),
        OfferEffect::Amount(_) | OfferEffect::Percent(_) => (None, known.gift_units),
    };
    OfferSold { name: offer.name.clone(), listed: true, gift_sku, gift_units, ..known }
}
