//! An event of an order as a follower is told of it.

use super::filter::kind_of;
use crate::{
    events::{OrderEvent, Recorded},
    grpc::{
        convert, proto,
        report::{money, order_record},
    },
    reports::OrderRecord,
    values::ItemId,
};

pub(super) fn told(
    recorded: &Recorded,
    item: ItemId,
    event: OrderEvent,
    order: OrderRecord,
) -> proto::OrderEvent {
    let amount = |minor: i64| money(&order.currency, minor);
    let mut told = proto::OrderEvent {
        event_id: recorded.id.to_string(),
        position: recorded.position.0,
        event_time: Some(convert::timestamp(event.at())),
        kind: kind_of(&event).into(),
        item_id: item.to_string(),
        order_id: event.order_id().to_string(),
        units: event.step(recorded.revision).units,
        ..proto::OrderEvent::default()
    };
    match event {
        OrderEvent::Placed(placed) => told.amount = Some(amount(placed.total())),
        OrderEvent::Paid(paid) => {
            told.amount = Some(amount(paid.amount_minor));
            told.reference = paid.payment_reference;
        }
        OrderEvent::PaymentFailed(failed) => told.reference = failed.payment_reference,
        OrderEvent::RefundDue(e) => {
            told.amount = Some(amount(e.amount_minor));
            told.due_id = item.due_id(e.request_id).to_string();
            told.reference = e.payment_reference;
        }
        OrderEvent::Refunded(e) => {
            told.amount = Some(amount(e.amount_minor));
            told.due_id = item.due_id(e.act.request_id).to_string();
        }
        OrderEvent::RefundSettled(e) => {
            told.amount = Some(amount(e.amount_minor));
            told.due_id = e.due_id.to_string();
            told.reference = e.reference;
        }
        OrderEvent::LimitGranted(_)
        | OrderEvent::CouponApplied(_)
        | OrderEvent::CouponDenied(_)
        | OrderEvent::HoldExtended(_)
        | OrderEvent::Cancelled(_)
        | OrderEvent::Expired(_)
        | OrderEvent::Reinstated(_) => {}
    }
    told.order = Some(order_record(order));
    told
}
