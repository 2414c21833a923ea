//! What an order costs, part by part, out of its row and its terms.

use super::{
    Orders, Row,
    terms::{NONE, Terms},
};
use crate::events::OrderPart;

impl Row {
    fn whole_price(&self, discount_minor: i64) -> i64 {
        let subtotal = self.total_minor.saturating_add(discount_minor);
        subtotal.checked_div(i64::from(self.units)).unwrap_or(0)
    }
}

impl Orders {
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
        let (units, unit_price_minor) = (i64::from(row.units), row.whole_price(0));
        vec![OrderPart { step, time_price, units, unit_price_minor }]
    }

    /// The price of one unit; of the first part where there are several.
    pub fn unit_price_minor(&self, order: u32) -> i64 {
        let terms = self.terms(order);
        let first = terms.and_then(|terms| terms.parts.first());
        first.map(|part| part.unit_price_minor).unwrap_or_else(|| {
            let offer = terms.and_then(|terms| terms.offer.as_ref());
            self.row(order).whole_price(offer.map_or(0, |offer| offer.discount_minor))
        })
    }
}
