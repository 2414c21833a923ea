//! What an order costs beyond units times one price, in little memory: a replay holds it of every
//! order that has steps, an offer or a gift.

use crate::events::{OrderPart, OrderPrice};

/// The discount, the gift and the parts of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bill {
    pub discount_minor: i64,
    pub gift_units: i64,
    /// Units by price; empty where the item had no ladder.
    pub parts: Vec<OrderPart>,
}

impl Bill {
    /// The bill of an order; `None` where it is units times one price without a gift.
    pub fn of(price: OrderPrice) -> Option<Box<Self>> {
        let (discount_minor, plain) = (price.discount_minor(), price.is_plain());
        let OrderPrice { parts, gift, .. } = price;
        let gift_units = gift.map_or(0, |gift| gift.units);
        (!plain).then(|| Box::new(Self { discount_minor, gift_units, parts }))
    }
}
