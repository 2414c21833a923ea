//! What a command to an item came to, as both the calls and the stream answer it.

use crate::{
    actors::Answer,
    domain::item::ItemOutcome,
    grpc::{
        convert,
        proto::{self, place_order_response},
        status::CallError,
    },
    values::ItemId,
};

/// An order or a refusal, with its place.
pub(in crate::grpc) struct Outcome {
    pub(in crate::grpc) outcome: Result<proto::Order, proto::Refusal>,
    pub(in crate::grpc) revision: u64,
    pub(in crate::grpc) position: u64,
}

pub(in crate::grpc) fn outcome(
    item: ItemId,
    answer: Answer<ItemOutcome>,
) -> Result<Outcome, CallError> {
    let Answer { outcome, revision, position } = answer;
    let outcome = match outcome {
        ItemOutcome::Order(order) => Ok(convert::order(item, order)),
        ItemOutcome::Refused { refusal, available, quote, coupon } => {
            Err(convert::refusal(refusal, available, quote.map(|quote| *quote), coupon))
        }
        ItemOutcome::Misdirected(why) => return Err(why.into()),
        ItemOutcome::Item(_) | ItemOutcome::Quote { .. } => {
            return Err(CallError::internal("an order was answered with something else", &"a bug"));
        }
    };
    Ok(Outcome { outcome, revision, position: position.0 })
}

impl From<Outcome> for proto::PlaceOrderResponse {
    fn from(Outcome { outcome, revision, position }: Outcome) -> Self {
        let outcome = match outcome {
            Ok(order) => place_order_response::Outcome::Order(order),
            Err(refusal) => place_order_response::Outcome::Refusal(refusal),
        };
        Self { outcome: Some(outcome), revision, position }
    }
}
