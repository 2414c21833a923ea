//! Events that are made to be about an order of the log.

use doorbuster::{events::OrderEvent, values::RequestId};

use super::log::Order;

impl Order {
    /// An event of an order of one unit, about this one.
    pub fn event(&self, mut event: OrderEvent) -> OrderEvent {
        macro_rules! about {
            ($e:ident) => {
                ($e.order_id, $e.placed_revision) = (self.order_id, self.placed_revision)
            };
        }
        match &mut event {
            OrderEvent::LimitGranted(e) => about!(e),
            OrderEvent::CouponApplied(e) => about!(e),
            OrderEvent::CouponDenied(e) => about!(e),
            OrderEvent::PaymentFailed(e) => about!(e),
            OrderEvent::HoldExtended(e) => about!(e),
            OrderEvent::Reinstated(e) => {
                about!(e);
                (e.units, e.warehouses) = (self.units, self.warehouses.clone());
            }
            OrderEvent::Refunded(e) => {
                about!(e);
                (e.units, e.units_left, e.amount_minor) = (self.units, 0, self.total_minor);
                e.warehouses.clone_from(&self.warehouses);
                e.act.request_id = RequestId(self.order_id.0);
            }
            OrderEvent::RefundSettled(e) => {
                about!(e);
                e.amount_minor = self.total_minor;
                e.due_id = self.item.due_id(RequestId(self.order_id.0));
            }
            OrderEvent::Placed(_)
            | OrderEvent::Paid(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::RefundDue(_) => {}
        }
        event
    }
}
