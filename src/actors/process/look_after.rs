//! Orders that wait for a coupon or a limit and are not settled, and coupons that are bound to orders
//! which do not have them, are looked after.
//!
//! The call that places such an order settles it at once. What it leaves open, because its node was killed
//! or the store did not answer, is found here, in the events of items and batches alone. So are coupons of
//! orders that ended with them: the event that ends an order names the batch of its coupon.

use std::collections::HashMap;

use super::{
    ask::Ask,
    contract::{Known, Process},
};
use crate::{
    domain::sale::SaleView,
    events::{
        CancelCause, CouponEvent, Event, ItemEvent, OrderEvent, Position, QuotaEvent, Recorded,
    },
    values::{ItemId, OrderId, UnixMs},
};

/// The call that placed the order has so long to settle it.
const GRACE_MS: i64 = 2_000;

/// Orders of which something is open.
#[derive(Debug, Default)]
pub struct LookAfterOrders {
    open: HashMap<OrderId, Open>,
}

/// An order of which something is open.
#[derive(Debug, Clone)]
pub struct Open {
    order: OrderId,
    item: ItemId,
    /// How much it waits for.
    awaits: usize,
    /// A coupon may be bound to it that it does not have.
    may_be_bound: bool,
    /// It may have taken units of the limit over its sale that it does not have.
    may_have_taken: bool,
    /// The first and the last event that left something open.
    since: Position,
    newest: Position,
    newest_at: UnixMs,
}

impl Process for LookAfterOrders {
    const NAME: &'static str = "look-after-orders";
    type Work = Open;
    type Key = OrderId;

    fn key(work: &Open) -> OrderId {
        work.order
    }

    fn observe(&mut self, recorded: &Recorded, event: &Event) {
        match event {
            Event::Item(ItemEvent::Order(event)) => {
                if let Some(item) = recorded.stream.item_id() {
                    self.order_says(recorded, item, event);
                }
            }
            Event::Coupon(CouponEvent::Redeemed(redeemed)) => {
                let open = self.opened(recorded, redeemed.item_id, redeemed.order_id);
                open.may_be_bound = true;
            }
            Event::Coupon(CouponEvent::Returned(returned)) => {
                self.closes(returned.order_id, |open| open.may_be_bound = false);
            }
            Event::Quota(QuotaEvent::Taken(taken)) => {
                let open = self.opened(recorded, taken.item_id, taken.order_id);
                open.may_have_taken = true;
            }
            Event::Quota(QuotaEvent::Returned(returned)) => {
                self.closes(returned.order_id, |open| open.may_have_taken = false);
            }
            Event::Coupon(
                CouponEvent::BatchCreated(_)
                | CouponEvent::Claimed(_)
                | CouponEvent::Revoked(_)
                | CouponEvent::BudgetRaised(_)
                | CouponEvent::BatchClosed(_),
            )
            | Event::Item(ItemEvent::Offer(_) | ItemEvent::Stock(_))
            | Event::Sale(_)
            | Event::Demand(_)
            | Event::Fulfilment(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_)
            | Event::Node(_) => {}
        }
    }

    fn due(&self, known: &Known<'_>) -> Vec<Open> {
        let before = known.now.plus(-GRACE_MS);
        // An order that waits is most likely being settled by its call; one that ended is not.
        let due = self.open.values().filter(|open| {
            open.awaits == 0 || open.newest_at <= before || open.newest <= known.end_at_start
        });
        due.cloned().collect()
    }

    fn decide(work: &Open, _: Option<&SaleView>, _: UnixMs) -> Vec<Ask> {
        vec![Ask::LookAfter(work.item, work.order)]
    }

    fn done(&mut self, work: &Open) {
        // What happened to it meanwhile is another work.
        if self.open.get(&work.order).is_some_and(|open| open.newest == work.newest) {
            self.open.remove(&work.order);
        }
    }

    fn oldest(&self) -> Option<Position> {
        self.open.values().map(|open| open.since).min()
    }
}

impl LookAfterOrders {
    fn order_says(&mut self, recorded: &Recorded, item: ItemId, event: &OrderEvent) {
        let order = event.order_id();
        match event {
            OrderEvent::Placed(placed) if !placed.awaits.is_empty() => {
                self.opened(recorded, item, order).awaits = placed.awaits.len();
            }
            // It has the units that it took.
            OrderEvent::LimitGranted(_) => self.closes(order, |open| {
                open.awaits = open.awaits.saturating_sub(1);
                open.may_have_taken = false;
            }),
            OrderEvent::CouponDenied(_) => {
                self.closes(order, |open| open.awaits = open.awaits.saturating_sub(1));
            }
            // It has the coupon that is bound to it.
            OrderEvent::CouponApplied(_) => {
                self.open.remove(&order);
            }
            OrderEvent::Cancelled(cancelled) => {
                // One that is over the limit took nothing, as far as its item knows.
                let limited =
                    cancelled.limited_by.is_some() && cancelled.cause != CancelCause::OverSaleLimit;
                let bound = cancelled.coupon_batch_id.is_some();
                self.ended(recorded, item, order, (bound, limited));
            }
            OrderEvent::Expired(expired) => {
                let taken = (expired.coupon_batch_id.is_some(), expired.limited_by.is_some());
                self.ended(recorded, item, order, taken);
            }
            OrderEvent::Refunded(refunded) => {
                let taken = (refunded.coupon_batch_id.is_some(), refunded.limited_by.is_some());
                self.ended(recorded, item, order, taken);
            }
            OrderEvent::Placed(_)
            | OrderEvent::Paid(_)
            | OrderEvent::Reinstated(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::RefundDue(_)
            | OrderEvent::RefundSettled(_) => {}
        }
    }

    /// Something is open of an order.
    fn opened(&mut self, recorded: &Recorded, item: ItemId, order: OrderId) -> &mut Open {
        let (newest, newest_at) = (recorded.position, UnixMs(recorded.recorded_at_ms));
        let since = newest;
        let new = || Open {
            order,
            item,
            awaits: 0,
            may_be_bound: false,
            may_have_taken: false,
            since,
            newest,
            newest_at,
        };
        let open = self.open.entry(order).or_insert_with(new);
        (open.newest, open.newest_at) = (newest, newest_at);
        open
    }

    /// An order that ended waits for nothing.
    fn ended(
        &mut self,
        recorded: &Recorded,
        item: ItemId,
        order: OrderId,
        (may_be_bound, may_have_taken): (bool, bool),
    ) {
        if may_be_bound || may_have_taken {
            let open = self.opened(recorded, item, order);
            open.may_be_bound |= may_be_bound;
            open.may_have_taken |= may_have_taken;
        }
        self.closes(order, |open| open.awaits = 0);
    }

    fn closes(&mut self, order: OrderId, change: impl FnOnce(&mut Open)) {
        let Some(open) = self.open.get_mut(&order) else { return };
        change(open);
        if open.awaits == 0 && !open.may_be_bound && !open.may_have_taken {
            self.open.remove(&order);
        }
    }
}
