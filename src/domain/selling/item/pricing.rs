//! What orders of the item cost, and how they move the units of its steps and gifts.

use super::{PlaceMore, QuoteView, Refusal, orders::Terms, state::Item};
use crate::{
    domain::{
        Impossible,
        price::{ImpossibleStep, Ladder, Pricing, Quote},
    },
    events::{
        ItemAdded, OrderParts, OrderPlaced, OrderPrice, OrderRefunded, OrderReinstated, OrderState,
    },
    values::{OrderId, UnixMs},
};

/// What becomes of the units of a step when a hold ends.
type Settle = fn(&mut Ladder, u8, i64) -> Result<(), ImpossibleStep>;

/// What an order costs, as its event says it.
#[derive(Debug, Default)]
pub(super) struct Priced {
    pub unit_price_minor: i64,
    pub terms: Terms,
    /// Absent where it is units times price.
    pub total_minor: Option<i64>,
}

impl Item {
    /// The price of a unit after the last step.
    pub(super) fn base_price(&self, offer: &ItemAdded) -> i64 {
        let ladder = self.ladder.as_ref();
        ladder.map_or(offer.unit_price_minor, |ladder| ladder.prices().unit_price_minor)
    }

    /// What an order costs and why; `None` where there is no such order.
    pub fn order_price(&self, order: OrderId) -> Option<OrderPrice> {
        let row = self.orders.find(order)?;
        let Terms { parts: _, offer, gift, gift_gone } =
            self.orders.terms(row).cloned().unwrap_or_default();
        Some(OrderPrice {
            unit_price_minor: self.orders.unit_price_minor(row),
            parts: self.orders.parts(row).to_vec(),
            offer,
            coupon: self.orders.awaited(row).and_then(|awaited| awaited.taken()),
            gift,
            gift_gone,
            total_minor: self.orders.row(row).total_minor,
        })
    }

    /// The number of the ladder that would follow.
    pub(super) fn next_ladder(&self) -> u8 {
        // `bounds::prices` refuses one beyond the last number.
        self.ladder.as_ref().map_or(0, |ladder| ladder.number()).saturating_add(1)
    }

    /// What an order of so many units would cost.
    pub(super) fn quote(&self, offer: &ItemAdded, units: i64, now: UnixMs) -> Quote {
        let pricing = Pricing {
            unit_price_minor: offer.unit_price_minor,
            ladder: self.ladder.as_deref(),
            offers: self.offers.as_deref(),
        };
        pricing.quote(units, now)
    }

    /// The same as it is shown.
    pub(super) fn quote_view(&self, offer: &ItemAdded, units: i64, now: UnixMs) -> QuoteView {
        QuoteView { quote: self.quote(offer, units, now), currency: offer.currency }
    }

    /// Prices an order that nothing else is in the way of.
    ///
    /// # Errors
    /// The fact in the way, with what the order would cost where that is the fact.
    pub(super) fn priced(
        &self,
        offer: &ItemAdded,
        units: i64,
        more: Option<&PlaceMore>,
        now: UnixMs,
    ) -> Result<Priced, (Refusal, Option<Box<QuoteView>>)> {
        if self.ladder.is_none() && self.offers.is_none() && more.is_none() {
            let unit_price_minor = offer.unit_price_minor;
            return Ok(Priced { unit_price_minor, ..Priced::default() });
        }
        let coupon = more.and_then(|more| more.coupon.as_ref());
        let mut quote = self.quote(offer, units, now);
        if coupon.is_some_and(|asked| asked.skip_offers) {
            quote.skip_offer();
        }
        if quote.is_refused_without_gift() {
            return Err((Refusal::GiftGone, None));
        }
        // With a coupon it is compared with what the order costs once the coupon is decided.
        let most = more.and_then(|more| more.max_total_minor).filter(|_| coupon.is_none());
        if most.is_some_and(|most| quote.total_minor > most) {
            let quote = QuoteView { quote, currency: offer.currency };
            return Err((Refusal::PriceChanged, Some(Box::new(quote))));
        }
        let unit_price_minor = quote.parts.first().map_or(0, |part| part.unit_price_minor);
        let parts = if self.ladder.is_some() { quote.parts } else { OrderParts::default() };
        let plain = parts.is_empty() && quote.offer.is_none();
        Ok(Priced {
            unit_price_minor,
            total_minor: (!plain).then_some(quote.total_minor),
            terms: Terms {
                parts,
                offer: quote.offer,
                gift: quote.gift,
                gift_gone: quote.gift_gone.map(|gone| gone.offer),
            },
        })
    }

    /// Holds the units of steps and the gift of a new order; gives the number of its ladder.
    pub(super) fn hold_terms(&mut self, placed: &OrderPlaced) -> Result<u8, Impossible> {
        let mut number = 0;
        if !placed.parts.is_empty() {
            let units: i64 = placed.parts.iter().map(|part| part.units).sum();
            if units != placed.units {
                let why = "has other units than its parts";
                return Err(Impossible::Order(placed.order_id, why));
            }
            let none = ImpossibleStep { ladder: 0, step: 0, units };
            let ladder = self.ladder.as_deref_mut().ok_or(none)?;
            for part in placed.parts.iter() {
                if let Some(step) = part.step {
                    ladder.hold(step, part.units)?;
                }
            }
            number = ladder.number();
        }
        if let Some(gift) = &placed.gift {
            self.offers.get_or_insert_default().hold(gift)?;
        }
        Ok(number)
    }

    /// Sells or frees the units of steps and the gift of an order whose hold ends.
    pub(super) fn settle_terms(&mut self, order: u32, state: OrderState) -> Result<(), Impossible> {
        let row = self.orders.row(order);
        let paid = state == OrderState::Paid;
        // An order of an earlier ladder gives nothing back to the steps of this one.
        if let Some(ladder) = self.ladder.as_deref_mut()
            && row.ladder == ladder.number()
        {
            let settle: Settle = if paid { Ladder::sell } else { Ladder::release };
            for part in self.orders.parts(order) {
                if let Some(step) = part.step {
                    settle(ladder, step, part.units)?;
                }
            }
        }
        let gift = self.orders.terms(order).and_then(|terms| terms.gift.as_ref());
        if let (Some(gift), Some(offers)) = (gift, self.offers.as_deref_mut()) {
            if paid {
                offers.give(gift)?
            } else {
                offers.release(gift)?
            };
        }
        Ok(())
    }

    /// Holds the units of an order again that expired.
    pub(super) fn reinstate(
        &mut self,
        order: u32,
        event: &OrderReinstated,
    ) -> Result<(), Impossible> {
        let row = self.orders.row(order);
        let drawn: i64 = event.warehouses.iter().map(|at| at.units).sum();
        if drawn != i64::from(row.units) || event.parts != self.orders.parts(order) {
            let why = "comes back with other units than it was placed with";
            return Err(Impossible::Order(event.order_id, why));
        }
        if let Some(ladder) = self.ladder.as_deref_mut()
            && row.ladder == ladder.number()
        {
            for part in &event.parts {
                if let Some(step) = part.step {
                    ladder.hold_again(step, part.units)?;
                }
            }
        }
        let warehouse = |name: &str| self.stock.index(name);
        self.orders.reinstate(order, &event.warehouses, warehouse);
        Ok(())
    }

    /// Takes units of a paid order back.
    pub(super) fn refund(&mut self, order: u32, event: &OrderRefunded) -> Result<(), Impossible> {
        let back = self.units_back(order, event.units);
        let OrderRefunded { units_left, amount_minor, warehouses, parts, .. } = event;
        let told = (*units_left, *amount_minor, warehouses, parts);
        if event.units < 1
            || back.units_left < 0
            || told != (back.units_left, back.amount_minor, &back.warehouses, &back.parts)
        {
            let why = "does not get back what it was paid for";
            return Err(Impossible::Order(event.order_id, why));
        }
        if let Some(ladder) = self.ladder.as_deref_mut()
            && event.restocked
            && self.orders.row(order).ladder == ladder.number()
        {
            for part in parts {
                if let Some(step) = part.step {
                    ladder.restock(step, part.units)?;
                }
            }
        }
        self.orders.refund(order, event.units, event.amount_minor);
        Ok(())
    }
}
