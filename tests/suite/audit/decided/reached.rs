//! What random histories of an item reached: each is counted once for a history.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use doorbuster::{
    events::{
        Attempt, AttemptOutcome, Draw, ItemEvent, ItemPlan, OfferEvent, OrderEvent, OrderPlaced,
        RefundCause, Region, StockEvent, Stored as _, WarehouseUnits,
    },
    values::{OrderId, RequestId},
};

/// What every run must reach.
const WANTED: [&str; 39] = [
    "an order across steps",
    "a time price",
    "a ladder after the first",
    "an offer",
    "a gift",
    "a gift that is gone",
    "refused: the gift is gone",
    "gift units",
    "an order while there is an audience",
    "refused: not in the audience",
    "another audience",
    "an order that draws from its region first",
    "an order that draws from the fullest warehouse",
    "an order from several warehouses",
    "released by the plan",
    "released by the plan in two warehouses",
    "proposed by the plan",
    "another reserve plan",
    "released by an operator",
    "moved",
    "allocated by a supplier",
    "withdrawn",
    "withdrawn of a supplier",
    "closed",
    "a failed payment",
    "a hold that ends later",
    "cancelled by an operator",
    "come back with the end of its hold",
    "come back after the end of its hold",
    "come back from elsewhere",
    "due: it expired",
    "due: it was cancelled",
    "due: it was paid",
    "refunded in part",
    "refunded whole",
    "restocked",
    "written off",
    "a refund from several warehouses",
    "settled",
];

/// What one history reached.
pub struct Reached {
    seen: BTreeSet<&'static str>,
    regions: Vec<Region>,
    draw: Draw,
    audience: bool,
    /// The request of the event before, where that is a release of the plan.
    released: Option<RequestId>,
    /// The event before.
    before: &'static str,
    /// Where the units of each order are from.
    origins: HashMap<OrderId, Vec<WarehouseUnits>>,
}

impl Reached {
    pub fn of(plan: &ItemPlan) -> Self {
        Self {
            seen: BTreeSet::new(),
            regions: plan.regions.clone(),
            draw: plan.draw,
            audience: false,
            released: None,
            before: "",
            origins: HashMap::new(),
        }
    }

    pub fn answered(&mut self, attempt: Option<&Attempt>) {
        match attempt.map(|attempt| attempt.outcome) {
            Some(AttemptOutcome::NotEligible) => self.add("refused: not in the audience"),
            Some(AttemptOutcome::GiftGone) => self.add("refused: the gift is gone"),
            _ => {}
        }
    }

    fn add(&mut self, what: &'static str) {
        self.seen.insert(what);
    }

    pub fn see(&mut self, event: &ItemEvent) {
        let released = self.released.take();
        let by_plan = event.act().filter(|act| act.operator == "doorbuster");
        match event {
            ItemEvent::Order(event) => self.of_order(event),
            ItemEvent::Stock(StockEvent::ReserveReleased(event)) if by_plan.is_some() => {
                self.add("released by the plan");
                let request = Some(event.act.request_id);
                if released == request {
                    self.add("released by the plan in two warehouses");
                }
                self.released = request;
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(_)) => self.add("released by an operator"),
            ItemEvent::Stock(StockEvent::Moved(_)) => self.add("moved"),
            ItemEvent::Stock(StockEvent::Allocated(added)) if added.supplier.is_some() => {
                self.add("allocated by a supplier");
            }
            ItemEvent::Stock(StockEvent::Withdrawn(gone)) => {
                self.add("withdrawn");
                if gone.supplier.is_some() {
                    self.add("withdrawn of a supplier");
                }
            }
            ItemEvent::Offer(OfferEvent::ReserveProposed(_)) => self.add("proposed by the plan"),
            ItemEvent::Offer(OfferEvent::PricesSet(set)) if set.ladder > 1 => {
                self.add("a ladder after the first");
            }
            ItemEvent::Offer(OfferEvent::GiftUnitsSet(_)) => self.add("gift units"),
            ItemEvent::Offer(OfferEvent::AudienceSet(set)) => {
                if !set.act.is_planned() {
                    self.add("another audience");
                }
                self.audience = set.audience != Default::default();
            }
            ItemEvent::Offer(OfferEvent::ReservePlanSet(set)) if !set.act.is_planned() => {
                self.add("another reserve plan");
            }
            ItemEvent::Offer(OfferEvent::Closed(_)) => self.add("closed"),
            _ => {}
        }
        self.before = event.kind();
    }

    fn of_order(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed(placed) => self.placed(placed),
            OrderEvent::PaymentFailed(_) => self.add("a failed payment"),
            OrderEvent::HoldExtended(_) => self.add("a hold that ends later"),
            OrderEvent::Cancelled(cancelled) if cancelled.act.is_some() => {
                self.add("cancelled by an operator");
            }
            OrderEvent::Reinstated(back) => {
                let at_once = self.before == "OrderExpired";
                self.add(if at_once {
                    "come back with the end of its hold"
                } else {
                    "come back after the end of its hold"
                });
                let origin = self.origins.insert(back.order_id, back.warehouses.clone());
                if origin != Some(back.warehouses.clone()) {
                    self.add("come back from elsewhere");
                }
            }
            OrderEvent::RefundDue(due) => self.add(match due.cause {
                RefundCause::OrderExpired => "due: it expired",
                RefundCause::OrderCancelled => "due: it was cancelled",
                RefundCause::AlreadyPaid => "due: it was paid",
            }),
            OrderEvent::Refunded(back) => {
                self.add(if back.units_left == 0 { "refunded whole" } else { "refunded in part" });
                self.add(if back.restocked { "restocked" } else { "written off" });
                if back.warehouses.len() > 1 {
                    self.add("a refund from several warehouses");
                }
            }
            OrderEvent::RefundSettled(_) => self.add("settled"),
            _ => {}
        }
    }

    fn placed(&mut self, placed: &OrderPlaced) {
        self.origins.insert(placed.order_id, placed.warehouses.clone());
        let region = self.regions.iter().find(|region| region.name == placed.region);
        let first = &placed.warehouses[0].warehouse;
        let near = region.is_some_and(|region| region.warehouses.contains(first));
        let reached = [
            ("an order across steps", placed.parts.len() > 1),
            ("a time price", placed.parts.iter().any(|part| part.time_price.is_some())),
            ("an offer", placed.offer.is_some()),
            ("a gift", placed.gift.is_some()),
            ("a gift that is gone", placed.gift_gone.is_some()),
            ("an order while there is an audience", self.audience),
            ("an order that draws from its region first", near),
            // The first one listed is not the fullest of those that are left.
            (
                "an order that draws from the fullest warehouse",
                region.is_none() && self.draw == Draw::Fullest && first != "north",
            ),
            ("an order from several warehouses", placed.warehouses.len() > 1),
        ];
        self.seen.extend(reached.iter().filter(|(_, reached)| *reached).map(|(what, _)| what));
    }
}

/// How many histories reached what.
#[derive(Default)]
pub struct Reaching(RefCell<BTreeMap<&'static str, u32>>);

impl Reaching {
    pub fn add(&self, reached: &Reached) {
        for what in &reached.seen {
            *self.0.borrow_mut().entry(what).or_default() += 1;
        }
    }

    /// Complains of what no history reached.
    pub fn check(&self) {
        let histories = self.0.borrow();
        let missing = WANTED.iter().find(|wanted| !histories.contains_key(*wanted));
        assert_eq!(missing, None, "histories that reached it: {histories:#?}");
        let known = histories.keys().all(|known| WANTED.contains(known));
        assert!(known, "{histories:#?}");
    }
}
