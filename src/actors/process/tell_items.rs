//! A sale is carried out at its items and batches of coupons: what it plans is told to each of them, and
//! to the items when they are on sale and whether it is paused or closed.
//!
//! The call that creates or steers a sale tells them itself and answers when they know. This process does
//! what such a call left undone, because its node crashed or one of them could not be asked.

use std::{
    collections::{HashMap, HashSet},
    iter,
};

use uuid::Uuid;

use super::{
    ask::Ask,
    contract::{Known, Process},
};
use crate::{
    domain::{
        coupon::{CouponCommand, CreateBatch},
        item::{AddItem, ItemCommand, ItemSchedule, Steer, SteerAction},
        sale::{Pause, SaleView, Window},
    },
    events::{
        Act, CouponEvent, Event, ItemEvent, ItemPlan, OfferEvent, Position, Recorded, SaleEvent,
        StreamName,
    },
    values::{BatchId, ItemId, RequestId, SaleId, UnixMs},
};

/// A sale whose event is younger than this is most likely being told by the call that made it.
const GRACE_MS: i64 = 3_000;

/// Sales of which not everything was told, as far as the log shows.
#[derive(Debug, Default)]
pub struct TellItems {
    untold: HashMap<SaleId, Untold>,
}

/// A sale, and the streams of the items and batches that were told already.
#[derive(Debug, Clone)]
pub struct Untold {
    sale: SaleId,
    /// Where it stands that there is something to tell, and where the newest of that stands.
    since: Position,
    newest: Position,
    newest_at: UnixMs,
    /// The act that is told.
    request_id: RequestId,
    told: HashSet<StreamName>,
    /// How many have to be told of the plan; `None` where there is more to tell, or the log was not read
    /// from the plan on.
    planned: Option<usize>,
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
            Event::Coupon(CouponEvent::BatchCreated(created)) => {
                self.knows_plan(created.sale_id, recorded.stream);
            }
            Event::Item(ItemEvent::Stock(_) | ItemEvent::Order(_))
            | Event::Coupon(_)
            | Event::Quota(_)
            | Event::Demand(_)
            | Event::Fulfilment(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_)
            | Event::Node(_) => {}
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
        let is_untold = |stream| !work.told.contains(&stream);
        let items = commands(sale).into_iter();
        let items = items.filter(|(item, _)| is_untold(StreamName::item(*item)));
        let batches = batches(sale).into_iter();
        let batches = batches.filter(|(batch, _)| is_untold(StreamName::coupon(*batch)));
        let items = items.map(|(item, commands)| Ask::Item(item, commands));
        items.chain(batches.map(|(batch, command)| Ask::Coupon(batch, command))).collect()
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
        let (act, planned) = match event {
            SaleEvent::Created(created) => {
                (&created.act, Some(created.items.len() + created.coupons.len()))
            }
            SaleEvent::Paused(paused) => (&paused.act, None),
            SaleEvent::Resumed(resumed) => (&resumed.act, None),
            SaleEvent::Closed(closed) => (&closed.act, None),
            SaleEvent::Rescheduled(to) => (&to.act, None),
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
            planned,
        };
        self.untold.insert(sale, untold);
    }

    /// An item shows that it was told, by an event that a sale's newest act caused: see [`commands_of`].
    fn item_knows(&mut self, item: ItemId, event: &OfferEvent) {
        if self.untold.is_empty() {
            return;
        }
        let act = match event {
            OfferEvent::Added(added) => {
                return self.knows_plan(added.sale_id, StreamName::item(item));
            }
            OfferEvent::Paused(paused) => &paused.act,
            OfferEvent::Resumed(resumed) => &resumed.act,
            OfferEvent::Closed(closed) => &closed.act,
            OfferEvent::Scheduled(window) => match &window.act {
                Some(act) => act,
                None => return,
            },
            OfferEvent::PurchaseLimitSet(_)
            | OfferEvent::PricesSet(_)
            | OfferEvent::OffersSet(_)
            | OfferEvent::GiftUnitsSet(_)
            | OfferEvent::AudienceSet(_)
            | OfferEvent::ReservePlanSet(_)
            | OfferEvent::ReserveProposed(_) => return,
        };
        for untold in self.untold.values_mut() {
            if of_item(untold.request_id, item) == act.request_id {
                untold.told.insert(StreamName::item(item));
            }
        }
    }

    /// An item or a batch is there. Nothing is left to be told of a plan that all of them know.
    fn knows_plan(&mut self, sale: SaleId, stream: StreamName) {
        let Some(untold) = self.untold.get_mut(&sale) else { return };
        let Some(planned) = untold.planned else { return };
        untold.told.insert(stream);
        if untold.told.len() == planned {
            self.untold.remove(&sale);
        }
    }
}

/// What each item of a sale is told, in this order.
pub(in crate::actors) fn commands(sale: &SaleView) -> Vec<(ItemId, Vec<ItemCommand>)> {
    sale.plan.items.iter().map(|plan| (plan.item_id, commands_of(sale, plan))).collect()
}

/// What each batch of coupons of a sale is told.
pub(in crate::actors) fn batches(sale: &SaleView) -> Vec<(BatchId, CouponCommand)> {
    let create = |batch: BatchId, terms| {
        CouponCommand::Create(Box::new(CreateBatch {
            request_id: of_part(sale.plan.act.request_id, batch.0),
            sale_id: sale.sale_id,
            currency: sale.plan.currency,
            terms,
            operator: sale.plan.act.operator.clone(),
        }))
    };
    let plans = sale.plan.coupons.iter();
    plans.map(|plan| (plan.batch_id, create(plan.batch_id, plan.terms.clone()))).collect()
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
        sale_limit_per_buyer: sale.plan.limit_per_buyer,
        operator: sale.plan.act.operator.clone(),
    }));
    let window = sale.schedule.as_ref().map(|schedule| {
        let Window { opens_at, closes_at } = sale.item_window(plan);
        let (moved_ms, sale_revision) = (sale.moved_ms(), schedule.revision);
        let to = ItemSchedule { opens_at, closes_at, moved_ms, sale_revision };
        (schedule.revision, steer(&schedule.act, SteerAction::Schedule(to)))
    });
    let pause = sale.pause.as_ref().map(|Pause { on, act, revision, .. }| {
        let action = if *on { SteerAction::PauseWithSale } else { SteerAction::ResumeWithSale };
        (*revision, steer(act, action))
    });
    // The newest act comes last: an item that shows it, also after a crash, knows everything before it.
    let mut steered: Vec<_> = window.into_iter().chain(pause).collect();
    steered.sort_by_key(|(revision, _)| *revision);
    // A crash before the end of the creation leaves items that are not there yet.
    iter::once(add).chain(steered.into_iter().map(|(_, command)| command)).collect()
}

/// The request that a sale's request causes at one of its items.
fn of_item(request: RequestId, item: ItemId) -> RequestId {
    of_part(request, item.0)
}

fn of_part(request: RequestId, part: Uuid) -> RequestId {
    RequestId(Uuid::new_v5(&request.0, part.as_bytes()))
}
