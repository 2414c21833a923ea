//! An event of an order as a follower is told of it.

use uuid::Uuid;

use super::filter::kind_of;
use crate::{
    events::{OrderEvent, Recorded},
    grpc::{
        convert, proto,
        report::{money, order_record},
    },
    reports::{OrderRecord, SoldOutEvent},
    values::ItemId,
};

/// Makes the id of a sold-out from that of the event that took the last unit.
const SOLD_OUT: &[u8] = b"sold_out";

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
        sale_id: order.sale_id.to_string(),
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

/// That an event took the last available unit of an item, and the order that it is one of.
pub(super) fn sold_out(
    recorded: &Recorded,
    sold_out: &SoldOutEvent,
    order: Option<OrderRecord>,
) -> proto::OrderEvent {
    proto::OrderEvent {
        event_id: Uuid::new_v5(&recorded.id, SOLD_OUT).to_string(),
        position: recorded.position.0,
        event_time: Some(convert::timestamp(sold_out.at)),
        kind: proto::OrderEventKind::SoldOut.into(),
        sale_id: sold_out.sale.to_string(),
        item_id: sold_out.item.to_string(),
        order_id: order.as_ref().map(|order| order.order_id.to_string()).unwrap_or_default(),
        order: order.map(order_record),
        ..proto::OrderEvent::default()
    }
}
