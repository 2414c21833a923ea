//! A sale is carried out at its items: what it plans and whether it is paused or closed is told to
//! each of them.
//!
//! The call that creates or steers a sale tells the items itself and answers when they know. This
//! process does what such a call left undone, because its node crashed or an item could not be asked.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    ask::Ask,
    contract::{Known, Process},
};
use crate::{
    domain::{
        item::{AddItem, ItemCommand, Steer, SteerAction},
        sale::{Pause, SaleView},
    },
    events::{Act, Event, ItemEvent, ItemPlan, OfferEvent, Position, Recorded, SaleEvent},
    values::{ItemId, RequestId, SaleId, UnixMs},
};

/// A sale whose event is younger than this is most likely being told by the call that made it.
const GRACE_MS: i64 = 3_000;

/// Sales whose items were not all told, as far as the log shows.
#[derive(Debug, Default)]
pub struct TellItems {
    untold: HashMap<SaleId, Untold>,
}

/// A sale and the items that were told already.
#[derive(Debug, Clone)]
pub struct Untold {
    sale: SaleId,
    /// Where it stands that there is something to tell, and where the newest of that stands.
    since: Position,
    newest: Position,
    newest_at: UnixMs,
    /// The act that is told.
    request_id: RequestId,
    told: HashSet<ItemId>,
    /// How many items have to be told; `None` where the log was not read from the plan on.
    items: Option<usize>,
}

impl Process for TellItems {
    const NAME: &'static str = "tell-items";
    type Work = Untold;
    type Key = String;

    fn key(work: &Untold) -> String {
        format!("{} at {}", work.sale, work.newest)
    }

    fn observe(&mut self, recorded: &Recorded, event: &Event) {
        match event {
            Event::Sale(event) => self.sale_says(recorded, event),
            Event::Item(ItemEvent::Offer(event)) => {
                if let Some(item) = recorded.stream.item_id() {
                    self.item_knows(item, event);
                }
            }
            Event::Item(ItemEvent::Stock(_) | ItemEvent::Order(_))
            | Event::Coupon(_)
            | Event::Demand(_)
            | Event::Fulfilment(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_) => {}
        }
    }

    fn due(&self, known: &Known<'_>) -> Vec<Untold> {
        let before = known.now.plus(-GRACE_MS);
        let due = self
            .untold
            .values()
            .filter(|untold| untold.newest_at <= before || untold.newest <= known.end_at_start);
        due.cloned().collect()
    }

    fn sale_of(work: &Untold) -> Option<SaleId> {
        Some(work.sale)
    }

    fn decide(work: &Untold, sale: Option<&SaleView>, _: UnixMs) -> Vec<Ask> {
        let Some(sale) = sale else { return Vec::new() };
        let all = commands(sale).into_iter();
        let untold = all.filter(|(item, _)| !work.told.contains(item));
        untold.map(|(item, commands)| Ask::Item(item, commands)).collect()
    }

    fn done(&mut self, work: &Untold) {
        // What the sale said meanwhile is another work.
        if self.untold.get(&work.sale).is_some_and(|untold| untold.newest == work.newest) {
            self.untold.remove(&work.sale);
        }
    }

    fn oldest(&self) -> Option<Position> {
        self.untold.values().map(|untold| untold.since).min()
    }
}

impl TellItems {
    fn sale_says(&mut self, recorded: &Recorded, event: &SaleEvent) {
        let sale = SaleId(recorded.stream.id);
        let (act, items) = match event {
            SaleEvent::Created(created) => (&created.act, Some(created.items.len())),
            SaleEvent::Paused(paused) => (&paused.act, None),
            SaleEvent::Resumed(resumed) => (&resumed.act, None),
            SaleEvent::Closed(closed) => (&closed.act, None),
        };
        let newest = recorded.position;
        let before = self.untold.remove(&sale);
        let untold = Untold {
            sale,
            since: before.map_or(newest, |before| before.since),
            newest,
            newest_at: UnixMs(recorded.recorded_at_ms),
            request_id: act.request_id,
            told: HashSet::new(),
            items,
        };
        self.untold.insert(sale, untold);
    }

    /// An item shows that it was told, by an event that a sale's act caused.
    fn item_knows(&mut self, item: ItemId, event: &OfferEvent) {
        if self.untold.is_empty() {
            return;
        }
        let act = match event {
            OfferEvent::Added(added) => {
                let untold = self.untold.get_mut(&added.sale_id);
                let planned = untold.filter(|untold| untold.items.is_some());
                planned.into_iter().for_each(|untold| _ = untold.told.insert(item));
                return self.forget_told(added.sale_id);
            }
            OfferEvent::Paused(paused) => &paused.act,
            OfferEvent::Resumed(resumed) => &resumed.act,
            OfferEvent::Closed(closed) => &closed.act,
            OfferEvent::Scheduled(_)
            | OfferEvent::PurchaseLimitSet(_)
            | OfferEvent::PricesSet(_)
            | OfferEvent::OffersSet(_)
            | OfferEvent::GiftUnitsSet(_)
            | OfferEvent::AudienceSet(_)
            | OfferEvent::ReservePlanSet(_)
            | OfferEvent::ReserveProposed(_) => return,
        };
        for untold in self.untold.values_mut() {
            if of_item(untold.request_id, item) == act.request_id {
                untold.told.insert(item);
            }
        }
    }

    /// Nothing is left to be told of a plan that every item knows.
    fn forget_told(&mut self, sale: SaleId) {
        let told = |untold: &Untold| untold.items == Some(untold.told.len());
        if self.untold.get(&sale).is_some_and(told) {
            self.untold.remove(&sale);
        }
    }
}

/// What each item of a sale is told, in this order.
pub(in crate::actors) fn commands(sale: &SaleView) -> Vec<(ItemId, Vec<ItemCommand>)> {
    sale.plan.items.iter().map(|plan| (plan.item_id, commands_of(sale, plan))).collect()
}

fn commands_of(sale: &SaleView, plan: &ItemPlan) -> Vec<ItemCommand> {
    let steer = |act: &Act, action| {
        ItemCommand::Steer(Steer {
            request_id: of_item(act.request_id, plan.item_id),
            operator: act.operator.clone(),
            reason: act.reason.clone(),
            action,
            new_warehouse: false,
        })
    };
    if let Some(closed) = &sale.closed {
        return vec![steer(&closed.act, SteerAction::Close)];
    }
    let add = ItemCommand::Add(Box::new(AddItem {
        request_id: of_item(sale.plan.act.request_id, plan.item_id),
        sale_id: sale.sale_id,
        currency: sale.plan.currency,
        plan: plan.clone(),
        operator: sale.plan.act.operator.clone(),
    }));
    // A crash before the end of the creation leaves items that are not there yet.
    match &sale.pause {
        None => vec![add],
        Some(Pause { on: true, act, .. }) => vec![add, steer(act, SteerAction::PauseWithSale)],
        Some(Pause { on: false, act, .. }) => vec![add, steer(act, SteerAction::ResumeWithSale)],
    }
}

/// The request that a sale's request causes at one of its items.
fn of_item(request: RequestId, item: ItemId) -> RequestId {
    RequestId(Uuid::new_v5(&request.0, item.0.as_bytes()))
}
