//! How what an order waits for is settled: the limit of its buyer over the whole sale, then its
//! coupon. The answers come from other aggregates; an order of which nothing is open any more ignores
//! them, so they can be sent twice.

use uuid::Uuid;

use super::{
    AwaitVerdict, Item, ItemOutcome, ItemShown, OrderState, Refusal, SettleAwait, ending::held,
};
use crate::{
    domain::{Caused, Decided, Misdirected, Moment},
    events::{
        CancelCause, CouponApplied, CouponAsked, CouponDenied, CouponReason, CouponTaken, IfDenied,
        ItemEvent, LimitGranted, OfferApplied, OrderCancelled, OrderEvent,
    },
    values::{BatchId, CouponId, Fingerprint, RequestId, SaleId},
};

/// Judges what another aggregate says.
pub(super) fn settle(item: &Item, settle: &SettleAwait, at: Moment) -> Decided<Item> {
    let Some(order) = item.orders.find(settle.order_id) else {
        return item.misdirected(Misdirected::not_found("order_id"));
    };
    let next = item.orders.awaited(order).and_then(|awaited| awaited.open().next());
    let is_next = next == Some(settle.verdict.about());
    if !is_next || item.orders.row(order).state != OrderState::Held {
        return item.shown(Vec::new(), ItemShown::Placed(order));
    }
    let at = match held(item, order, at) {
        Ok(at) => at,
        Err(decided) => return *decided,
    };
    let (first, cause) = match settle.verdict {
        AwaitVerdict::LimitGranted => (Some(granted(item, order, at)), None),
        AwaitVerdict::LimitDenied => (None, Some(CancelCause::OverSaleLimit)),
        AwaitVerdict::CouponGranted { coupon_id, discount_minor } => {
            coupon_granted(item, order, (coupon_id, discount_minor), at)
        }
        AwaitVerdict::CouponDenied(reason) => coupon_denied(item, order, reason, at),
    };
    let mut events: Vec<_> = first.into_iter().collect();
    let granted = matches!(settle.verdict, AwaitVerdict::CouponGranted { .. });
    let may_be_bound = item.coupon_batch(order).filter(|_| granted);
    events.extend(cause.map(|cause| cancelled(item, order, (cause, may_be_bound), at)));
    let events = events.into_iter().map(|(name, event)| caused(item, order, name, event, at));
    item.shown(events.collect(), ItemShown::Placed(order))
}

/// A name that makes the event's id with that of its order.
type Named = (&'static str, OrderEvent);

fn caused(item: &Item, order: u32, name: &str, event: OrderEvent, at: Moment) -> Caused<ItemEvent> {
    let order_id = item.orders.row(order).order_id.0;
    Caused {
        event: ItemEvent::Order(event),
        id: Uuid::new_v5(&order_id, name.as_bytes()),
        correlation: order_id,
        causation: order_id,
        judged_at: at.judged_at(),
    }
}

fn granted(item: &Item, order: u32, at: Moment) -> Named {
    let row = item.orders.row(order);
    let granted = LimitGranted {
        order_id: row.order_id,
        placed_revision: row.revision,
        granted_at_ms: at.stamp,
    };
    ("limit granted", OrderEvent::LimitGranted(granted))
}

fn coupon_granted(
    item: &Item,
    order: u32,
    (coupon_id, discount_minor): (CouponId, i64),
    at: Moment,
) -> (Option<Named>, Option<CancelCause>) {
    let row = item.orders.row(order);
    let Some(asked) = item.asked(order) else { return (None, None) };
    let total_minor = row.total_minor - discount_minor;
    if asked.max_total_minor.is_some_and(|most| total_minor > most) {
        return (None, Some(CancelCause::Price));
    }
    let applied = CouponApplied {
        order_id: row.order_id,
        placed_revision: row.revision,
        coupon: CouponTaken { batch_id: asked.batch_id, coupon_id, discount_minor },
        total_minor,
        applied_at_ms: at.stamp,
    };
    (Some(("coupon applied", OrderEvent::CouponApplied(applied))), None)
}

fn coupon_denied(
    item: &Item,
    order: u32,
    reason: CouponReason,
    at: Moment,
) -> (Option<Named>, Option<CancelCause>) {
    let row = item.orders.row(order);
    let Some(asked) = item.asked(order) else { return (None, None) };
    let offer = item.offer_instead(order, &asked);
    let discount = offer.as_ref().map_or(0, |offer| offer.discount_minor);
    let total_minor = row.total_minor - discount;
    let cause = match asked.if_denied {
        IfDenied::Cancel => Some(CancelCause::Coupon),
        IfDenied::Keep if asked.max_total_minor.is_some_and(|most| total_minor > most) => {
            Some(CancelCause::Price)
        }
        IfDenied::Keep => None,
    };
    let denied = CouponDenied {
        order_id: row.order_id,
        placed_revision: row.revision,
        reason,
        offer,
        total_minor,
        denied_at_ms: at.stamp,
    };
    (Some(("coupon denied", OrderEvent::CouponDenied(denied))), cause)
}

fn cancelled(
    item: &Item,
    order: u32,
    (cause, coupon_batch_id): (CancelCause, Option<BatchId>),
    at: Moment,
) -> Named {
    let row = item.orders.row(order);
    let request_id = RequestId(Uuid::new_v5(&row.order_id.0, b"awaited in vain"));
    let cancelled = OrderCancelled {
        order_id: row.order_id,
        placed_revision: row.revision,
        request_id,
        fingerprint: Fingerprint::of([b"awaited in vain".as_slice(), row.order_id.0.as_bytes()]),
        units: i64::from(row.units),
        warehouses: item.warehouses(order),
        cause,
        act: None,
        coupon_batch_id,
        limited_by: item.limited_by(),
        cancelled_at_ms: at.stamp,
    };
    ("cancelled in vain", OrderEvent::Cancelled(cancelled))
}

impl Item {
    /// The sale whose limit over all items counts the orders of this one.
    pub(super) fn limited_by(&self) -> Option<SaleId> {
        Some(self.offer.as_ref()?.sale_limit()?.sale_id)
    }

    fn asked(&self, order: u32) -> Option<CouponAsked> {
        self.orders.awaited(order)?.asked()
    }

    /// The batch of the coupon that an order asked for or has: one may be bound to it. `None` once the
    /// coupon is denied.
    pub(super) fn coupon_batch(&self, order: u32) -> Option<BatchId> {
        let awaited = self.orders.awaited(order).filter(|awaited| awaited.denied.is_none())?;
        awaited.batch_id()
    }

    /// Why an order was cancelled before it could be paid, where what it waited for is the reason.
    pub(super) fn refused_in_vain(&self, order: u32) -> Option<Refusal> {
        match self.orders.awaited(order)?.cancelled? {
            CancelCause::Buyer | CancelCause::Operator => None,
            CancelCause::OverSaleLimit => Some(Refusal::OverSaleLimit),
            CancelCause::Coupon => Some(Refusal::CouponRefused),
            CancelCause::Price => Some(Refusal::PriceChanged),
        }
    }

    /// The money offer that the order would have had without its coupon, as of when it was placed.
    pub(super) fn offer_instead(&self, order: u32, asked: &CouponAsked) -> Option<OfferApplied> {
        if !asked.skip_offers || asked.if_denied != IfDenied::Keep {
            return None;
        }
        let row = self.orders.row(order);
        let offers = self.offers.as_deref()?;
        offers.best(i64::from(row.units), row.total_minor, row.placed_at)
    }

    /// What the placing of an order that waits, or waited, comes to; also to a repeated request.
    pub(super) fn placed_outcome(&self, order: u32) -> ItemOutcome {
        let Some(offer) = &self.offer else {
            return ItemOutcome::Misdirected(Misdirected::not_found("item_id"));
        };
        let awaited = self.orders.awaited(order);
        let ended = match self.orders.row(order).state {
            OrderState::Expired => Some(Refusal::OrderExpired),
            OrderState::Cancelled => Some(Refusal::OrderCancelled),
            OrderState::Held | OrderState::Paid | OrderState::Refunded => None,
        };
        // It may also have ended before it was known what it costs: then that is its outcome.
        let in_vain = self.refused_in_vain(order);
        match in_vain.or_else(|| ended.filter(|_| self.waits(order))) {
            None => ItemOutcome::Order(self.order(offer, order, Some(OrderState::Held))),
            Some(refusal) => ItemOutcome::Refused {
                refusal,
                available: None,
                quote: None,
                coupon: awaited
                    .and_then(|awaited| awaited.denied)
                    .filter(|_| refusal == Refusal::CouponRefused),
            },
        }
    }

    /// Whether the order waits for something.
    pub(super) fn waits(&self, order: u32) -> bool {
        self.orders.awaited(order).is_some_and(|awaited| awaited.open().next().is_some())
    }
}
