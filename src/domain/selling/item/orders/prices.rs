//! What an order costs, part by part, out of its row and its terms.

use super::{
    Orders, Row,
    terms::{NONE, Terms},
};
use crate::events::{OfferApplied, OrderPart};

impl Row {
    fn whole_price(&self, discount_minor: i64) -> i64 {
        let subtotal = self.total_minor.saturating_add(discount_minor);
        subtotal.checked_div(i64::from(self.units)).unwrap_or(0)
    }
}

impl Orders {
    /// Another offer applies, and another total is to be paid.
    pub fn reprice_with(&mut self, order: u32, offer: Option<OfferApplied>, total_minor: i64) {
        if let Some(offer) = offer {
            let parts = self.parts(order);
            let terms = self.terms.entry(order).or_insert(Terms { parts, ..Terms::default() });
            terms.offer = Some(offer);
        }
        self.reprice(order, total_minor);
    }

    /// What the coupon of the order takes off.
    fn coupon_minor(&self, order: u32) -> i64 {
        let taken = self.awaited(order).and_then(|awaited| awaited.taken);
        taken.map_or(0, |taken| taken.discount_minor)
    }

    /// The terms of an order that are not in its row.
    pub fn terms(&self, order: u32) -> Option<&Terms> {
        if self.terms.is_empty() {
            return None;
        }
        self.terms.get(&order)
    }

    /// Units by price; empty where the item had no ladder when the order was placed.
    pub fn parts(&self, order: u32) -> Vec<OrderPart> {
        if let Some(terms) = self.terms(order) {
            return terms.parts.clone();
        }
        let row = self.row(order);
        if row.ladder == 0 {
            return Vec::new();
        }
        let [step, time_price] =
            [row.part.step, row.part.time_price].map(|at| (at != NONE).then_some(at));
        let (units, unit_price_minor) =
            (i64::from(row.units), row.whole_price(self.coupon_minor(order)));
        vec![OrderPart { step, time_price, units, unit_price_minor }]
    }

    /// The price of one unit; of the first part where there are several.
    pub fn unit_price_minor(&self, order: u32) -> i64 {
        let terms = self.terms(order);
        let first = terms.and_then(|terms| terms.parts.first());
        first.map(|part| part.unit_price_minor).unwrap_or_else(|| {
            let offer = terms.and_then(|terms| terms.offer.as_ref());
            let offer = offer.map_or(0, |offer| offer.discount_minor);
            self.row(order).whole_price(offer.saturating_add(self.coupon_minor(order)))
        })
    }
}
