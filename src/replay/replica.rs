//! A hypothetical item: the real decider, driven by a replay and not stored.

use uuid::Uuid;

use super::{
    bill::Bill,
    deed::{Became, Deed},
    recording::Shopper,
};
use crate::{
    domain::{
        Decided, Decider,
        item::{
            AwaitVerdict, CancelOrder, Item, ItemCommand, OrderAct, OrderAction, PlaceMore,
            PlaceOrder, RecordPayment, SettleAwait, Stands,
        },
    },
    events::{
        Act, AttemptOutcome, CancelCause, Counts, ItemAdded, ItemEvent, OfferEvent, OrderChange,
        OrderEvent, OrderState,
    },
    values::{CouponId, Fingerprint, ItemId, OrderId, RequestId, UnixMs},
};

/// An order of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub order_id: OrderId,
    pub shopper: Shopper,
    pub units: i64,
}

/// The request that a replayed attempt is sent under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// That of this recorded order.
    Order(u32),
    /// That of this attempt, which has no recorded order.
    Attempt(u32),
}

/// One item under replay.
pub(super) struct Replica {
    item: Item,
    offer: Option<ItemAdded>,
    next_revision: u64,
    counts: Counts,
    requests: u64,
}

impl Replica {
    pub fn new(item: ItemId) -> Self {
        Self {
            item: Item::initial(item.0),
            offer: None,
            next_revision: 0,
            counts: Counts::default(),
            requests: 0,
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
        self.decide(sent, shopper, units, None, at).attempt.map(|attempt| attempt.outcome)
    }

    /// Makes an attempt. `None` where the item is not there yet.
    pub fn attempt(
        &mut self,
        sent: Sent,
        shopper: Shopper,
        units: i64,
        more: Option<&PlaceMore>,
        at: UnixMs,
    ) -> Option<(AttemptOutcome, Placed)> {
        let decided = self.decide(sent, shopper, units, more, at);
        for caused in &decided.events {
            self.apply(&caused.event);
        }
        decided.attempt.map(|attempt| (attempt.outcome, placed(sent, shopper, units)))
    }

    fn decide(
        &self,
        sent: Sent,
        shopper: Shopper,
        units: i64,
        more: Option<&PlaceMore>,
        at: UnixMs,
    ) -> Decided<Item> {
        let request_id = request(sent);
        let more = more.map(|more| Box::new(more.clone()));
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

    /// Where an order stands.
    pub fn stands(&self, order: Placed) -> Option<Stands> {
        self.item.stands(order.order_id)
    }

    /// Does to an order what was done to it, as far as it can be here: of units that come back at most
    /// those that are left, of a discount at most all but one minor unit. Gives what became of it.
    pub fn do_again(&mut self, order: Placed, deed: Deed, at: UnixMs) -> Vec<Became> {
        let Some(stands) = self.stands(order) else { return Vec::new() };
        if deed.is_done_by_another() {
            return Vec::new();
        }
        let order_id = order.order_id;
        let settle = |verdict| Some(ItemCommand::SettleAwait(SettleAwait { order_id, verdict }));
        let command = match deed {
            Deed::Noted | Deed::ExpiredByPayment | Deed::Reinstated | Deed::ReinstatedAtOnce => {
                None
            }
            Deed::LimitGranted => settle(AwaitVerdict::LimitGranted),
            Deed::CouponGranted { coupon_id, discount_minor } => {
                let discount_minor = discount_minor.min(stands.total_minor - 1);
                settle(AwaitVerdict::CouponGranted { coupon_id, discount_minor })
            }
            Deed::CouponDenied(reason) => settle(AwaitVerdict::CouponDenied(reason)),
            Deed::Cancelled(CancelCause::OverSaleLimit) => settle(AwaitVerdict::LimitDenied),
            // With its coupon it cost more than it may: then it does without any discount, too.
            Deed::Cancelled(CancelCause::Price) => {
                let (coupon_id, discount_minor) = (CouponId(order_id.0), 0);
                settle(AwaitVerdict::CouponGranted { coupon_id, discount_minor })
            }
            Deed::Cancelled(CancelCause::Operator) => self.act(OrderAction::Cancel(order_id)),
            Deed::Cancelled(CancelCause::Buyer | CancelCause::Coupon) => self.cancel(order),
            // The decider ends an overdue hold when its buyer asks for anything.
            Deed::Expired if at < stands.hold_until => None,
            Deed::Expired => self.cancel(order),
            Deed::Paid { .. } | Deed::DueBack => self.payment(order_id, stands.total_minor),
            Deed::Extended { until } => self.act(OrderAction::ExtendHold { order_id, until }),
            Deed::Refunded { units, restocked: restock, whole, .. } => {
                let left = stands.units_left;
                let units = if whole { left } else { units.min(left) };
                self.act(OrderAction::Refund { order_id, units, restock })
            }
        };
        command.map_or_else(Vec::new, |command| self.carry_out(command, at))
    }

    fn carry_out(&mut self, command: ItemCommand, at: UnixMs) -> Vec<Became> {
        let decided = self.item.decide(command, at);
        let mut became = Vec::new();
        for caused in &decided.events {
            if let ItemEvent::Order(event) = &caused.event {
                became.extend(self.became(event));
            }
            self.apply(&caused.event);
        }
        became
    }

    fn became(&self, event: &OrderEvent) -> Option<Became> {
        let step = event.step(self.next_revision);
        Some(match step.change {
            OrderChange::Paid => Became::Paid {
                amount_minor: step.revenue_minor,
                bill: self.item.order_price(step.order_id).and_then(Bill::of),
            },
            OrderChange::Cancelled => Became::Cancelled,
            OrderChange::Expired => Became::Expired,
            OrderChange::Reinstated => Became::Reinstated,
            OrderChange::PartlyRefunded | OrderChange::Refunded => Became::Refunded {
                units: step.units,
                amount_minor: step.refunded_minor,
                restocked: Counts::added_by(event.moves()).available > 0,
                whole: step.change.becomes() == Some(OrderState::Refunded),
            },
            OrderChange::Nothing if step.due_minor > 0 => Became::DueBack,
            OrderChange::Placed | OrderChange::Nothing => return None,
        })
    }

    /// A request of its own.
    fn request_id(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(Uuid::from_u64_pair(u64::MAX, self.requests))
    }

    fn payment(&mut self, order_id: OrderId, amount_minor: i64) -> Option<ItemCommand> {
        let currency = self.offer.as_ref()?.currency;
        let request_id = self.request_id();
        Some(ItemCommand::RecordPayment(RecordPayment {
            request_id,
            order_id,
            payment_reference: format!("replay-{}", self.requests),
            amount_minor,
            currency,
        }))
    }

    fn cancel(&mut self, order: Placed) -> Option<ItemCommand> {
        let (request_id, buyer) = (self.request_id(), order.shopper.name());
        let cancel = CancelOrder { request_id, order_id: order.order_id, buyer };
        Some(ItemCommand::CancelOrder(cancel))
    }

    fn act(&mut self, action: OrderAction) -> Option<ItemCommand> {
        let request_id = self.request_id();
        let (operator, reason) = (String::new(), String::new());
        Some(ItemCommand::OrderAct(OrderAct { request_id, operator, reason, action }))
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
pub(super) fn placed(sent: Sent, shopper: Shopper, units: i64) -> Placed {
    Placed { order_id: OrderId(request(sent).0), shopper, units }
}
