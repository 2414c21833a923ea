//! How holds end: by their deadline, and what an act finds of them.

use uuid::Uuid;

use super::{Item, OrderState, Refusal};
use crate::{
    domain::{AnswerFrom, Caused, Decided, Moment},
    events::{ItemEvent, OrderEvent, OrderExpired},
};

/// The end of a hold that was not paid in time; `at` is a moment as its deadline sees it.
pub(super) fn expiry(item: &Item, order: u32, at: Moment) -> Caused<ItemEvent> {
    let row = item.orders.row(order);
    Caused {
        event: ItemEvent::Order(OrderEvent::Expired(OrderExpired {
            order_id: row.order_id,
            placed_revision: row.revision,
            units: i64::from(row.units),
            warehouses: item.warehouses(order),
            coupon_batch_id: item.coupon_batch(order),
            limited_by: item.limited_by(),
            expired_at_ms: at.stamp,
        })),
        id: Uuid::new_v5(&row.order_id.0, b"expired"),
        correlation: row.order_id.0,
        causation: row.order_id.0,
        judged_at: at.judged_at(),
    }
}

/// The hold of the order is over, which is what is told.
fn order_expired(item: &Item, order: u32, at: Moment) -> Decided<Item> {
    let refusal = AnswerFrom::Decision(item.refusal(Refusal::OrderExpired));
    item.decided(vec![expiry(item, order, at)], refusal)
}

/// A hold that is not over, or the decision where there is none.
pub(super) fn held(item: &Item, order: u32, at: Moment) -> Result<Moment, Box<Decided<Item>>> {
    let deadline = item.orders.deadline(order);
    let at = at.before_move(deadline.moved_ms);
    let refused = |refusal| Err(Box::new(item.refused(refusal)));
    match item.orders.row(order).state {
        OrderState::Held if at.now < deadline.at => Ok(at),
        OrderState::Held => Err(Box::new(order_expired(item, order, at))),
        OrderState::Expired => refused(Refusal::OrderExpired),
        OrderState::Cancelled => refused(Refusal::OrderCancelled),
        OrderState::Paid | OrderState::Refunded => refused(Refusal::AlreadyPaid),
    }
}
