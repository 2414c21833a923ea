//! The state of an item, and how each event changes it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{orders::Orders, stock::Stock, suppliers::Suppliers};
use crate::{
    domain::{
        Impossible,
        price::{Ladder, Offers},
    },
    events::{
        Act, Audience, Draw, ItemAdded, ItemEvent, ItemScheduled, OfferEvent, Position,
        ReservePlan, StockEvent, StockMove, WarehouseUnits,
    },
    values::{Fingerprint, ItemId, RequestId, UnixMs},
};

/// The state of one item.
#[derive(Debug, Clone)]
pub struct Item {
    pub(super) id: ItemId,
    /// `None` until the item was added: there is no such item.
    pub(super) offer: Option<ItemAdded>,
    pub(super) opens_at: UnixMs,
    pub(super) closes_at: UnixMs,
    pub(super) schedule: Told,
    pub(super) limit_per_buyer: Option<i64>,
    pub(super) limit_per_order: Option<i64>,
    pub(super) paused: bool,
    /// Its sale is paused. An item takes orders while neither is.
    pub(super) sale_paused: bool,
    pub(super) closed: bool,
    /// The prices in force, where they are not one price for all units.
    pub(super) ladder: Option<Box<Ladder>>,
    /// The offers in force, and the gifts of earlier ones.
    pub(super) offers: Option<Box<Offers>>,
    /// Who may buy; everybody where absent.
    pub(super) audience: Option<Box<Audience>>,
    pub(super) plan: Option<Box<ReservePlan>>,
    pub(super) stock: Stock,
    pub(super) suppliers: Suppliers,
    pub(super) orders: Orders,
    /// Acts of operators, for repeated requests.
    pub(super) acts: HashMap<RequestId, ActReceipt>,
    /// How many of them have a position.
    pub(super) acts_landed: usize,
    /// The latest stamp in the stream: stamps never run backwards. Rules do not look at it.
    pub(super) last_at: UnixMs,
    /// Revision of the last event; meaningless before the first.
    pub(super) revision: u64,
    /// Revision the next event gets.
    pub(super) next_revision: u64,
}

/// What the item was told of how its sale was rescheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// Revision of the sale's newest event about it; 0 is that of the plan.
    pub(super) sale_revision: u64,
    /// By how much it was moved in all.
    pub(super) moved_ms: i64,
}

impl Told {
    /// Whether the window is that of the plan still.
    pub(super) fn nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An operator's command that was carried out.
#[derive(Debug, Clone)]
pub(super) struct ActReceipt {
    pub(super) fingerprint: Fingerprint,
    pub(super) revision: u64,
    /// Absent until it is known to stand in the log.
    pub(super) position: Option<Position>,
}

impl Item {
    /// An item that was never added.
    pub(super) fn unknown(id: ItemId) -> Self {
        Self {
            id,
            offer: None,
            opens_at: UnixMs::default(),
            closes_at: UnixMs::LATEST,
            schedule: Told::default(),
            limit_per_buyer: None,
            limit_per_order: None,
            paused: false,
            sale_paused: false,
            closed: false,
            ladder: None,
            offers: None,
            audience: None,
            plan: None,
            stock: Stock::default(),
            suppliers: Suppliers::default(),
            orders: Orders::default(),
            acts: HashMap::new(),
            acts_landed: 0,
            last_at: UnixMs::default(),
            revision: 0,
            next_revision: 0,
        }
    }

    /// Applies an event at its revision.
    ///
    /// What is checked here is all that rules rely on later, so that no decision on a state from a
    /// log can be impossible itself.
    pub(super) fn apply(&mut self, event: &ItemEvent, revision: u64) -> Result<(), Impossible> {
        if let Some(at) = event.at() {
            self.last_at = self.last_at.max(at);
        }
        self.revision = revision;
        self.next_revision = revision + 1;
        for moved in event.moves() {
            self.stock.apply(&moved)?;
        }
        // An act on an order has its receipt with the orders.
        if let (ItemEvent::Offer(_) | ItemEvent::Stock(_), Some(act)) = (event, event.act()) {
            self.remember(act, revision);
        }
        match event {
            ItemEvent::Offer(event) => self.evolve_offer(event),
            // Its units are moved already.
            ItemEvent::Stock(event) => {
                self.suppliers.apply(event);
                if let (Some(plan), StockEvent::ReserveReleased(released)) = (&mut self.plan, event)
                {
                    plan.released(released);
                }
            }
            ItemEvent::Order(event) => self.evolve_order(event, revision)?,
        }
        Ok(())
    }

    /// Everything up to `revision` stands in the log, the last of it at `position`.
    pub(super) fn landed_at(&mut self, revision: u64, position: Position) {
        self.orders.landed(revision, position);
        if self.acts_landed < self.acts.len() {
            let flying = self.acts.values_mut().filter(|act| act.position.is_none());
            for act in flying.filter(|act| act.revision <= revision) {
                act.position = Some(position.back(revision - act.revision));
                self.acts_landed += 1;
            }
        }
    }

    /// Where the units of an order come from; the caller has checked that enough are available.
    pub(super) fn draw(&self, offer: &ItemAdded, units: i64, region: &str) -> Vec<WarehouseUnits> {
        match self.preferred(offer, region) {
            None => self.stock.draw(units),
            Some(order) => self.stock.draw_in_order(units, &order),
        }
    }

    /// Numbers of the warehouses in the order in which an order draws from them; `None` where that is
    /// the order in which they were first named.
    pub(super) fn preferred(&self, offer: &ItemAdded, region: &str) -> Option<Vec<usize>> {
        let region = offer.regions.iter().find(|known| !region.is_empty() && known.name == region);
        let fullest = match offer.draw {
            Draw::Listed => false,
            Draw::Fullest => true,
        };
        let preferred = region.map_or(&[][..], |region| &region.warehouses);
        (fullest || !preferred.is_empty()).then(|| self.stock.order(preferred, fullest))
    }

    /// How many of the units that a move names are there to be moved.
    pub fn possible_units(&self, moved: &StockMove<'_>) -> i64 {
        moved.possible_units(&self.stock.at(moved.warehouse))
    }

    fn evolve_offer(&mut self, event: &OfferEvent) {
        match event {
            OfferEvent::Added(added) => self.offer = Some(added.clone()),
            OfferEvent::Scheduled(window) => self.reschedule(window),
            OfferEvent::PurchaseLimitSet(limits) => {
                self.limit_per_buyer = limits.per_buyer;
                self.limit_per_order = limits.per_order;
            }
            OfferEvent::Paused(paused) => *self.pause_flag(paused.by_sale) = true,
            OfferEvent::Resumed(resumed) => *self.pause_flag(resumed.by_sale) = false,
            OfferEvent::Closed(_) => self.closed = true,
            OfferEvent::PricesSet(set) => {
                self.ladder = Some(Box::new(Ladder::new(set.ladder, set.prices.clone())));
            }
            OfferEvent::OffersSet(set) => {
                self.offers.get_or_insert_default().set(set.offers.clone());
            }
            OfferEvent::GiftUnitsSet(set) => {
                self.offers.get_or_insert_default().set_gift_units(&set.offer, set.units);
            }
            OfferEvent::AudienceSet(set) => {
                let some = set.audience != Audience::default();
                self.audience = some.then(|| Box::new(set.audience.clone()));
            }
            OfferEvent::ReservePlanSet(set) => self.plan.get_or_insert_default().set(set),
            OfferEvent::ReserveProposed(proposed) => {
                self.plan.get_or_insert_default().propose(proposed);
            }
        }
    }

    fn reschedule(&mut self, window: &ItemScheduled) {
        self.opens_at = window.opens_at_ms;
        self.closes_at = window.closes_at_ms;
        if let Some(ladder) = &mut self.ladder {
            ladder.move_by(window.moved_ms);
        }
        if let Some(offers) = &mut self.offers {
            offers.move_by(window.moved_ms);
        }
        self.schedule.moved_ms = self.schedule.moved_ms.saturating_add(window.moved_ms);
        self.schedule.sale_revision = window.sale_revision.unwrap_or_default();
    }

    /// What keeps it from taking orders: itself or its sale.
    fn pause_flag(&mut self, by_sale: bool) -> &mut bool {
        if by_sale { &mut self.sale_paused } else { &mut self.paused }
    }

    fn remember(&mut self, act: &Act, revision: u64) {
        let receipt = ActReceipt { fingerprint: act.fingerprint, revision, position: None };
        self.acts.entry(act.request_id).or_insert(receipt);
    }
}
