//! What is recorded of one item, in little memory: its events, its orders and every attempt.
//!
//! Shoppers are known here by the low 56 bits of the hash of their ids, as demand ticks keep them.

use std::collections::HashMap;

use super::{Log, ReplayError, bill::Bill};
use crate::{
    events::{
        Act, AttemptOutcome, Counts, ItemAdded, ItemEvent, OfferEvent, OrderEvent, RefundCause,
        unpack,
    },
    values::{ItemId, OrderId, UnixMs, shopper_hash, short},
};

/// Attempts on one item, and events of it, that are held in memory at most: some 100 bytes for each
/// of both, and as much again for an order with steps, an offer or a gift.
pub const ATTEMPTS_MAX: usize = 5_000_000;

/// The bits of a shopper's hash that ticks keep.
const HASH_BITS: u64 = (1 << 56) - 1;

/// A shopper, as demand ticks tell shoppers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shopper(pub u64);

impl Shopper {
    /// The shopper with that id.
    pub fn of(buyer: &str) -> Self {
        Self(shopper_hash(buyer) & HASH_BITS)
    }

    /// The name under which the shopper buys in a replay.
    pub(super) fn name(self) -> String {
        format!("{:014x}", self.0)
    }
}

/// One attempt to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    pub at: UnixMs,
    pub shopper: Shopper,
    /// 65,535 also stands for more.
    pub units: u16,
    pub outcome: AttemptOutcome,
}

/// One event of the item. Its revision is its place among them.
#[derive(Debug)]
pub(super) struct Fact {
    /// Never before the fact before it.
    pub at: UnixMs,
    /// By which the rules decided it; `at` but where a clock was set back or a deadline moved.
    pub judged_at: UnixMs,
    pub what: What,
}

/// What happened, orders by their place among the orders.
#[derive(Debug)]
pub(super) enum What {
    /// Anything that is not about an order.
    Steered(Box<ItemEvent>),
    Placed(u32),
    Paid(u32),
    Cancelled(u32),
    Expired(u32),
    Refund,
}

impl Fact {
    /// What happened to the item by an operator, its plan or its reserve plan.
    pub fn steered(&self) -> Option<&ItemEvent> {
        match &self.what {
            What::Steered(event) => Some(event),
            What::Placed(_)
            | What::Paid(_)
            | What::Cancelled(_)
            | What::Expired(_)
            | What::Refund => None,
        }
    }

    fn act(&self) -> Option<&Act> {
        self.steered().and_then(ItemEvent::act)
    }
}

/// One order and what became of it.
#[derive(Debug)]
pub(super) struct Order {
    pub order_id: OrderId,
    pub shopper: Shopper,
    pub units: i64,
    /// What is to be paid, in minor units.
    pub total_minor: i64,
    /// Absent where that is units times one price, without a gift.
    pub bill: Option<Box<Bill>>,
    /// Whose warehouses were preferred.
    pub region: Option<Box<str>>,
    pub at: UnixMs,
    /// By which the rules decided it: its attempt is of this moment, its deadline counts from it.
    pub judged_at: UnixMs,
    pub pay_by: UnixMs,
    /// The fact that placed it.
    pub fact: u32,
    pub fate: Fate,
}

/// What became of an order. A payment that came too late is one, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub paid: Option<Ending>,
    pub cancelled: Option<Ending>,
    pub expired: Option<Ending>,
    /// The payment that is `paid` bought nothing.
    pub too_late: bool,
}

/// When something became of an order, and which fact that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    pub at: UnixMs,
    /// By which the rules decided it, as the order's deadline counts.
    pub judged_at: UnixMs,
    pub fact: u32,
}

impl Fate {
    /// Nothing is known of how the order ended.
    pub fn is_open(&self) -> bool {
        self.paid.is_none() && self.cancelled.is_none() && self.expired.is_none()
    }
}

impl Order {
    /// Whose warehouses were preferred; empty where the order named none.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or_default()
    }
}

/// All that is recorded of one item.
#[derive(Debug)]
pub(super) struct Recording {
    pub item: ItemId,
    pub offer: ItemAdded,
    pub facts: Vec<Fact>,
    pub orders: Vec<Order>,
    /// In the order in which they were decided.
    pub attempts: Vec<Attempted>,
}

impl Recording {
    /// Reads an item's events and its demand.
    ///
    /// # Errors
    /// When there is no such item, or more than fits.
    pub fn read(log: &Log, item: ItemId) -> Result<Self, ReplayError> {
        let mut reading = Reading::default();
        log.each_of_item(item, 0, 1_000, |fact| {
            let judged_at = fact.recorded.judged_at();
            reading.add(fact.event, judged_at)?;
            Ok(true)
        })?;
        let offer = reading.offer.ok_or(ReplayError::NotFound("item_id"))?;
        let attempts = attempts(log, item)?;
        Ok(Self { item, offer, facts: reading.facts, orders: reading.orders, attempts })
    }

    /// Whether no more events of the same act follow that fact. They stand in one append, and the
    /// reserve plan is judged after all of them.
    pub fn ends_act(&self, fact: usize) -> bool {
        let request = |fact: usize| Some(self.facts.get(fact)?.act()?.request_id);
        let ours = request(fact);
        ours.is_none() || request(fact + 1) != ours
    }

    /// Units that the reserve plan put on offer in the append of that fact.
    pub fn released_after(&self, fact: usize) -> i64 {
        let behind = self.facts.iter().skip(fact + 1);
        let by_plan = behind.map_while(|fact| {
            let of_plan = fact.act().is_some_and(Act::is_of_reserve_plan);
            fact.steered().filter(|_| of_plan)
        });
        by_plan.map(|event| Counts::added_by(event.moves()).available).sum()
    }
}

/// Every attempt on an item, in the order in which they were decided. Ticks of several nodes for one
/// second are put into the order of arrival.
fn attempts(log: &Log, item: ItemId) -> Result<Vec<Attempted>, ReplayError> {
    let mut attempts = Vec::new();
    log.each_tick(item, |tick| {
        let packed = unpack(&tick.packed)
            .map_err(|why| ReplayError::Impossible(format!("demand for item {item}: {why}")))?;
        for attempt in packed {
            attempts.push(Attempted {
                at: UnixMs(tick.second.saturating_mul(1000)).plus(attempt.arrival_ms.into()),
                shopper: Shopper(attempt.buyer_hash),
                units: attempt.units,
                outcome: attempt.outcome,
            });
        }
        bounded(attempts.len())
    })?;
    attempts.sort_by_key(|attempt| attempt.at);
    Ok(attempts)
}

fn bounded(count: usize) -> Result<(), ReplayError> {
    if count > ATTEMPTS_MAX {
        let problem = format!("the item has more than {ATTEMPTS_MAX} attempts or events");
        return Err(ReplayError::TooMuch(problem));
    }
    Ok(())
}

#[derive(Default)]
struct Reading {
    offer: Option<ItemAdded>,
    facts: Vec<Fact>,
    orders: Vec<Order>,
    places: HashMap<OrderId, u32>,
    at: UnixMs,
}

impl Reading {
    fn add(&mut self, event: ItemEvent, judged_at: Option<UnixMs>) -> Result<(), ReplayError> {
        bounded(self.facts.len())?;
        self.at = event.at().map_or(self.at, |at| at.max(self.at));
        let (at, fact) = (self.at, short(self.facts.len()));
        let judged_at = judged_at.unwrap_or(at);
        let what = match event {
            ItemEvent::Offer(_) | ItemEvent::Stock(_) => {
                if let ItemEvent::Offer(OfferEvent::Added(added)) = &event {
                    self.offer = Some(added.clone());
                }
                What::Steered(Box::new(event))
            }
            ItemEvent::Order(event) => self.add_order(&event, Ending { at, judged_at, fact })?,
        };
        self.facts.push(Fact { at, judged_at, what });
        Ok(())
    }

    fn add_order(&mut self, event: &OrderEvent, ending: Ending) -> Result<What, ReplayError> {
        if let OrderEvent::Placed(placed) = event {
            let order = short(self.orders.len());
            self.places.insert(placed.order_id, order);
            self.orders.push(Order {
                order_id: placed.order_id,
                shopper: Shopper::of(&placed.buyer),
                units: placed.units,
                total_minor: placed.total(),
                bill: Bill::of(placed.price()),
                region: (!placed.region.is_empty()).then(|| placed.region.as_str().into()),
                at: ending.at,
                judged_at: ending.judged_at,
                pay_by: placed.pay_by_ms,
                fact: ending.fact,
                fate: Fate::default(),
            });
            return Ok(What::Placed(order));
        }
        let order = self.order(event.order_id())?;
        let fate = self.fate(order);
        Ok(match event {
            OrderEvent::Placed(_) => What::Placed(order),
            OrderEvent::Paid(_) => {
                fate.paid = Some(ending);
                What::Paid(order)
            }
            OrderEvent::Cancelled(_) => {
                fate.cancelled = Some(ending);
                What::Cancelled(order)
            }
            OrderEvent::Expired(_) => {
                fate.expired = Some(ending);
                What::Expired(order)
            }
            OrderEvent::RefundDue(due) => {
                if due.cause == RefundCause::OrderExpired && fate.paid.is_none() {
                    fate.paid = Some(ending);
                    fate.too_late = true;
                }
                What::Refund
            }
            OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Reinstated(_)
            | OrderEvent::Refunded(_)
            | OrderEvent::RefundSettled(_) => What::Refund,
        })
    }

    fn order(&self, id: OrderId) -> Result<u32, ReplayError> {
        let found = self.places.get(&id).copied();
        found.ok_or_else(|| ReplayError::Impossible(format!("order {id} was never placed")))
    }

    fn fate(&mut self, order: u32) -> &mut Fate {
        &mut self.orders[order as usize].fate
    }
}
