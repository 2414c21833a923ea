//! What happens to one item: it is offered, its stock is steered, it is ordered and paid for.
//!
//! The item's stream is its consistency boundary.

use super::{offer::OfferEvent, order::OrderEvent, stock::StockEvent, units::StockMove};
use crate::{
    events::{act::Act, stored::stored_union},
    values::{OrderId, UnixMs},
};

/// Everything that can happen to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemEvent {
    Offer(OfferEvent),
    Stock(StockEvent),
    Order(OrderEvent),
}

stored_union! { ItemEvent: Offer(OfferEvent), Stock(StockEvent), Order(OrderEvent) }

impl ItemEvent {
    /// When it happened, by the item's own clock, where the event says so.
    pub fn at(&self) -> Option<UnixMs> {
        match self {
            Self::Offer(event) => event.at(),
            Self::Stock(event) => Some(event.at()),
            Self::Order(event) => Some(event.at()),
        }
    }

    /// Who did it; `None` for what buyers do and for what was planned with the sale.
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::Offer(event) => event.act(),
            Self::Stock(event) => Some(event.act()),
            Self::Order(event) => event.act(),
        }
    }

    /// The order this is about, if it is about one. It is the `$correlationId` of the event, so
    /// that one query shows an order's whole story.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::Offer(_) | Self::Stock(_) => None,
            Self::Order(event) => Some(event.order_id()),
        }
    }

    /// What it does to the units of the item.
    pub fn moves(&self) -> impl Iterator<Item = StockMove<'_>> {
        let (stock, order) = match self {
            Self::Offer(_) => (None, None),
            Self::Stock(event) => (Some(event.moves()), None),
            Self::Order(event) => (None, Some(event.moves())),
        };
        stock.into_iter().flatten().chain(order.into_iter().flatten())
    }
}
