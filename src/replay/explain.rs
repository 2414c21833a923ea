//! Explains a shopper's results: each attempt on an item, its place among all attempts and among
//! the item's events, and the stock at that time. From the log and its demand ticks.

use super::{
    Log, ReplayError,
    deed::Deed,
    recording::{Order, Recording, Shopper},
    sequence::{Placement, sequence},
};
use crate::{
    domain::item::OrderState,
    events::{
        AttemptOutcome, Event, ItemEvent, OrderEvent, OrderPlaced, OrderPrice, OrderReferences,
        Position, StreamName, decode,
    },
    values::{Currency, ItemId, OrderId, UnixMs, count_of},
};

/// Attempts and orders told of at most; the others are counted.
pub const TOLD_MAX: usize = 1_000;

/// Attempts, and orders, that have a sentence of their own; other attempts are only counted.
pub const SENTENCES_MAX: usize = 20;

/// One shopper's story on one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub item: ItemId,
    pub sku: String,
    pub title: String,
    /// In the order in which they were decided, at most [`TOLD_MAX`].
    pub attempts: Vec<AttemptStory>,
    /// Also those that are not told of.
    pub attempts_in_total: i64,
    /// Orders of exactly this buyer, oldest first, at most [`TOLD_MAX`].
    pub orders: Vec<OrderStory>,
    /// When no unit was available for the first time, and most recently.
    pub first_sold_out_at: Option<UnixMs>,
    pub last_sold_out_at: Option<UnixMs>,
    /// Attempts on the item in all.
    pub attempts_of_all: i64,
    /// Orders whose attempts are in no tick: some demand is missing.
    pub orders_without_attempt: i64,
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptStory {
    /// When it was decided, by the item's clock.
    pub at: UnixMs,
    pub units: i64,
    pub outcome: AttemptOutcome,
    /// The event that it became.
    pub order: Option<(OrderId, u64)>,
    /// The last event decided before it; `None` before the first.
    pub after_revision: Option<u64>,
    /// The first event decided after it, or by it; `None` after the last one in the log.
    pub before_revision: Option<u64>,
    pub placement: Placement,
    /// Units that could be bought, and units on hold, when it was decided.
    pub available: i64,
    pub held: i64,
    /// Attempts on the item that were decided before it: in all, and in the same second.
    pub attempts_before: i64,
    pub attempts_before_in_second: i64,
}

/// One order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStory {
    pub order_id: OrderId,
    pub units: i64,
    /// What it costs and why.
    pub price: OrderPrice,
    /// What the shop calls it; `None` where it gave no references.
    pub references: Option<OrderReferences>,
    pub currency: Currency,
    pub state: OrderState,
    pub placed_at: UnixMs,
    pub pay_by: UnixMs,
    pub settled_at: Option<UnixMs>,
    /// A payment arrived when the hold had ended, and is due back.
    pub paid_too_late: bool,
    pub revision: u64,
    pub position: Position,
}

/// Tells a shopper's story on an item.
///
/// # Errors
/// When there is no such item, or it is too large.
pub fn explain(log: &Log, item: ItemId, buyer: &str) -> Result<Explanation, ReplayError> {
    let recording = Recording::read(log, item)?;
    let shopper = Shopper::of(buyer);
    let mut telling = Telling::default();
    let ordered = sequence(&recording, |sight| {
        // What the log has no attempt of was an attempt all the same.
        let order = sight.order.map(|order| &recording.orders[order as usize]);
        let attempt = sight.attempt.map(|attempt| recording.attempts[attempt as usize]);
        let (at, who, units, outcome) = match (attempt, order) {
            (_, Some(order)) => (order.at, order.shopper, order.units, AttemptOutcome::Placed),
            (Some(tried), None) => (tried.at, tried.shopper, tried.units.into(), tried.outcome),
            (None, None) => return,
        };
        telling.count(at);
        if who == shopper {
            let next = u64::from(sight.next_revision);
            telling.attempts_in_total += 1;
            telling.tell(AttemptStory {
                at,
                units,
                outcome,
                order: order.map(|order| (order.order_id, next)),
                after_revision: next.checked_sub(1),
                before_revision: (sight.next_revision as usize) // as many as there are events
                    .lt(&recording.facts.len())
                    .then_some(next),
                placement: sight.placement,
                available: sight.available,
                held: sight.held,
                attempts_before: telling.attempts - 1,
                attempts_before_in_second: telling.in_second - 1,
            });
        }
        if let Some(order) = order
            && order.units == sight.available
            && recording.released_after(order.fact as usize) == 0
        {
            telling.first_sold_out_at.get_or_insert(order.at);
            telling.last_sold_out_at = Some(order.at);
        }
    });
    let orders = orders(log, &recording, shopper, buyer)?;
    Ok(Explanation {
        item,
        sku: recording.offer.sku,
        title: recording.offer.title,
        attempts: telling.told,
        attempts_in_total: telling.attempts_in_total,
        orders,
        first_sold_out_at: telling.first_sold_out_at,
        last_sold_out_at: telling.last_sold_out_at,
        attempts_of_all: telling.attempts,
        orders_without_attempt: count_of(ordered.orders_without_attempt),
    })
}

/// Tells of one order of an item. Attempts and the stock are not looked at: what is said about them
/// is not so, and the story is for finding the words of the order only.
///
/// # Errors
/// When there is no such item or order, or the item is too large.
pub fn explain_order(
    log: &Log,
    item: ItemId,
    order_id: OrderId,
) -> Result<Explanation, ReplayError> {
    let recording = Recording::read(log, item)?;
    let order = recording.orders.iter().find(|order| order.order_id == order_id);
    let order = order.ok_or(ReplayError::NotFound("order_id"))?;
    let placed = placed(log, item, order)?;
    let told = placed.map(|(placed, position)| story(log, &recording, order, (&placed, position)));
    let orders = told.transpose()?.into_iter().collect();
    Ok(Explanation {
        item,
        sku: recording.offer.sku,
        title: recording.offer.title,
        attempts: Vec::new(),
        attempts_in_total: 0,
        orders,
        first_sold_out_at: None,
        last_sold_out_at: None,
        attempts_of_all: 0,
        orders_without_attempt: 0,
    })
}

#[derive(Default)]
struct Telling {
    told: Vec<AttemptStory>,
    attempts_in_total: i64,
    attempts: i64,
    second: i64,
    in_second: i64,
    first_sold_out_at: Option<UnixMs>,
    last_sold_out_at: Option<UnixMs>,
}

impl Telling {
    fn count(&mut self, at: UnixMs) {
        self.attempts += 1;
        if at.second() != self.second {
            self.second = at.second();
            self.in_second = 0;
        }
        self.in_second += 1;
    }

    fn tell(&mut self, story: AttemptStory) {
        if self.told.len() < TOLD_MAX {
            self.told.push(story);
        }
    }
}

/// The orders of a buyer. Others may share the hash, so each is looked up and compared by name.
fn orders(
    log: &Log,
    recording: &Recording,
    shopper: Shopper,
    buyer: &str,
) -> Result<Vec<OrderStory>, ReplayError> {
    let mut found = Vec::new();
    for order in recording.orders.iter().filter(|order| order.shopper == shopper) {
        if found.len() == TOLD_MAX {
            break;
        }
        if let Some((placed, position)) = placed(log, recording.item, order)?
            && placed.buyer == buyer
        {
            found.push(story(log, recording, order, (&placed, position))?);
        }
    }
    Ok(found)
}

/// The event that placed an order, and where it stands in the log.
fn placed(
    log: &Log,
    item: ItemId,
    order: &Order,
) -> Result<Option<(OrderPlaced, Position)>, ReplayError> {
    Ok(match order_event(log, item, order.fact)? {
        Some((OrderEvent::Placed(placed), position)) => Some((placed, position)),
        _ => None,
    })
}

/// The event of an order at that revision, and where it stands in the log.
fn order_event(
    log: &Log,
    item: ItemId,
    revision: u32,
) -> Result<Option<(OrderEvent, Position)>, ReplayError> {
    let page = log.read_stream(StreamName::item(item), u64::from(revision), 1)?;
    let Some(recorded) = page.first() else { return Ok(None) };
    Ok(match decode(recorded)? {
        Event::Item(ItemEvent::Order(event)) => Some((event, recorded.position)),
        _ => None,
    })
}

fn story(
    log: &Log,
    recording: &Recording,
    order: &Order,
    (placed, position): (&OrderPlaced, Position),
) -> Result<OrderStory, ReplayError> {
    let state = recording.state(order);
    let mut price = placed.price();
    let (mut settled_at, mut paid_too_late, mut pay_by) = (None, false, order.pay_by);
    for (revision, fact, deed) in recording.deeds(order) {
        match deed {
            Deed::Paid { .. } | Deed::Cancelled(_) | Deed::Expired => settled_at = Some(fact.at),
            Deed::DueBack => paid_too_late |= state == OrderState::Expired,
            Deed::Extended { until } => pay_by = until,
            Deed::CouponGranted { .. } | Deed::CouponDenied(_) => {
                match order_event(log, recording.item, revision)?.map(|(event, _)| event) {
                    Some(OrderEvent::CouponApplied(applied)) => {
                        price.coupon = Some(applied.coupon);
                        price.total_minor = applied.total_minor;
                    }
                    Some(OrderEvent::CouponDenied(denied)) => {
                        price.offer = denied.offer.or(price.offer);
                        price.total_minor = denied.total_minor;
                    }
                    _ => {}
                }
            }
            Deed::LimitGranted
            | Deed::ExpiredByPayment
            | Deed::Reinstated
            | Deed::ReinstatedAtOnce
            | Deed::Refunded { .. }
            | Deed::Noted => {}
        }
    }
    Ok(OrderStory {
        order_id: order.order_id,
        units: order.units,
        price,
        references: placed.references(),
        currency: recording.offer.currency,
        state,
        placed_at: order.at,
        pay_by,
        settled_at,
        paid_too_late,
        revision: u64::from(order.fact),
        position,
    })
}
