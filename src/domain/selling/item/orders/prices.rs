//! What orders cost, part by part.

use std::sync::Arc;

use super::{Orders, terms::Terms};
use crate::events::{OfferApplied, OrderPart};

impl Orders {
    /// The terms of an order; `None` where it costs units times one price.
    pub fn terms(&self, order: u32) -> Option<&Terms> {
        self.terms.at(order, self.row(order).terms).map(Arc::as_ref)
    }

    /// The same, to be kept.
    pub fn shared_terms(&self, order: u32) -> Option<Arc<Terms>> {
        self.terms.at(order, self.row(order).terms).cloned()
    }

    /// Another offer applies, and another total is to be paid.
    pub fn reprice_with(&mut self, order: u32, offer: Option<OfferApplied>, total_minor: i64) {
        if offer.is_some() {
            let terms = Terms { offer, ..self.terms(order).cloned().unwrap_or_default() };
            let Self { terms: known, hasher, .. } = self;
            let at = known.keep_anew(hasher, order, &terms);
            self.row_mut(order).terms = at;
        }
        self.reprice(order, total_minor);
    }

    /// Units by price; empty where the item had no ladder when the order was placed.
    pub fn parts(&self, order: u32) -> &[OrderPart] {
        self.terms(order).map_or(&[], |terms| &terms.parts)
    }

    /// The price of one unit; of the first part where there are several.
    pub fn unit_price_minor(&self, order: u32) -> i64 {
        if let Some(first) = self.parts(order).first() {
            return first.unit_price_minor;
        }
        let offer = self.terms(order).and_then(|terms| terms.offer.as_ref());
        let coupon = self.awaited(order).and_then(|awaited| awaited.taken());
        let off = offer.map_or(0, |offer| offer.discount_minor)
            + coupon.map_or(0, |coupon| coupon.discount_minor);
        let row = self.row(order);
        row.total_minor.saturating_add(off).checked_div(i64::from(row.units)).unwrap_or(0)
    }
}
