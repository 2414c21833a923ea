//! Orders: whether the placements and ends in the log are allowed.

use std::fmt;

use uuid::Uuid;

use super::{ItemBook, Read, Say, goods::differ, order_life::Before, references::check_references};
use crate::{
    auditor::Event,
    bodies::{
        CancelCause, OrderCancelled, OrderExpired, OrderPaid, OrderPlaced, RefundCause, RefundDue,
        WarehouseUnits,
    },
    certificate::{Opening, buyer_sum},
    chain,
    orders::{NewOrder, Origin, Priced, State},
};

/// Most units that one order can have.
const ORDER_UNITS_MAX: i64 = 1_000_000;

/// What all three ends of an order state.
struct Settlement<'a> {
    order: Uuid,
    placed_revision: u64,
    units: i64,
    warehouses: &'a [WarehouseUnits<'a>],
    state: State,
    /// By which the deadline was judged.
    judged_at_ms: i64,
    /// It was held again although its deadline is over.
    again: bool,
}

impl ItemBook {
    pub(super) fn placed(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let placed: OrderPlaced<'_> = serde_json::from_slice(event.data)?;
        let order = placed.order_id.0;
        self.time(event, placed.placed_at_ms, say);
        if !event.has_id(order) || order != chain::event_id(self.id, placed.request_id.0, 0) {
            say(format!(
                "order {order} does not have the id that request {} makes",
                placed.request_id.0
            ));
        }
        event.check_story(order, placed.request_id.0, say);
        self.mark_plain(&placed);
        self.check_terms(event, &placed, say);
        self.check_audience(&placed, say);
        check_references(&placed, say);
        if self.orders.find(order).is_some() {
            say(format!("order {order} is placed twice (request {})", placed.request_id.0));
            return Ok(());
        }
        if self.requests.contains(&order) {
            say(format!("request id {} is used twice on this item", placed.request_id.0));
        }
        if self.keep.opening_of == Some(order) {
            let (request_id, buyer) = (placed.request_id.0, placed.buyer.to_string());
            self.opening = Some(Opening { request_id, buyer });
        }
        let priced = self.check_price(event, &placed, say);
        self.check_choice((placed.units, &placed.region), &placed.warehouses, say);
        if self.goods.reinstate_within_ms.is_some() && !placed.region.is_empty() {
            self.goods.region_of.insert(order, placed.region.to_string());
        }
        self.hold(&placed, priced, event.revision, say);
        self.wait(event, &placed, say);
        Ok(())
    }

    /// Window, pauses, limit per order and deadline in force.
    fn check_terms(&self, event: &Event<'_>, placed: &OrderPlaced<'_>, say: Say<'_>) {
        let at_ms = event.judged_at(placed.placed_at_ms);
        if at_ms < self.opens_at_ms || at_ms >= self.closes_at_ms {
            say("the order is placed outside the item's window".to_owned());
        }
        if self.paused {
            say("the order is placed while the item is paused".to_owned());
        }
        if self.closed {
            say("the order is placed after the item was closed".to_owned());
        }
        if let Some(limit) = self.limit_per_order.filter(|limit| placed.units > *limit) {
            say(format!(
                "the order has {} units, but the limit per order is {limit}",
                placed.units
            ));
        }
        if placed.buyer.is_empty() {
            say("the order has no buyer".to_owned());
        }
        if let Some(offer) = &self.offer
            && placed.pay_by_ms != at_ms.saturating_add(offer.time_to_pay_ms)
        {
            say("the order's deadline is not the item's time to pay after it".to_owned());
        }
    }

    /// Holds the units of a new order and judges what that does to stock and limit.
    fn hold(
        &mut self,
        placed: &OrderPlaced<'_>,
        priced: Option<Priced>,
        revision: u64,
        say: Say<'_>,
    ) {
        check_sum(&placed.warehouses, placed.units, say);
        let units = match u32::try_from(placed.units) {
            Ok(units) if (1..=ORDER_UNITS_MAX).contains(&placed.units) => units,
            _ => {
                say(format!("an order cannot have {} units", placed.units));
                return;
            }
        };
        let from = self.hold_units(&placed.warehouses, placed.units, say);
        if let Some(priced) = &priced {
            self.take_goods(priced);
        }
        let buyer_units = self.orders.place(NewOrder {
            id: placed.order_id.0,
            buyer: &placed.buyer,
            units,
            pay_by_ms: placed.pay_by_ms,
            unit_price_minor: placed.unit_price_minor,
            revision,
            from,
            priced,
            buyer_sum: self.keep.certificate.then(|| buyer_sum(placed.request_id.0, &placed.buyer)),
        });
        self.check_limit(format_args!("buyer {:?}", placed.buyer), buyer_units, say);
    }

    /// Units of these warehouses are a buyer's until the hold ends.
    pub(super) fn hold_units(
        &mut self,
        warehouses: &[WarehouseUnits<'_>],
        units: i64,
        say: Say<'_>,
    ) -> Origin {
        let from = match self.stock.only(warehouses, units) {
            Some(warehouse) => {
                self.stock.hold(&[(warehouse, units)]);
                Origin::One(warehouse)
            }
            None => {
                let parts = self.stock.parts(warehouses);
                self.stock.hold(&parts);
                self.orders.split(parts)
            }
        };
        self.count(say);
        from
    }

    /// Whether the units that a buyer has now are within the limit.
    pub(super) fn check_limit(&self, buyer: impl fmt::Display, units: u64, say: Say<'_>) {
        if let Some(limit) =
            self.limit_per_buyer.filter(|limit| i128::from(units) > (*limit).into())
        {
            say(format!("{buyer} has {units} units now, but the limit per buyer is {limit}"));
        }
    }

    pub(super) fn paid(&mut self, event: &Event<'_>, before: &Before, say: Say<'_>) -> Read {
        let paid: OrderPaid<'_> = serde_json::from_slice(event.data)?;
        let order = paid.order_id.0;
        let again = self.pays_again(event, before, (order, paid.paid_at_ms), say);
        self.end_time(event, paid.paid_at_ms, say);
        self.requested(event, order, paid.request_id, say);
        self.settle(
            event,
            &Settlement {
                order,
                placed_revision: paid.placed_revision,
                units: paid.units,
                warehouses: &paid.warehouses,
                state: State::Paid,
                judged_at_ms: event.judged_at(paid.paid_at_ms),
                again,
            },
            say,
        );
        self.check_amount(order, paid.amount_minor, say);
        if self.orders.find(order).is_some_and(|row| self.waits(row)) {
            say(format!("order {order} is paid while it waits"));
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let cancelled: OrderCancelled<'_> = serde_json::from_slice(event.data)?;
        let order = cancelled.order_id.0;
        self.end_time(event, cancelled.cancelled_at_ms, say);
        self.check_limited_by(cancelled.limited_by, say);
        let by_buyer = cancelled.cause == CancelCause::Buyer;
        let by_operator = cancelled.cause == CancelCause::Operator;
        if by_buyer || by_operator {
            self.requested(event, order, cancelled.request_id, say);
        } else {
            self.check_in_vain(event, &cancelled, say);
        }
        if by_operator == cancelled.act.is_none() {
            let expected = if by_operator { "that of an operator" } else { "none of a buyer" };
            let found = if by_operator { "none" } else { "one" };
            differ("act of a cancellation", expected, found, say);
        }
        if let Some(act) = cancelled.act.filter(|act| act.request_id != cancelled.request_id) {
            let (due, told) = (cancelled.request_id.0, act.request_id.0);
            differ("request of a cancellation", due, told, say);
        }
        self.goods.plain &= by_buyer;
        self.ended_with_coupon(order, (cancelled.coupon_batch_id, false), say);
        self.settle(
            event,
            &Settlement {
                order,
                placed_revision: cancelled.placed_revision,
                units: cancelled.units,
                warehouses: &cancelled.warehouses,
                state: State::Cancelled,
                judged_at_ms: event.judged_at(cancelled.cancelled_at_ms),
                again: false,
            },
            say,
        );
        Ok(())
    }

    pub(super) fn expired(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let expired: OrderExpired<'_> = serde_json::from_slice(event.data)?;
        let order = expired.order_id.0;
        self.end_time(event, expired.expired_at_ms, say);
        self.check_limited_by(expired.limited_by, say);
        if !event.has_id(chain::expiry_id(order)) {
            say(format!("the event id is not the one that the end of order {order} makes"));
        }
        event.check_story(order, order, say);
        self.ended_with_coupon(order, (expired.coupon_batch_id, false), say);
        self.settle(
            event,
            &Settlement {
                order,
                placed_revision: expired.placed_revision,
                units: expired.units,
                warehouses: &expired.warehouses,
                state: State::Expired,
                judged_at_ms: event.judged_at(expired.expired_at_ms),
                again: false,
            },
            say,
        );
        self.before.expired = self.orders.find(order);
        Ok(())
    }

    pub(super) fn refund_due(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let due: RefundDue<'_> = serde_json::from_slice(event.data)?;
        let order = due.order_id.0;
        self.end_time(event, due.due_at_ms, say);
        self.requested(event, order, due.request_id, say);
        let Some(number) = self.find(event, order, due.placed_revision, say) else {
            return Ok(());
        };
        let causes = match due.cause {
            RefundCause::OrderExpired => [State::Expired].as_slice(),
            RefundCause::OrderCancelled => &[State::Cancelled],
            RefundCause::AlreadyPaid => &[State::Paid, State::Refunded],
        };
        if !causes.contains(&self.orders.row(number).state) {
            say(format!("the refund for order {order} names a cause that is not so"));
        }
        self.check_amount(order, due.amount_minor, say);
        self.orders.owe(chain::event_id(self.id, due.request_id.0, 0), number, due.amount_minor);
        Ok(())
    }

    /// The row of an order that an event is about.
    pub(super) fn find(
        &self,
        event: &Event<'_>,
        order: Uuid,
        placed_revision: u64,
        say: Say<'_>,
    ) -> Option<u32> {
        let Some(number) = self.orders.find(order) else {
            say(format!("{} is about order {order}, but it was never placed", event.kind));
            return None;
        };
        if self.orders.row(number).revision != placed_revision {
            say(format!("order {order} was not placed at revision {placed_revision}"));
        }
        Some(number)
    }

    pub(super) fn end_time(&mut self, event: &Event<'_>, at_ms: i64, say: Say<'_>) {
        self.now_ms = event.judged_at(at_ms);
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, true, say);
    }

    /// Ends a hold and judges whether it may end so and now.
    fn settle(&mut self, event: &Event<'_>, end: &Settlement<'_>, say: Say<'_>) {
        let Settlement { order, state, judged_at_ms, .. } = *end;
        let verb = state.verb();
        let Some(number) = self.find(event, order, end.placed_revision, say) else { return };
        let row = self.orders.row(number);
        if row.state != State::Held {
            let first = row.state.verb();
            say(format!("order {order} ends twice: it is {verb}, but it was {first} before"));
            return;
        }
        match state {
            State::Paid | State::Cancelled if judged_at_ms >= row.pay_by_ms && !end.again => {
                say(format!("order {order} is {verb} at or after its deadline"));
            }
            State::Expired if judged_at_ms < row.pay_by_ms => {
                say(format!("order {order} is {verb} before its deadline"));
            }
            State::Held | State::Paid | State::Cancelled | State::Expired | State::Refunded => {}
        }
        let parts = self.orders.parts(row.from, row.units);
        if end.units != i64::from(row.units) || self.stock.parts(end.warehouses) != parts {
            say(format!("order {order} is {verb} with other units or warehouses than it held"));
        }
        if state == State::Paid {
            self.stock.sell(&parts);
        } else {
            self.stock.release(&parts);
        }
        self.settle_goods(number, state);
        self.orders.settle(number, state);
        self.count(say);
    }

    fn check_amount(&self, order: Uuid, amount_minor: i64, say: Say<'_>) {
        let Some(total) = self.orders.find(order).map(|row| self.orders.total(row)) else { return };
        if i128::from(amount_minor) != total {
            say(format!(
                "the payment for order {order} is {amount_minor}, but its total is {total}"
            ));
        }
    }
}

impl State {
    /// How it ended, as a word; also its name in a certificate.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }
}

/// Whether the units that warehouses give are those of the order.
pub(super) fn check_sum(warehouses: &[WarehouseUnits<'_>], units: i64, say: Say<'_>) {
    let sum: i128 = warehouses.iter().map(|part| i128::from(part.units)).sum();
    if sum != i128::from(units) || warehouses.iter().any(|part| part.units < 1) {
        say(format!("the order has {units} units, but its warehouses do not add up to that"));
    }
}
