//! What is recorded of one item, in little memory: its events, its orders and every attempt.
//!
//! Shoppers are known here by the low 56 bits of the hash of their ids, as demand ticks keep them.

use std::collections::HashMap;

use super::{
    Log, ReplayError,
    bill::Bill,
    deed::{Deed, Reading as DeedReading},
};
use crate::{
    domain::item::PlaceMore,
    events::{
        Act, AttemptOutcome, Counts, ItemAdded, ItemEvent, OfferEvent, OrderEvent, OrderPlaced,
        OrderState, unpack,
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
    /// What became of the order.
    Deed(u32, Deed),
}

impl Fact {
    /// What happened to the item by an operator, its plan or its reserve plan.
    pub fn steered(&self) -> Option<&ItemEvent> {
        match &self.what {
            What::Steered(event) => Some(event),
            What::Placed(_) | What::Deed(..) => None,
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
    /// Absent where what is to be paid is units times one price, without a gift.
    pub bill: Option<Box<Bill>>,
    /// The region whose warehouses it prefers and the coupon that it asks for, where it says one.
    pub more: Option<Box<PlaceMore>>,
    pub at: UnixMs,
    /// By which the rules decided it: its attempt is of this moment, its deadline counts from it.
    pub judged_at: UnixMs,
    pub pay_by: UnixMs,
    /// The fact that placed it.
    pub fact: u32,
    /// The facts that tell what became of it, in their order.
    pub deeds: Vec<u32>,
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

    /// Whether that fact is the end of a hold that is taken to be part of the payment behind it.
    pub fn ends_with_payment(&self, fact: usize) -> bool {
        matches!(self.facts[fact].what, What::Deed(_, Deed::ExpiredByPayment))
    }

    /// Takes the end of a hold and the return of its order behind it to be two decisions, or one.
    pub fn takes_apart(&mut self, fact: usize, apart: bool) {
        let deeds = match apart {
            true => [Deed::Expired, Deed::Reinstated],
            false => [Deed::ExpiredByPayment, Deed::ReinstatedAtOnce],
        };
        for (Fact { what, .. }, now) in self.facts.iter_mut().skip(fact).zip(deeds) {
            if let What::Deed(_, deed) = what {
                *deed = now;
            }
        }
    }

    /// What became of an order, fact by fact.
    pub fn deeds<'a>(&'a self, order: &'a Order) -> impl Iterator<Item = (u32, &'a Fact, Deed)> {
        order.deeds.iter().filter_map(|&number| {
            let fact = &self.facts[number as usize];
            let What::Deed(_, deed) = fact.what else { return None };
            Some((number, fact, deed))
        })
    }

    /// Where an order stands at the end.
    pub fn state(&self, order: &Order) -> OrderState {
        let left = self.deeds(order).filter_map(|(_, _, deed)| deed.leaves());
        left.last().unwrap_or(OrderState::Held)
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
    deeds: DeedReading,
    at: UnixMs,
}

impl Reading {
    fn add(&mut self, event: ItemEvent, judged_at: Option<UnixMs>) -> Result<(), ReplayError> {
        bounded(self.facts.len())?;
        self.at = event.at().map_or(self.at, |at| at.max(self.at));
        let at = self.at;
        let judged_at = judged_at.unwrap_or(at);
        let what = match event {
            ItemEvent::Offer(_) | ItemEvent::Stock(_) => {
                if let ItemEvent::Offer(OfferEvent::Added(added)) = &event {
                    self.offer = Some(added.clone());
                }
                What::Steered(Box::new(event))
            }
            ItemEvent::Order(OrderEvent::Placed(placed)) => self.place(&placed, (at, judged_at)),
            ItemEvent::Order(event) => self.deed(&event)?,
        };
        self.facts.push(Fact { at, judged_at, what });
        Ok(())
    }

    fn place(&mut self, placed: &OrderPlaced, (at, judged_at): (UnixMs, UnixMs)) -> What {
        let order = short(self.orders.len());
        self.places.insert(placed.order_id, order);
        let (region, coupon) = (placed.region.clone(), placed.coupon.as_deref().cloned());
        let max_total_minor = coupon.as_ref().and_then(|asked| asked.max_total_minor);
        let more = PlaceMore { region, coupon, max_total_minor, ..PlaceMore::default() };
        self.orders.push(Order {
            order_id: placed.order_id,
            shopper: Shopper::of(&placed.buyer),
            units: placed.units,
            bill: Bill::of(placed.price()),
            more: (more != PlaceMore::default()).then(|| Box::new(more)),
            at,
            judged_at,
            pay_by: placed.pay_by_ms,
            fact: short(self.facts.len()),
            deeds: Vec::new(),
        });
        What::Placed(order)
    }

    fn deed(&mut self, event: &OrderEvent) -> Result<What, ReplayError> {
        let id = event.order_id();
        let number = self
            .places
            .get(&id)
            .copied()
            .ok_or_else(|| ReplayError::Impossible(format!("order {id} was never placed")))?;
        let order = &mut self.orders[number as usize];
        Bill::take_off(&mut order.bill, event);
        let deed = self.deeds.read(event, self.at);
        // The expiry before it was decided with the payment.
        if deed == Deed::ReinstatedAtOnce
            && let Some(Fact { what: What::Deed(_, before), .. }) = self.facts.last_mut()
        {
            *before = Deed::ExpiredByPayment;
        }
        order.deeds.push(short(self.facts.len()));
        Ok(What::Deed(number, deed))
    }
}
