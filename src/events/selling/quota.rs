//! What the orders of each buyer take of the limit over a whole sale.
//!
//! The stream of a sale's limit is its consistency boundary: how many units a buyer has in all items of
//! the sale is decided there. A sale without such a limit has no such stream.

use serde::{Deserialize, Serialize};

use crate::{
    events::stored::stored_names,
    values::{ItemId, OrderId, SaleId, UnixMs},
};

/// Everything that can happen to the limit over a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaEvent {
    /// An order takes its units of its buyer's limit.
    Taken(QuotaTaken),
    /// An order takes fewer units, or none any more.
    Returned(QuotaReturned),
}

stored_names! { QuotaEvent:
    Taken => "QuotaTaken",
    Returned => "QuotaReturned",
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaTaken {
    pub order_id: OrderId,
    pub item_id: ItemId,
    pub buyer: String,
    pub units: i64,
    /// What the buyer's orders take together from now on: at most the limit.
    pub buyer_units: i64,
    pub limit_per_buyer: i64,
    pub taken_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaReturned {
    pub order_id: OrderId,
    /// Units that the order takes from now on: fewer than before.
    pub units_left: i64,
    pub returned_at_ms: UnixMs,
}

/// The limit over a whole sale that an order comes under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLimit {
    pub sale_id: SaleId,
    /// Most units of one buyer in held and paid orders of all items of the sale.
    pub per_buyer: i64,
}

impl QuotaEvent {
    /// When it happened.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Taken(e) => e.taken_at_ms,
            Self::Returned(e) => e.returned_at_ms,
        }
    }

    /// The order that it is about.
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Taken(e) => e.order_id,
            Self::Returned(e) => e.order_id,
        }
    }
}
