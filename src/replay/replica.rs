//! A hypothetical item: the real decider, driven by a replay and not stored.

use uuid::Uuid;

use super::{bill::Bill, recording::Shopper};
use crate::{
    domain::{
        Decided, Decider,
        item::{CancelOrder, Item, ItemCommand, PlaceMore, PlaceOrder, RecordPayment},
    },
    events::{
        Act, AttemptOutcome, Counts, ItemAdded, ItemEvent, OfferEvent, OrderChange, OrderEvent,
    },
    values::{Fingerprint, ItemId, OrderId, RequestId, UnixMs},
};

/// An order of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub order_id: OrderId,
    pub shopper: Shopper,
    pub units: i64,
    pub pay_by: UnixMs,
}

/// The request that a replayed attempt is sent under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// That of this recorded order.
    Order(u32),
    /// That of this attempt, which has no recorded order.
    Attempt(u32),
}

/// What ended a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    Paid {
        amount_minor: i64,
        /// Absent where the amount is units times one price, without a gift.
        bill: Option<Box<Bill>>,
    },
    Cancelled,
    Expired,
}

/// One item under replay.
pub(super) struct Replica {
    item: Item,
    offer: Option<ItemAdded>,
    next_revision: u64,
    counts: Counts,
    payments: u64,
}

impl Replica {
    pub fn new(item: ItemId) -> Self {
        Self {
            item: Item::initial(item.0),
            offer: None,
            next_revision: 0,
            counts: Counts::default(),
            payments: 0,
        }
    }

    pub fn available(&self) -> i64 {
        self.counts.available
    }

    pub fn held(&self) -> i64 {
        self.counts.held
    }

    pub fn allocated(&self) -> i64 {
        self.counts.allocated
    }

    /// An event not caused by an order. In another course of events the units that it takes away may
    /// be gone: it takes those that are there. Whether it happened as recorded; it did not happen at
    /// all where it contradicts the state. What the reserve plan does follows the last event of an
    /// act.
    pub fn steer(&mut self, event: &ItemEvent, ends_act: bool) -> bool {
        // What the reserve plan did is decided anew.
        if event.act().is_some_and(Act::is_of_reserve_plan) {
            return true;
        }
        let Some(as_recorded) = self.happen(event) else { return false };
        if let Some(at) = event.at().filter(|_| ends_act) {
            for follows in self.item.plan_follows(at) {
                self.apply(&follows);
            }
        }
        as_recorded
    }

    /// Whether the event happens as recorded; `None` where it does not happen.
    fn happen(&mut self, event: &ItemEvent) -> Option<bool> {
        // Attempts do not record what was said of the shopper: all may buy, and those who were not
        // eligible are not asked about.
        if let ItemEvent::Offer(OfferEvent::AudienceSet(_)) = event {
            self.next_revision += 1;
            return Some(true);
        }
        let possible = match event {
            ItemEvent::Stock(stock) => {
                let units = self.item.possible_units(&stock.moved());
                Some(ItemEvent::Stock(stock.of_at_most(units)))
            }
            ItemEvent::Offer(OfferEvent::Added(added)) => {
                self.offer = Some(added.clone());
                None
            }
            ItemEvent::Offer(_) | ItemEvent::Order(_) => None,
        };
        let happening = possible.as_ref().unwrap_or(event);
        self.item.try_evolve(happening, self.next_revision).ok()?;
        self.count(happening);
        Some(happening == event)
    }

    /// What an attempt would come to. Nothing happens.
    pub fn would(
        &self,
        sent: Sent,
        shopper: Shopper,
        units: i64,
        at: UnixMs,
    ) -> Option<AttemptOutcome> {
        // The region decides which units an order gets, not whether it gets them.
        self.decide(sent, shopper, units, "", at).attempt.map(|attempt| attempt.outcome)
    }

    /// Makes an attempt, with the region whose warehouses are preferred. `None` where the item is not
    /// there yet.
    pub fn attempt(
        &mut self,
        sent: Sent,
        shopper: Shopper,
        units: i64,
        region: &str,
        at: UnixMs,
    ) -> Option<(AttemptOutcome, Placed)> {
        let decided = self.decide(sent, shopper, units, region, at);
        let mut placed = placed(sent, shopper, units, at);
        for caused in &decided.events {
            if let ItemEvent::Order(OrderEvent::Placed(order)) = &caused.event {
                placed.pay_by = order.pay_by_ms;
            }
            self.apply(&caused.event);
        }
        decided.attempt.map(|attempt| (attempt.outcome, placed))
    }

    fn decide(
        &self,
        sent: Sent,
        shopper: Shopper,
        units: i64,
        region: &str,
        at: UnixMs,
    ) -> Decided<Item> {
        let request_id = request(sent);
        let more = (!region.is_empty())
            .then(|| Box::new(PlaceMore { region: region.to_owned(), ..PlaceMore::default() }));
        let place = PlaceOrder {
            request_id,
            order_id: OrderId(request_id.0),
            // Compared between two attempts under one request only, and those are alike.
            fingerprint: Fingerprint(shopper.0 ^ units.cast_unsigned()),
            buyer: shopper.name(),
            units,
            channel: String::new(),
            more,
        };
        self.item.decide(ItemCommand::PlaceOrder(place), at)
    }

    /// The payment for an order arrives. `None` when that changes nothing.
    pub fn pay(&mut self, order: Placed, at: UnixMs) -> Option<Ended> {
        let offer = self.offer.as_ref()?;
        self.payments += 1;
        let amount_minor = self.item.order_price(order.order_id)?.total_minor;
        let payment = RecordPayment {
            request_id: RequestId(Uuid::from_u64_pair(u64::MAX, self.payments)),
            order_id: order.order_id,
            payment_reference: format!("replay-{}", self.payments),
            amount_minor,
            currency: offer.currency,
        };
        let decided = self.item.decide(ItemCommand::RecordPayment(payment), at);
        self.ended(&decided)
    }

    /// The hold of an order ends, if it is overdue. The decider ends such a hold when its buyer asks
    /// for anything. `None` when that changes nothing.
    pub fn expire(&mut self, order: Placed, at: UnixMs) -> Option<Ended> {
        if at < order.pay_by {
            return None;
        }
        self.cancel(order, at)
    }

    /// A buyer gives an order up. `None` when that changes nothing.
    pub fn cancel(&mut self, order: Placed, at: UnixMs) -> Option<Ended> {
        self.payments += 1;
        let cancel = CancelOrder {
            request_id: RequestId(Uuid::from_u64_pair(u64::MAX, self.payments)),
            order_id: order.order_id,
            buyer: order.shopper.name(),
        };
        let decided = self.item.decide(ItemCommand::CancelOrder(cancel), at);
        self.ended(&decided)
    }

    /// Applies what was decided, and says how it ended the hold.
    fn ended(&mut self, decided: &Decided<Item>) -> Option<Ended> {
        let mut ended = None;
        for caused in &decided.events {
            if let ItemEvent::Order(event) = &caused.event {
                let step = event.step(self.next_revision);
                ended = match step.change {
                    OrderChange::Paid => Some(Ended::Paid {
                        amount_minor: step.revenue_minor,
                        bill: self.item.order_price(step.order_id).and_then(Bill::of),
                    }),
                    OrderChange::Cancelled => Some(Ended::Cancelled),
                    OrderChange::Expired => Some(Ended::Expired),
                    OrderChange::Placed
                    | OrderChange::Reinstated
                    | OrderChange::PartlyRefunded
                    | OrderChange::Refunded
                    | OrderChange::Nothing => ended,
                };
            }
            self.apply(&caused.event);
        }
        ended
    }

    /// Applies what the decider decided.
    fn apply(&mut self, event: &ItemEvent) {
        self.item.evolve(event, self.next_revision);
        self.count(event);
    }

    fn count(&mut self, event: &ItemEvent) {
        self.counts = self.counts.saturating_with(Counts::added_by(event.moves()));
        self.next_revision += 1;
    }
}

/// Orders, attempts and what ends holds have request ids of their own.
fn request(sent: Sent) -> RequestId {
    let (kind, number) = match sent {
        Sent::Order(order) => (1, order),
        Sent::Attempt(attempt) => (2, attempt),
    };
    RequestId(Uuid::from_u64_pair(kind, u64::from(number)))
}

/// The order of that request, as replicas know it.
pub(super) fn placed(sent: Sent, shopper: Shopper, units: i64, pay_by: UnixMs) -> Placed {
    Placed { order_id: OrderId(request(sent).0), shopper, units, pay_by }
}
