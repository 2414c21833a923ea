//! Where an order stands, in the few figures by which a replay goes on.

use super::state::Item;
use crate::{
    events::OrderState,
    values::{OrderId, UnixMs},
};

/// An order as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stands {
    pub state: OrderState,
    /// What is to be paid, in minor units.
    pub total_minor: i64,
    /// Units that did not come back.
    pub units_left: i64,
    /// When its hold ends, or ended.
    pub hold_until: UnixMs,
}

impl Item {
    /// Where the order stands; `None` where there is no such order.
    pub fn stands(&self, order: OrderId) -> Option<Stands> {
        let order = self.orders.find(order)?;
        let row = self.orders.row(order);
        Some(Stands {
            state: row.state,
            total_minor: row.total_minor,
            units_left: i64::from(row.units) - self.orders.refunded(order).0,
            hold_until: self.orders.deadline(order).in_force(),
        })
    }
}
