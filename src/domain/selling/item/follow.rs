//! What the reserve plan does after a decision: which steps fire, and what they release.
//!
//! A step fires where fewer units are available than its mark, once in the life of the item. The plan
//! is judged in the turn of the decision before it and its events stand in the same append, so no
//! order meets an item that is sold out while a step would release units.

use uuid::Uuid;

use super::{reserve_plan::request_of, state::Item, stock::Stock};
use crate::{
    domain::{Caused, Moment},
    events::{
        Act, ItemEvent, OfferEvent, ReserveAct, ReserveProposed, ReserveReleased, ReserveStep,
        StockEvent, WarehouseUnits,
    },
    values::UnixMs,
};

impl Item {
    /// What the reserve plan does at this moment, with the item as it is.
    pub fn plan_follows(&self, now: UnixMs) -> Vec<ItemEvent> {
        let follow = self.follow_plan(&[], Moment::after(self.last_at, now));
        follow.into_iter().map(|caused| caused.event).collect()
    }

    /// What the reserve plan does after a decision with these events.
    pub(super) fn follow_plan(
        &self,
        events: &[Caused<ItemEvent>],
        at: Moment,
    ) -> Vec<Caused<ItemEvent>> {
        let Some(steps) = self.plan_after(events) else { return Vec::new() };
        let moves = || events.iter().flat_map(|caused| caused.event.moves());
        let added: i64 = moves().map(|moved| moved.adds(0).available).sum();
        let available = self.stock.total().available.saturating_add(added);
        if steps.iter().all(|step| available >= step.below_units) {
            return Vec::new();
        }
        let Some(after) = self.open_after(events, at) else { return Vec::new() };
        let mut stock = self.stock.clone();
        if moves().any(|moved| stock.apply(&moved).is_err()) {
            return Vec::new();
        }
        let mut follow = Vec::new();
        for (number, step) in (0_u8..).zip(steps) {
            if stock.total().available < step.below_units
                && !self.acts.contains_key(&request_of(self.id, number))
            {
                follow.extend(self.fire(number, step, &mut stock, (after, at)));
            }
        }
        follow
    }

    /// The steps in force after these events, if there are any.
    fn plan_after<'a>(&'a self, events: &'a [Caused<ItemEvent>]) -> Option<&'a [ReserveStep]> {
        let set = events.iter().rev().find_map(|caused| match &caused.event {
            ItemEvent::Offer(OfferEvent::ReservePlanSet(set)) => Some(&*set.steps),
            ItemEvent::Offer(_) | ItemEvent::Stock(_) | ItemEvent::Order(_) => None,
        });
        let steps = set.or(self.plan.as_deref().map(|plan| &*plan.steps))?;
        (!steps.is_empty()).then_some(steps)
    }

    /// The sale of the item, if the item is in its window and not closed after these events. A pause
    /// does not stop the plan.
    fn open_after(&self, events: &[Caused<ItemEvent>], at: Moment) -> Option<Uuid> {
        let mut sale = self.offer.as_ref().map(|offer| offer.sale_id.0);
        let (mut opens, mut closes, mut closed) = (self.opens_at, self.closes_at, self.closed);
        for caused in events {
            let ItemEvent::Offer(event) = &caused.event else { continue };
            match event {
                OfferEvent::Added(added) => sale = Some(added.sale_id.0),
                OfferEvent::Scheduled(window) => {
                    (opens, closes) = (window.opens_at_ms, window.closes_at_ms);
                }
                OfferEvent::Closed(_) => closed = true,
                OfferEvent::PurchaseLimitSet(_)
                | OfferEvent::Paused(_)
                | OfferEvent::Resumed(_)
                | OfferEvent::PricesSet(_)
                | OfferEvent::OffersSet(_)
                | OfferEvent::GiftUnitsSet(_)
                | OfferEvent::AudienceSet(_)
                | OfferEvent::ReservePlanSet(_)
                | OfferEvent::ReserveProposed(_) => {}
            }
        }
        sale.filter(|_| !closed && (opens..closes).contains(&at.now))
    }

    /// The events of one step, applied to the stock.
    fn fire(
        &self,
        number: u8,
        step: &ReserveStep,
        stock: &mut Stock,
        (sale, at): (Uuid, Moment),
    ) -> Vec<Caused<ItemEvent>> {
        let request_id = request_of(self.id, number);
        let reason = format!(
            "step {} of the reserve plan: fewer than {} units are available",
            u32::from(number) + 1,
            step.below_units
        );
        let act = Act::of_reserve_step(request_id, number, reason);
        let caused = |(index, event): (u8, ItemEvent)| Caused {
            event,
            id: self.id.event_id(request_id, index),
            correlation: sale,
            causation: request_id.0,
            judged_at: at.judged_at(),
        };
        let taken = taken(step, stock);
        if taken.is_empty() {
            return Vec::new();
        }
        let events: Vec<ItemEvent> = match step.act {
            ReserveAct::Propose => {
                let proposed_at_ms = at.stamp;
                let warehouses = taken;
                let proposed = ReserveProposed { step: number, warehouses, act, proposed_at_ms };
                vec![ItemEvent::Offer(OfferEvent::ReserveProposed(proposed))]
            }
            ReserveAct::Release => {
                let release = |WarehouseUnits { warehouse, units }| {
                    let (act, released_at_ms) = (act.clone(), at.stamp);
                    let released = ReserveReleased { warehouse, units, act, released_at_ms };
                    ItemEvent::Stock(StockEvent::ReserveReleased(released))
                };
                taken.into_iter().map(release).collect()
            }
        };
        for moved in events.iter().flat_map(ItemEvent::moves) {
            // No more than lies in reserve was taken.
            let _ = stock.apply(&moved);
        }
        (0..).zip(events).map(caused).collect()
    }
}

/// The units that a step takes from the reserve, by warehouse in its order.
fn taken(step: &ReserveStep, stock: &Stock) -> Vec<WarehouseUnits> {
    let all = || stock.warehouses().iter().map(|at| at.warehouse.clone()).collect();
    let from = if step.from.is_empty() { all() } else { step.from.clone() };
    let mut left = step.release_units;
    let mut taken = Vec::new();
    for warehouse in from {
        let units = left.min(stock.reserve(&warehouse));
        if units > 0 {
            left -= units;
            taken.push(WarehouseUnits { warehouse, units });
        }
    }
    taken
}
