//! The rules of an item: from a command and the state to events or a refusal.
//!
//! A repeated request is recognised first, so it gets its first answer whatever has changed since.
//! Then the window, the limits and the stock are checked, in this order.

use super::{
    AddItem, CancelOrder, Item, ItemCommand, ItemOutcome, ItemShown, OrderState, PlaceMore,
    PlaceOrder, RecordPayment, Refusal, answer::refusal_of, awaits, ending, order_life,
    pricing::Priced, steer,
};
use crate::{
    domain::{AnswerFrom, Caused, Decided, Decision, Misdirected, Moment, eligibility::admits},
    events::{
        Act, Attempt, AttemptOutcome, AudienceSet, Await, CancelCause, CouponAsked, ItemAdded,
        ItemEvent, ItemPlan, ItemScheduled, OfferEvent, OffersSet, OrderCancelled, OrderEvent,
        OrderPaid, OrderPlaced, Position, PricesSet, PurchaseLimitSet, RefundCause, RefundDue,
        ReservePlanSet, ReserveSet, StockAllocated, StockEvent, WarehouseUnits,
    },
    values::{Fingerprint, OrderId, RequestId, UNITS_MAX, UnixMs, shopper_hash},
};

pub(super) fn decide(item: &Item, command: ItemCommand, at: Moment) -> Decided<Item> {
    let Some(offer) = &item.offer else {
        return match command {
            ItemCommand::Add(add) => add_item(item, *add, at.now),
            _ => item.misdirected(Misdirected::not_found("item_id")),
        };
    };
    match command {
        // The sale that planned the item sends this again after a crash.
        ItemCommand::Add(add) => add_again(item, &add),
        ItemCommand::Quote { units, more } => quote(item, offer, units, more.as_deref(), at.now),
        ItemCommand::Show => item.shown(Vec::new(), ItemShown::Item),
        ItemCommand::PlaceOrder(place) => place_order(item, offer, place, at),
        ItemCommand::RecordPayment(payment) => record_payment(item, offer, payment, at),
        ItemCommand::CancelOrder(cancel) => cancel_order(item, offer, cancel, at),
        ItemCommand::PaymentFailed(failure) => {
            order_life::payment_failure(item, offer, failure, at)
        }
        ItemCommand::SettleAwait(verdict) => awaits::settle(item, &verdict, at),
        ItemCommand::OrderAct(act) => order_life::order_act(item, offer, &act, at),
        ItemCommand::Steer(steer) => steer::steer(item, offer, steer, at),
        ItemCommand::ShowOrder { order_id, buyer } => match item.orders.find(order_id) {
            // Another buyer's order and no order at all must look the same.
            Some(row)
                if buyer.is_none_or(|buyer| item.orders.buyer(item.orders.row(row)) == buyer) =>
            {
                item.shown(Vec::new(), ItemShown::Order(row))
            }
            _ => item.misdirected(Misdirected::not_found("order_id")),
        },
    }
}

fn add_item(item: &Item, add: AddItem, now: UnixMs) -> Decided<Item> {
    let AddItem { request_id, sale_id, currency, mut plan, sale_limit_per_buyer, operator } = add;
    let act = Act::planned(request_id, operator);
    let terms = terms(item, &mut plan, &act, now);
    let mut events = vec![
        ItemEvent::Offer(OfferEvent::Added(ItemAdded {
            sale_id,
            sku: plan.sku,
            title: plan.title,
            currency,
            unit_price_minor: plan.unit_price_minor,
            time_to_pay_ms: plan.time_to_pay_ms,
            regions: plan.regions,
            draw: plan.draw,
            reinstate_within_ms: plan.reinstate_within_ms,
            sale_limit_per_buyer,
            added_at_ms: now,
        })),
        ItemEvent::Offer(OfferEvent::Scheduled(ItemScheduled {
            opens_at_ms: plan.opens_at_ms,
            closes_at_ms: plan.closes_at_ms,
            moved_ms: 0,
            sale_revision: None,
            act: None,
            scheduled_at_ms: None,
        })),
        ItemEvent::Offer(OfferEvent::PurchaseLimitSet(PurchaseLimitSet {
            per_buyer: plan.limit_per_buyer,
            per_order: plan.limit_per_order,
            act: None,
            set_at_ms: None,
        })),
    ];
    events.extend(terms.into_iter().map(ItemEvent::Offer));
    let suppliers = plan.suppliers;
    events.extend(plan.units.into_iter().map(|WarehouseUnits { warehouse, units }| {
        let act = act.clone();
        let supplier = suppliers.iter().find(|of| of.warehouse == warehouse);
        let supplier = supplier.map(|of| of.supplier.clone());
        ItemEvent::Stock(StockEvent::Allocated(StockAllocated {
            warehouse,
            units,
            supplier,
            act,
            allocated_at_ms: now,
        }))
    }));
    events.extend(plan.reserve.into_iter().map(|WarehouseUnits { warehouse, units }| {
        let act = act.clone();
        ItemEvent::Stock(StockEvent::ReserveSet(ReserveSet {
            warehouse,
            units,
            act,
            set_at_ms: now,
        }))
    }));
    let caused = (0..).zip(events).map(|(index, event)| Caused {
        event,
        id: item.id.event_id(request_id, index),
        correlation: sale_id.0,
        causation: request_id.0,
        // Nothing stands before it in its stream.
        judged_at: None,
    });
    item.shown(caused.collect(), ItemShown::Item)
}

/// What only some items have: a ladder, offers, an audience, a reserve plan.
fn terms(item: &Item, plan: &mut ItemPlan, act: &Act, now: UnixMs) -> Vec<OfferEvent> {
    let mut terms = Vec::new();
    if let Some(prices) = plan.prices.take() {
        let (ladder, act) = (item.next_ladder(), act.clone());
        let set = PricesSet { ladder, prices, act, set_at_ms: now };
        terms.push(OfferEvent::PricesSet(set));
    }
    if !plan.offers.is_empty() {
        let set = OffersSet {
            offers: std::mem::take(&mut plan.offers),
            act: act.clone(),
            set_at_ms: now,
        };
        terms.push(OfferEvent::OffersSet(set));
    }
    if let Some(audience) = plan.audience.take() {
        let set = AudienceSet { audience, act: act.clone(), set_at_ms: now };
        terms.push(OfferEvent::AudienceSet(set));
    }
    if !plan.reserve_plan.is_empty() {
        let steps = std::mem::take(&mut plan.reserve_plan);
        let set = ReservePlanSet { steps, act: act.clone(), set_at_ms: now };
        terms.push(OfferEvent::ReservePlanSet(set));
    }
    terms
}

/// The item as it is, at the place where it was added: a sale that is created twice tells the same
/// position twice.
fn add_again(item: &Item, add: &AddItem) -> Decided<Item> {
    let mut again = item.shown(Vec::new(), ItemShown::Item);
    if let Some(first) = item.acts.get(&add.request_id) {
        // The first event with the act is remembered; the others follow it in one append.
        let ItemPlan { units, reserve, prices, offers, audience, reserve_plan, .. } = &add.plan;
        let terms =
            [prices.is_some(), !offers.is_empty(), audience.is_some(), !reserve_plan.is_empty()];
        let terms = terms.into_iter().filter(|written| *written).count();
        let behind = (terms + units.len() + reserve.len()).saturating_sub(1) as u64;
        again.revision = first.revision + behind;
        again.position = first.position.map(|at| Position(at.0 + behind));
    }
    again
}

fn place_order(item: &Item, offer: &ItemAdded, place: PlaceOrder, at: Moment) -> Decided<Item> {
    if let Some(row) = item.orders.find(place.order_id) {
        let first = item.orders.row(row);
        if first.fingerprint != place.fingerprint {
            return item.reused(place.request_id);
        }
        let mut repeated = item.told(item.placed_outcome(row));
        // What came of an order that waited stands behind the order itself.
        if item.orders.awaited(row).is_none() {
            repeated.revision = first.revision;
            repeated.position = item.orders.position(row);
        }
        repeated.attempt = Some(item.attempt(place, AttemptOutcome::Repeated));
        return repeated;
    }
    if item.orders.receipt(place.request_id).is_some() || item.acts.contains_key(&place.request_id)
    {
        return item.reused(place.request_id);
    }
    let (buyer, more) = (Some(place.buyer.as_str()), place.more.as_deref());
    let unobstructed = obstacle(item, buyer, place.units, more, at.now)
        .map_or(Ok(()), |refusal| Err((refusal, None)));
    let priced = unobstructed.and_then(|()| item.priced(offer, place.units, more, at.now));
    let priced = match priced {
        Ok(priced) => priced,
        Err((refusal, quote)) => {
            let mut refused = item.refused_with(refusal, quote);
            refused.attempt = refusal.as_attempt().map(|outcome| item.attempt(place, outcome));
            return refused;
        }
    };
    let placed = placed(item, offer, place, priced, at);
    let attempt = Attempt {
        buyer_hash: shopper_hash(&placed.buyer),
        units: placed.units,
        outcome: AttemptOutcome::Placed,
        channel: placed.channel.clone(),
    };
    let caused = Caused {
        id: placed.order_id.0,
        correlation: placed.order_id.0,
        causation: placed.request_id.0,
        event: ItemEvent::Order(OrderEvent::Placed(placed)),
        judged_at: at.judged_at(),
    };
    Decision {
        attempt: Some(attempt),
        ..item.shown(vec![caused], ItemShown::Placed(item.orders.next_row()))
    }
}

/// The order that is placed.
fn placed(
    item: &Item,
    offer: &ItemAdded,
    place: PlaceOrder,
    priced: Priced,
    at: Moment,
) -> OrderPlaced {
    let warehouses = item.draw(offer, place.units, region_of(place.more.as_deref()));
    let PlaceOrder { request_id, order_id, fingerprint, buyer, units, channel, more } = place;
    let PlaceMore { max_total_minor, region, shopper, coupon, references } =
        more.map_or_else(PlaceMore::default, |more| *more);
    let coupon = coupon.map(|asked| Box::new(CouponAsked { max_total_minor, ..asked }));
    let sale_limit = offer.sale_limit().map(Box::new);
    // In the order in which it is settled.
    let limit = sale_limit.iter().map(|_| Await::SaleLimit);
    let awaits = limit.chain(coupon.iter().map(|_| Await::Coupon)).collect();
    let Priced { unit_price_minor, terms, total_minor } = priced;
    OrderPlaced {
        order_id,
        request_id,
        fingerprint,
        buyer,
        units,
        unit_price_minor,
        parts: terms.parts,
        offer: terms.offer,
        gift: terms.gift.map(Box::new),
        gift_gone: terms.gift_gone,
        total_minor,
        warehouses,
        channel,
        region,
        shopper: shopper.map(Box::new),
        awaits,
        coupon,
        sale_limit,
        shop_order_id: references.shop_order_id,
        labels: references.labels,
        placed_at_ms: at.stamp,
        pay_by_ms: at.now.plus(offer.time_to_pay_ms),
    }
}

/// Whose warehouses are preferred; empty where none are.
fn region_of(more: Option<&PlaceMore>) -> &str {
    more.map_or("", |more| &more.region)
}

/// What an order would cost now, and what would be in its way.
fn quote(
    item: &Item,
    offer: &ItemAdded,
    units: i64,
    more: Option<&PlaceMore>,
    now: UnixMs,
) -> Decided<Item> {
    let quote = Box::new(item.quote_view(offer, units, now));
    let available = item.stock.total().available;
    let refusal = obstacle(item, None, units, more, now)
        .or_else(|| quote.quote.is_refused_without_gift().then_some(Refusal::GiftGone));
    let warehouses =
        if units <= available { item.draw(offer, units, region_of(more)) } else { Vec::new() };
    item.told(ItemOutcome::Quote { quote, available, refusal, warehouses })
}

/// The first fact in the way of an order, if there is one; without a buyer, of any buyer's order.
fn obstacle(
    item: &Item,
    buyer: Option<&str>,
    units: i64,
    more: Option<&PlaceMore>,
    now: UnixMs,
) -> Option<Refusal> {
    if item.closed || now >= item.closes_at {
        return Some(Refusal::Closed);
    }
    if now < item.opens_at {
        return Some(Refusal::NotOpenYet);
    }
    if item.paused || item.sale_paused {
        return Some(Refusal::Paused);
    }
    if let Some(audience) = &item.audience
        && !admits(audience, more.and_then(|more| more.shopper.as_ref()))
    {
        return Some(Refusal::NotEligible);
    }
    if units > item.limit_per_order.unwrap_or(UNITS_MAX) {
        return Some(Refusal::OverOrderLimit);
    }
    if let Some((limit, buyer)) = item.limit_per_buyer.zip(buyer)
        && item.orders.units_of(buyer) + units > limit
    {
        return Some(Refusal::OverBuyerLimit);
    }
    match item.stock.total().available {
        0 => Some(Refusal::SoldOut),
        available if available < units => Some(Refusal::NotEnoughUnits),
        _ => None,
    }
}

fn record_payment(
    item: &Item,
    offer: &ItemAdded,
    payment: RecordPayment,
    at: Moment,
) -> Decided<Item> {
    let fingerprint = payment.fingerprint();
    if let Some(decided) = item.repeated(offer, payment.request_id, fingerprint) {
        return decided;
    }
    let Some(order) = item.orders.find(payment.order_id) else {
        return item.misdirected(Misdirected::not_found("order_id"));
    };
    if item.waits(order)
        && let OrderState::Held = item.orders.row(order).state
        && let Ok(_) = ending::held(item, order, at)
    {
        return item.refused(Refusal::AwaitingCoupon);
    }
    // Before the reference is looked up: a known one with another amount is not the same payment.
    let row = item.orders.row(order);
    if payment.currency != offer.currency || payment.amount_minor != row.total_minor {
        return item.refused(Refusal::WrongAmount);
    }
    // Payment providers tell the same payment more than once, and make a new request each time.
    if let Some(receipt) = item.orders.receipt_of_payment(order, &payment.payment_reference) {
        return item.first_answer(offer, receipt);
    }
    let deadline = item.orders.deadline(order);
    let at = at.before_move(deadline.moved_ms);
    let mut events = Vec::new();
    let cause = match row.state {
        OrderState::Held if at.now < deadline.at => None,
        OrderState::Held | OrderState::Expired => {
            match item.reinstated(offer, order, payment.request_id, at) {
                Some(reinstated) => {
                    events = reinstated;
                    None
                }
                None => Some(RefundCause::OrderExpired),
            }
        }
        OrderState::Cancelled => Some(RefundCause::OrderCancelled),
        OrderState::Paid | OrderState::Refunded => Some(RefundCause::AlreadyPaid),
    };
    let received = Received { payment, fingerprint, order, at };
    match cause {
        None => {
            let warehouses = warehouses_of(&events).unwrap_or_else(|| item.warehouses(order));
            events.push(received.paid(item, warehouses));
            item.shown(events, ItemShown::Settled(order))
        }
        Some(cause) => {
            if item.orders.row(order).state == OrderState::Held {
                events.push(ending::expiry(item, order, at));
            }
            events.push(received.due_back(item, cause));
            item.decided(events, AnswerFrom::Decision(item.refusal(refusal_of(cause))))
        }
    }
}

/// A payment that is not a repeated one.
struct Received {
    payment: RecordPayment,
    fingerprint: Fingerprint,
    order: u32,
    at: Moment,
}

impl Received {
    /// It buys the order.
    fn paid(self, item: &Item, warehouses: Vec<WarehouseUnits>) -> Caused<ItemEvent> {
        let row = item.orders.row(self.order);
        let paid = OrderPaid {
            order_id: row.order_id,
            placed_revision: row.revision,
            request_id: self.payment.request_id,
            fingerprint: self.fingerprint,
            payment_reference: self.payment.payment_reference,
            amount_minor: self.payment.amount_minor,
            units: i64::from(row.units),
            warehouses,
            paid_at_ms: self.at.stamp,
        };
        let request_id = paid.request_id;
        Self::caused(item, (request_id, row.order_id), OrderEvent::Paid(paid), self.at)
    }

    /// It buys nothing.
    fn due_back(self, item: &Item, cause: RefundCause) -> Caused<ItemEvent> {
        let row = item.orders.row(self.order);
        let due = RefundDue {
            order_id: row.order_id,
            placed_revision: row.revision,
            request_id: self.payment.request_id,
            fingerprint: self.fingerprint,
            payment_reference: self.payment.payment_reference,
            amount_minor: self.payment.amount_minor,
            cause,
            due_at_ms: self.at.stamp,
        };
        let request_id = due.request_id;
        Self::caused(item, (request_id, row.order_id), OrderEvent::RefundDue(due), self.at)
    }

    fn caused(
        item: &Item,
        (request_id, order_id): (RequestId, OrderId),
        event: OrderEvent,
        at: Moment,
    ) -> Caused<ItemEvent> {
        Caused {
            event: ItemEvent::Order(event),
            id: item.id.event_id(request_id, 0),
            correlation: order_id.0,
            causation: request_id.0,
            judged_at: at.judged_at(),
        }
    }
}

/// Where the units of an order lie that these events bring back.
fn warehouses_of(events: &[Caused<ItemEvent>]) -> Option<Vec<WarehouseUnits>> {
    events.iter().find_map(|caused| match &caused.event {
        ItemEvent::Order(OrderEvent::Reinstated(back)) => Some(back.warehouses.clone()),
        ItemEvent::Order(_) | ItemEvent::Offer(_) | ItemEvent::Stock(_) => None,
    })
}

fn cancel_order(item: &Item, offer: &ItemAdded, cancel: CancelOrder, at: Moment) -> Decided<Item> {
    let fingerprint = cancel.fingerprint();
    if let Some(decided) = item.repeated(offer, cancel.request_id, fingerprint) {
        return decided;
    }
    // Another buyer's order and no order at all must look the same.
    let order = item.orders.find(cancel.order_id);
    let order = order.filter(|&row| item.orders.buyer(item.orders.row(row)) == cancel.buyer);
    let Some(order) = order else {
        return item.misdirected(Misdirected::not_found("order_id"));
    };
    let row = item.orders.row(order);
    let at = match ending::held(item, order, at) {
        Ok(at) => at,
        Err(decided) => return *decided,
    };
    let cancelled = Caused {
        event: ItemEvent::Order(OrderEvent::Cancelled(OrderCancelled {
            order_id: row.order_id,
            placed_revision: row.revision,
            request_id: cancel.request_id,
            fingerprint,
            units: i64::from(row.units),
            warehouses: item.warehouses(order),
            cause: CancelCause::Buyer,
            act: None,
            coupon_batch_id: item.coupon_batch(order),
            limited_by: item.limited_by(),
            cancelled_at_ms: at.stamp,
        })),
        id: item.id.event_id(cancel.request_id, 0),
        correlation: row.order_id.0,
        causation: cancel.request_id.0,
        judged_at: at.judged_at(),
    };
    item.shown(vec![cancelled], ItemShown::Settled(order))
}
