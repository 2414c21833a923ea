//! The rules of an order after it was placed, beyond payment and the buyer's own cancellation: failed
//! payments, acts of operators, refunds, and holds that come back with a late payment.

use super::{
    Item, ItemShown, OrderAct, OrderAction, OrderState, PaymentFailure, Refusal,
    ending::{expiry, held},
};
use crate::{
    domain::{Caused, Decided, Misdirected, Moment},
    events::{
        CancelCause, HoldExtended, ItemAdded, ItemEvent, OrderCancelled, OrderEvent, OrderPart,
        OrderRefunded, OrderReinstated, PaymentFailed, RefundSettled, ReturnedUnits,
        WarehouseUnits,
    },
    values::{DueId, Invalid, OrderId, RequestId, UnixMs},
};

/// Failed payments of one order that are recorded; later ones change nothing.
pub const FAILED_PAYMENTS_MAX: u8 = 20;

/// How far ahead a deadline may be set: 30 days.
pub const EXTENSION_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// Judges the act of an operator on an order.
pub(super) fn order_act(
    item: &Item,
    offer: &ItemAdded,
    act: &OrderAct,
    at: Moment,
) -> Decided<Item> {
    if let Some(decided) = item.repeated(offer, act.request_id, act.fingerprint()) {
        return decided;
    }
    match &act.action {
        OrderAction::Cancel(order_id) => {
            on_order(item, *order_id, |row| cancel(item, row, act, at))
        }
        OrderAction::ExtendHold { order_id, until } => {
            on_order(item, *order_id, |row| extend(item, row, *until, act, at))
        }
        OrderAction::Refund { order_id, units, restock } => {
            on_order(item, *order_id, |row| refund(item, row, (*units, *restock), act, at))
        }
        OrderAction::SettleRefund { due_id, reference } => {
            settle(item, offer, (*due_id, reference), act, at)
        }
    }
}

fn on_order(
    item: &Item,
    order_id: OrderId,
    decide: impl FnOnce(u32) -> Decided<Item>,
) -> Decided<Item> {
    let missing = || item.misdirected(Misdirected::not_found("order_id"));
    item.orders.find(order_id).map_or_else(missing, decide)
}

/// An event that this request caused on an order.
fn caused(
    item: &Item,
    order: u32,
    (request_id, index): (RequestId, u8),
    event: OrderEvent,
    at: Moment,
) -> Caused<ItemEvent> {
    Caused {
        event: ItemEvent::Order(event),
        id: item.id.event_id(request_id, index),
        correlation: item.orders.row(order).order_id.0,
        causation: request_id.0,
        judged_at: at.judged_at(),
    }
}

/// Judges what a shop tells of a payment that failed.
pub(super) fn payment_failure(
    item: &Item,
    offer: &ItemAdded,
    failure: PaymentFailure,
    at: Moment,
) -> Decided<Item> {
    let fingerprint = failure.fingerprint();
    if let Some(decided) = item.repeated(offer, failure.request_id, fingerprint) {
        return decided;
    }
    on_order(item, failure.order_id, |order| {
        let at = match held(item, order, at) {
            Ok(at) => at,
            Err(decided) => return *decided,
        };
        if item.orders.failed_payments(order) >= FAILED_PAYMENTS_MAX {
            return item.shown(Vec::new(), ItemShown::Order(order));
        }
        let row = item.orders.row(order);
        let PaymentFailure { request_id, order_id, payment_reference, code } = failure;
        let failed = OrderEvent::PaymentFailed(PaymentFailed {
            order_id,
            placed_revision: row.revision,
            request_id,
            fingerprint,
            payment_reference,
            code,
            failed_at_ms: at.stamp,
        });
        let caused = caused(item, order, (request_id, 0), failed, at);
        item.shown(vec![caused], ItemShown::Order(order))
    })
}

fn cancel(item: &Item, order: u32, act: &OrderAct, at: Moment) -> Decided<Item> {
    let at = match held(item, order, at) {
        Ok(at) => at,
        Err(decided) => return *decided,
    };
    let row = item.orders.row(order);
    let act = act.act();
    let request_id = act.request_id;
    let cancelled = OrderEvent::Cancelled(OrderCancelled {
        order_id: row.order_id,
        placed_revision: row.revision,
        request_id,
        fingerprint: act.fingerprint,
        units: i64::from(row.units),
        warehouses: item.warehouses(order),
        cause: CancelCause::Operator,
        act: Some(act),
        coupon_batch_id: item.coupon_batch(order),
        limited_by: item.limited_by(),
        cancelled_at_ms: at.stamp,
    });
    let caused = caused(item, order, (request_id, 0), cancelled, at);
    item.shown(vec![caused], ItemShown::Order(order))
}

fn extend(item: &Item, order: u32, until: UnixMs, act: &OrderAct, at: Moment) -> Decided<Item> {
    let judged = match held(item, order, at) {
        Ok(at) => at,
        Err(decided) => return *decided,
    };
    let in_force = item.orders.deadline(order).in_force();
    let problem = if until <= in_force {
        Some(format!("is {until}, and the hold lasts until {in_force} already"))
    } else if until > at.now.plus(EXTENSION_MS_MAX) {
        Some(format!("is {until}, more than 30 days after {}", at.now))
    } else {
        None
    };
    if let Some(problem) = problem {
        return item.misdirected(Misdirected::Invalid(Invalid::new("pay_by_time", problem)));
    }
    let row = item.orders.row(order);
    let extended = OrderEvent::HoldExtended(HoldExtended {
        order_id: row.order_id,
        placed_revision: row.revision,
        pay_by_ms: until,
        act: act.act(),
        extended_at_ms: at.stamp,
    });
    let caused = caused(item, order, (act.request_id, 0), extended, judged);
    item.shown(vec![caused], ItemShown::Order(order))
}

fn refund(
    item: &Item,
    order: u32,
    (units, restock): (i64, bool),
    act: &OrderAct,
    at: Moment,
) -> Decided<Item> {
    let row = item.orders.row(order);
    match row.state {
        OrderState::Paid => {}
        OrderState::Held => return item.refused(Refusal::NotPaid),
        OrderState::Expired => return item.refused(Refusal::OrderExpired),
        OrderState::Cancelled => return item.refused(Refusal::OrderCancelled),
        OrderState::Refunded => return item.refused(Refusal::OrderRefunded),
    }
    let back = item.units_back(order, units);
    if back.units_left < 0 {
        let left = back.units_left + units;
        let problem = format!("is {units}, and {left} units of the order are left");
        return item.misdirected(Misdirected::Invalid(Invalid::new("units", problem)));
    }
    let refunded = OrderEvent::Refunded(OrderRefunded {
        order_id: row.order_id,
        placed_revision: row.revision,
        units,
        units_left: back.units_left,
        amount_minor: back.amount_minor,
        restocked: restock,
        warehouses: back.warehouses,
        parts: back.parts,
        coupon_batch_id: item.coupon_batch(order).filter(|_| back.units_left == 0),
        act: act.act(),
        limited_by: item.limited_by(),
        refunded_at_ms: at.stamp,
    });
    let caused = caused(item, order, (act.request_id, 0), refunded, at);
    item.shown(vec![caused], ItemShown::Order(order))
}

fn settle(
    item: &Item,
    offer: &ItemAdded,
    (due_id, reference): (DueId, &str),
    act: &OrderAct,
    at: Moment,
) -> Decided<Item> {
    let Some(due) = item.orders.due_back(due_id) else {
        return item.misdirected(Misdirected::not_found("due_id"));
    };
    if let Some(known) = due.reference() {
        // Whoever sends the money may tell of it more than once.
        return match item.orders.receipt_of_due(due) {
            Some(receipt) if known == reference => item.first_answer(offer, receipt),
            _ => item.refused(Refusal::AlreadySettled),
        };
    }
    let row = item.orders.row(due.order);
    let settled = OrderEvent::RefundSettled(RefundSettled {
        due_id,
        order_id: row.order_id,
        placed_revision: row.revision,
        reference: reference.to_owned(),
        amount_minor: due.amount_minor,
        act: act.act(),
        settled_at_ms: at.stamp,
    });
    let caused = caused(item, due.order, (act.request_id, 0), settled, at);
    item.shown(vec![caused], ItemShown::Order(due.order))
}

/// Units that come back, and what goes back for them.
pub(super) struct UnitsBack {
    /// Below 0 where the buyer has fewer.
    pub(super) units_left: i64,
    pub(super) amount_minor: i64,
    pub(super) warehouses: Vec<WarehouseUnits>,
    pub(super) parts: Vec<OrderPart>,
}

impl Item {
    /// What comes back with so many more units of a paid order: the last ones first, and their share
    /// of what was paid, so that all parts of it add up to the total.
    pub(super) fn units_back(&self, order: u32, units: i64) -> UnitsBack {
        let row = self.orders.row(order);
        let (before, refunded_minor) = self.orders.refunded(order);
        let all = i64::from(row.units);
        let back = before.saturating_add(units);
        let share = i128::from(row.total_minor) * i128::from(back) / i128::from(all.max(1));
        // At most the total where at most all units come back.
        let share = i64::try_from(share).unwrap_or(row.total_minor);
        let last = (before, units);
        UnitsBack {
            units_left: all - back,
            amount_minor: share - refunded_minor,
            warehouses: last_units(&self.warehouses(order), last, |at| &mut at.units),
            parts: last_units(self.orders.parts(order), last, |part| &mut part.units),
        }
    }

    /// The events that bring an expired order back for its payment; `None` where that cannot be.
    pub(super) fn reinstated(
        &self,
        offer: &ItemAdded,
        order: u32,
        request_id: RequestId,
        at: Moment,
    ) -> Option<Vec<Caused<ItemEvent>>> {
        let within_ms = offer.reinstate_within_ms?;
        let row = self.orders.row(order);
        let units = i64::from(row.units);
        let lately = at.now < self.orders.deadline(order).at.plus(within_ms);
        let gift = self.orders.terms(order).is_some_and(|terms| terms.gift.is_some());
        let waited = self.orders.awaited(order).is_some();
        let held = row.state == OrderState::Held;
        let more = if held { 0 } else { units };
        let buyer = self.orders.units_of(self.orders.buyer(row)) + more;
        let over = self.limit_per_buyer.is_some_and(|limit| buyer > limit);
        if !lately || gift || waited || over {
            return None;
        }
        let mut events = Vec::new();
        let warehouses = if held {
            // Its own units are free by its expiry, in the same append.
            events.push(expiry(self, order, at));
            self.warehouses(order)
        } else {
            if self.stock.total().available < units || !self.has_room(order) {
                return None;
            }
            let region = self.orders.region(order).and_then(|region| offer.regions.get(region));
            self.draw(offer, units, region.map_or("", |region| &region.name))
        };
        let reinstated = OrderEvent::Reinstated(OrderReinstated {
            order_id: row.order_id,
            placed_revision: row.revision,
            units,
            warehouses,
            parts: self.orders.parts(order).to_vec(),
            reinstated_at_ms: at.stamp,
        });
        events.push(caused(self, order, (request_id, 1), reinstated, at));
        Some(events)
    }

    /// Whether the steps from which the order's units came have room for them again.
    fn has_room(&self, order: u32) -> bool {
        let Some(ladder) = self.ladder.as_deref() else { return true };
        if ladder.number() != self.orders.row(order).ladder
            || ladder.prices().returned_units == ReturnedUnits::NextPrice
        {
            return true;
        }
        let parts = self.orders.parts(order);
        parts.iter().all(|part| {
            let counts = part.step.and_then(|step| ladder.steps().get(usize::from(step)));
            counts.is_none_or(|counts| ladder.free(counts) >= part.units)
        })
    }
}

/// The last units of a list, without the very last ones, which came back before. Keeps the order.
fn last_units<T: Clone>(
    of: &[T],
    (before, units): (i64, i64),
    units_of: impl Fn(&mut T) -> &mut i64,
) -> Vec<T> {
    let (mut skip, mut left) = (before, units);
    let mut last = Vec::new();
    for part in of.iter().rev() {
        let mut part = part.clone();
        let there = units_of(&mut part);
        let skipped = skip.min(*there);
        skip -= skipped;
        let taken = left.min(*there - skipped);
        left -= taken;
        *there = taken;
        if taken > 0 {
            last.push(part);
        }
    }
    last.reverse();
    last
}
