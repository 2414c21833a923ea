//! How orders of a log that is written by hand end.

use doorbuster::{
    events::{
        CancelCause, ItemEvent, OrderCancelled, OrderEvent, OrderExpired, RefundCause, RefundDue,
        StreamName,
    },
    values::{Fingerprint, RequestId, UnixMs},
};

use super::{Log, Order};

impl Log {
    pub fn cancel(&mut self, order: &Order, at: i64) {
        let cancelled = OrderCancelled {
            order_id: order.order_id,
            placed_revision: order.placed_revision,
            request_id: RequestId(order.order_id.0),
            fingerprint: Fingerprint(3),
            units: order.units,
            warehouses: order.warehouses.clone(),
            cause: CancelCause::Buyer,
            act: None,
            coupon_batch_id: None,
            limited_by: None,
            cancelled_at_ms: UnixMs(at),
        };
        self.push(StreamName::item(order.item), ItemEvent::Order(OrderEvent::Cancelled(cancelled)));
    }

    pub fn expire(&mut self, order: &Order, at: i64) {
        let expired = OrderExpired {
            order_id: order.order_id,
            placed_revision: order.placed_revision,
            units: order.units,
            warehouses: order.warehouses.clone(),
            coupon_batch_id: None,
            limited_by: None,
            expired_at_ms: UnixMs(at),
        };
        self.push(StreamName::item(order.item), ItemEvent::Order(OrderEvent::Expired(expired)));
    }

    pub fn refund(&mut self, order: &Order, at: i64) {
        let due = RefundDue {
            order_id: order.order_id,
            placed_revision: order.placed_revision,
            request_id: RequestId(order.order_id.0),
            fingerprint: Fingerprint(4),
            payment_reference: "late".to_owned(),
            amount_minor: order.total_minor,
            cause: RefundCause::OrderExpired,
            due_at_ms: UnixMs(at),
        };
        self.push(StreamName::item(order.item), ItemEvent::Order(OrderEvent::RefundDue(due)));
    }
}
