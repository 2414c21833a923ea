//! The life of an order beside its payment and its end: failed payments, later deadlines, orders that
//! come back for a late payment, units and money that go back.

use uuid::Uuid;

use super::{ItemBook, Read, Say, goods::differ, purchase::check_sum};
use crate::{
    auditor::Event,
    bodies::{
        HoldExtended, OrderPart, OrderRefunded, OrderReinstated, PaymentFailed, RefundSettled,
    },
    chain,
    ladder::Parts,
    orders::{State, cut},
};

/// Most failed payments that are recorded of an order.
const FAILED_PAYMENTS_MAX: u32 = 20;
/// Longest time from an extension to the deadline that it sets: 30 days.
const EXTENSION_MS_MAX: i64 = 30 * 24 * 3600 * 1000;
/// Longest time after its deadline in which an order can be reinstated: 30 days.
const REINSTATE_WITHIN_MS_MAX: i64 = 30 * 24 * 3600 * 1000;

/// What the event before has to do with the next one.
#[derive(Default)]
pub(super) struct Before {
    /// The order whose hold it ended.
    pub expired: Option<u32>,
    /// The order that it reinstated.
    pub reinstated: Option<Reinstated>,
}

/// An order that was held again and has to be paid by the next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reinstated {
    order: Uuid,
    request: Uuid,
    at_ms: i64,
    judged_at_ms: i64,
}

impl ItemBook {
    /// Whether an event of that kind belongs to this file's rules. Reads and judges it if so.
    pub(super) fn apply_life(
        &mut self,
        event: &Event<'_>,
        before: &Before,
        say: Say<'_>,
    ) -> Option<Read> {
        let read = match event.kind {
            "PaymentFailed" => self.payment_failed(event, say),
            "HoldExtended" => self.hold_extended(event, say),
            "OrderReinstated" => self.reinstated(event, before, say),
            "OrderRefunded" => self.refunded(event, say),
            "RefundSettled" => self.refund_settled(event, say),
            _ => return None,
        };
        self.goods.plain = false;
        Some(read)
    }

    /// Whether the time in which late payments bring orders back is one.
    pub(super) fn check_reinstate_within(&self, within_ms: Option<i64>, say: Say<'_>) {
        if let Some(within_ms) = within_ms.filter(|ms| !(1..=REINSTATE_WITHIN_MS_MAX).contains(ms))
        {
            let expected = format!("1 to {REINSTATE_WITHIN_MS_MAX} ms");
            differ("time for late payments", expected, within_ms, say);
        }
    }

    fn payment_failed(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let failed: PaymentFailed<'_> = serde_json::from_slice(event.data)?;
        let order = failed.order_id.0;
        self.end_time(event, failed.failed_at_ms, say);
        self.requested(event, order, failed.request_id, say);
        if failed.payment_reference.is_empty() || failed.code.is_empty() {
            say("a payment failed without a reference or a code".to_owned());
        }
        let Some(row) = self.find(event, order, failed.placed_revision, say) else {
            return Ok(());
        };
        self.check_held(row, event.judged_at(failed.failed_at_ms), "failed payment", say);
        let count = self.orders.payment_failed(row);
        if count > FAILED_PAYMENTS_MAX {
            differ("failed payments", format!("at most {FAILED_PAYMENTS_MAX}"), count, say);
        }
        Ok(())
    }

    fn hold_extended(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let extended: HoldExtended = serde_json::from_slice(event.data)?;
        let (order, at_ms, until_ms) =
            (extended.order_id.0, extended.extended_at_ms, extended.pay_by_ms);
        self.end_time(event, at_ms, say);
        self.requested(event, order, extended.act.request_id, say);
        let Some(row) = self.find(event, order, extended.placed_revision, say) else {
            return Ok(());
        };
        self.check_held(row, event.judged_at(at_ms), "extension of a hold", say);
        let before_ms = self.orders.row(row).pay_by_ms;
        // Where it was judged at another moment, the deadline before may have been moved with the
        // clock to one that is not known here.
        if until_ms <= before_ms && !event.is_judged_apart() {
            differ("extension of a hold", format!("a deadline after {before_ms}"), until_ms, say);
        }
        let latest_ms = at_ms.saturating_add(EXTENSION_MS_MAX);
        if until_ms > latest_ms {
            let expected = format!("a deadline of {latest_ms} at most");
            differ("extension of a hold", expected, until_ms, say);
        }
        self.orders.extend(row, until_ms);
        Ok(())
    }

    /// Whether the hold of an order was not over at that moment.
    fn check_held(&self, row: u32, judged_at_ms: i64, rule: &str, say: Say<'_>) {
        let order = self.orders.row(row);
        if order.state != State::Held {
            differ(rule, "an order that is held", order.state.verb(), say);
        } else if judged_at_ms >= order.pay_by_ms {
            let expected = format!("a moment before the deadline {}", order.pay_by_ms);
            differ(rule, expected, judged_at_ms, say);
        }
    }

    fn reinstated(&mut self, event: &Event<'_>, before: &Before, say: Say<'_>) -> Read {
        let back: OrderReinstated<'_> = serde_json::from_slice(event.data)?;
        let (order, at_ms, request) = (back.order_id.0, back.reinstated_at_ms, event.causation);
        let judged_at_ms = event.judged_at(at_ms);
        self.end_time(event, at_ms, say);
        // The payment is the first event that the request causes.
        if !event.has_id(chain::event_id(self.id, request, 1)) {
            say(format!("the event id is not the one that request {request} makes"));
        }
        event.check_story(order, request, say);
        let Some(row) = self.find(event, order, back.placed_revision, say) else {
            return Ok(());
        };
        let state = self.orders.row(row).state;
        if state != State::Expired {
            differ("reinstatement", "an order that is expired", state.verb(), say);
            return Ok(());
        }
        self.check_late(row, judged_at_ms, say);
        self.check_same(row, &back, say);
        self.check_origin(row, &back, before.expired == Some(row), say);
        let from = self.hold_units(&back.warehouses, back.units, say);
        let ladder = self.goods.ladder.as_mut();
        if let Some(priced) = self.orders.priced(row)
            && let Some(ladder) = ladder.filter(|ladder| ladder.number == priced.ladder)
        {
            ladder.take_again(&priced.parts);
        }
        let buyer_units = self.orders.hold_again(row, from);
        self.check_limit(format_args!("the buyer of order {order}"), buyer_units, say);
        self.before.reinstated = Some(Reinstated { order, request, at_ms, judged_at_ms });
        Ok(())
    }

    /// Whether a payment that late brings the order back.
    fn check_late(&self, row: u32, judged_at_ms: i64, say: Say<'_>) {
        let Some(within_ms) = self.goods.reinstate_within_ms else {
            return differ("reinstatement", "an item that reinstates orders", "one without", say);
        };
        let until_ms = self.orders.row(row).pay_by_ms.saturating_add(within_ms);
        if judged_at_ms >= until_ms {
            differ("reinstatement", format!("a moment before {until_ms}"), judged_at_ms, say);
        }
    }

    /// Whether the order comes back as it was placed, and its steps have room for it.
    fn check_same(&self, row: u32, back: &OrderReinstated<'_>, say: Say<'_>) {
        let units = self.orders.row(row).units;
        if i64::from(units) != back.units {
            differ("units of a reinstatement", units, back.units, say);
        }
        let priced = self.orders.priced(row);
        let parts = priced.map_or(&[][..], |priced| &priced.parts);
        if parts != back.parts {
            differ("parts of a reinstatement", Parts(parts), Parts(&back.parts), say);
        }
        let Some(priced) = priced else { return };
        if priced.gift.is_some() {
            differ("reinstatement", "an order without a gift", "one with a gift", say);
        }
        let ladder = self.goods.ladder.as_ref().filter(|ladder| ladder.number == priced.ladder);
        if let Some((part, free)) = ladder.and_then(|ladder| ladder.lacking(parts)) {
            let found = Parts(std::slice::from_ref(part));
            differ("steps of a reinstatement", format!("at most {free} free units"), found, say);
        }
    }

    /// Whether the units come from the warehouses that a new order would get. Where the hold ended by
    /// the event before, its own units may not have left it at all.
    fn check_origin(&mut self, row: u32, back: &OrderReinstated<'_>, own: bool, say: Say<'_>) {
        check_sum(&back.warehouses, back.units, say);
        let order = self.orders.row(row);
        let held = self.orders.parts(order.from, order.units);
        if !own || held != self.stock.parts(&back.warehouses) {
            let region = self.goods.region_of.get(&back.order_id.0).cloned().unwrap_or_default();
            self.check_choice((back.units, &region), &back.warehouses, say);
        }
    }

    /// Complains of an order that was reinstated, and not paid by that event.
    pub(super) fn check_unpaid(&mut self, found: &str, say: Say<'_>) {
        if let Some(Reinstated { order, .. }) = self.before.reinstated.take() {
            differ("reinstatement", format!("OrderPaid of order {order}"), found, say);
        }
    }

    /// Whether a payment is the one that reinstated its order; one that follows a reinstatement must be.
    pub(super) fn pays_again(
        &self,
        event: &Event<'_>,
        before: &Before,
        (order, at_ms): (Uuid, i64),
        say: Say<'_>,
    ) -> bool {
        let Some(expected) = before.reinstated else { return false };
        let (request, judged_at_ms) = (event.causation, event.judged_at(at_ms));
        let found = Reinstated { order, request, at_ms, judged_at_ms };
        if found != expected {
            differ("payment of a reinstatement", expected, found, say);
        }
        found.order == expected.order
    }

    fn refunded(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let refund: OrderRefunded<'_> = serde_json::from_slice(event.data)?;
        let (order, request) = (refund.order_id.0, refund.act.request_id);
        self.time(event, refund.refunded_at_ms, say);
        self.check_limited_by(refund.limited_by, say);
        self.requested(event, order, request, say);
        let Some(row) = self.find(event, order, refund.placed_revision, say) else {
            return Ok(());
        };
        let state = self.orders.row(row).state;
        if state != State::Paid {
            differ("refund", "an order that is paid", state.verb(), say);
            return Ok(());
        }
        let all = i64::from(self.orders.row(row).units);
        let kept = all - self.orders.story(row).refunded_units;
        if !(1..=kept).contains(&refund.units) {
            differ("units of a refund", format!("1 to {kept}"), refund.units, say);
            return Ok(());
        }
        let left = kept - refund.units;
        if refund.units_left != left {
            differ("units left after a refund", left, refund.units_left, say);
        }
        if left == 0 {
            self.ended_with_coupon(order, (refund.coupon_batch_id, true), say);
        } else if refund.coupon_batch_id.is_some() {
            say(format!("order {order} keeps units, and its coupon is said to come back"));
        }
        let due = self.share(row, all - left);
        if i128::from(refund.amount_minor) != due {
            differ("amount of a refund", due, refund.amount_minor, say);
        }
        self.take_back(row, &refund, left..kept, say);
        self.orders.refund(row, refund.units, due);
        self.orders.owe(chain::event_id(self.id, request.0, 0), row, refund.amount_minor);
        self.count(say);
        Ok(())
    }

    /// What is to be given back where so many units have come back in all: their share of the total,
    /// rounded down, less what was given back before.
    fn share(&self, row: u32, back: i64) -> i128 {
        let all = i128::from(self.orders.row(row).units);
        self.orders.total(row) * i128::from(back) / all - self.orders.story(row).refunded_minor
    }

    /// Takes the units of an order in that range out of its warehouses and steps: the last ones first.
    fn take_back(
        &mut self,
        row: u32,
        refund: &OrderRefunded<'_>,
        range: std::ops::Range<i64>,
        say: Say<'_>,
    ) {
        let order = self.orders.row(row);
        let from = cut(self.orders.parts(order.from, order.units), range.clone());
        self.check_warehouses("warehouses of a refund", &from, &refund.warehouses, say);
        let priced = self.orders.priced(row);
        let parts = priced.map_or(&[][..], |priced| &priced.parts);
        let parts = cut(parts.iter().map(|part| (part, part.units)), range);
        let parts: Vec<OrderPart> =
            parts.into_iter().map(|(part, units)| OrderPart { units, ..*part }).collect();
        if parts != refund.parts {
            differ("parts of a refund", Parts(&parts), Parts(&refund.parts), say);
        }
        if !refund.restocked {
            return self.stock.write_off(&from);
        }
        self.stock.restock(&from);
        let ladder = self.goods.ladder.as_mut();
        let number = priced.map(|priced| priced.ladder);
        if let Some(ladder) = ladder.filter(|ladder| Some(ladder.number) == number) {
            ladder.give_back(&parts);
        }
    }

    fn refund_settled(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let settled: RefundSettled<'_> = serde_json::from_slice(event.data)?;
        let (order, due_id) = (settled.order_id.0, settled.due_id.0);
        self.time(event, settled.settled_at_ms, say);
        self.requested(event, order, settled.act.request_id, say);
        if settled.reference.is_empty() {
            say("money is settled without a reference".to_owned());
        }
        let row = self.find(event, order, settled.placed_revision, say);
        let Some(due) = self.orders.due(due_id).filter(|due| Some(due.row) == row) else {
            let found = format!("{due_id} of order {order}");
            differ("settlement", "money that is due for its order", found, say);
            return Ok(());
        };
        let amount_minor = due.amount_minor;
        if std::mem::replace(&mut due.settled, true) {
            differ("settlement", "money that is not settled yet", due_id, say);
        }
        if settled.amount_minor != amount_minor {
            differ("amount of a settlement", amount_minor, settled.amount_minor, say);
        }
        Ok(())
    }
}

impl std::fmt::Display for Reinstated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { order, request, at_ms, judged_at_ms } = self;
        write!(f, "order {order} by request {request} at {at_ms}")?;
        if at_ms != judged_at_ms {
            write!(f, ", judged at {judged_at_ms}")?;
        }
        Ok(())
    }
}
