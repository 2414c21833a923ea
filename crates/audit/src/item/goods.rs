//! Prices, offers, audience, regions and the reserve plan of an item, and what moves its stock
//! between warehouses: whether what operators set and the plan did is allowed.

use std::collections::HashMap;

use uuid::Uuid;

use super::{ItemBook, Read, Say};
use crate::{
    auditor::Event,
    bodies::{
        Act, Audience, AudienceSet, Draw, GiftUnitsSet, OffersSet, PlannedGoods, PricesSet, Region,
        ReserveAct, ReservePlanSet, ReserveProposed, ReserveStep, StockMoved, StockWithdrawn,
    },
    chain,
    ladder::{self, Ladder},
    offers::{self, Offers},
    reserve_plan::{self, Firing, ReservePlan},
    traffic,
};

/// What an item has beyond its price, window, limits and units.
pub(super) struct Goods {
    /// No event of the item has anything of this page: it is judged and certified as before.
    pub plain: bool,
    pub ladder: Option<Ladder>,
    pub offers: Offers,
    pub audience: Option<Audience>,
    pub regions: Vec<Region>,
    pub draw: Draw,
    /// For so long after its deadline a payment brings an order back.
    pub reinstate_within_ms: Option<i64>,
    /// The region that an order named, where it may come back.
    pub region_of: HashMap<Uuid, String>,
    pub plan: ReservePlan,
    /// What the sale planned and the item was not put up with yet.
    pub planned: Option<Box<PlannedGoods>>,
    /// The event that was applied last is one of the reserve plan.
    pub by_plan: bool,
}

impl Default for Goods {
    fn default() -> Self {
        Self {
            plain: true,
            ladder: None,
            offers: Offers::default(),
            audience: None,
            regions: Vec::new(),
            draw: Draw::default(),
            reinstate_within_ms: None,
            region_of: HashMap::new(),
            plan: ReservePlan::default(),
            planned: None,
            by_plan: false,
        }
    }
}

/// Says which rule is broken, and what both sides of it are.
pub(super) fn differ(
    rule: &str,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
    say: Say<'_>,
) {
    say(format!("{rule}: expected {expected}, found {found}"));
}

impl ItemBook {
    /// Whether an event of that kind belongs to this file's rules. Reads and judges it if so.
    pub(super) fn apply_goods(&mut self, event: &Event<'_>, say: Say<'_>) -> Option<Read> {
        let read = match event.kind {
            "PricesSet" => self.prices_set(event, say),
            "OffersSet" => self.offers_set(event, say),
            "GiftUnitsSet" => self.gift_units_set(event, say),
            "AudienceSet" => self.audience_set(event, say),
            "ReservePlanSet" => self.plan_set(event, say),
            "ReserveProposed" => self.reserve_proposed(event, say),
            "StockMoved" => self.stock_moved(event, say),
            "StockWithdrawn" => self.stock_withdrawn(event, say),
            _ => return None,
        };
        self.goods.plain = false;
        Some(read)
    }

    /// Complains of what the sale planned and the item was put up without.
    pub(super) fn check_put_up(&mut self, say: Say<'_>) {
        let Some(left) = self.goods.planned.take() else { return };
        for (missing, what) in [
            (left.prices.is_some(), "prices"),
            (!left.offers.is_empty(), "offers"),
            (left.audience.is_some(), "an audience"),
            (!left.reserve_plan.is_empty(), "a reserve plan"),
        ] {
            if missing {
                differ("plan of the sale", format!("{what} as planned"), "none", say);
            }
        }
    }

    /// What the event tells of the plan of the sale, while the item is put up: taken off what is left.
    fn as_planned<T: PartialEq>(
        &mut self,
        what: &str,
        told: &T,
        take: impl FnOnce(&mut PlannedGoods) -> T,
        say: Say<'_>,
    ) {
        let Some(planned) = self.goods.planned.as_mut().filter(|_| self.adding) else { return };
        if take(planned) != *told {
            differ("plan of the sale", format!("{what} as planned"), "others", say);
        }
    }

    fn acted(&mut self, event: &Event<'_>, act: &Act, at_ms: i64, say: Say<'_>) {
        self.time(event, at_ms, say);
        self.steered(event, act.request_id.0, say);
        if self.closed {
            say(format!("{} changes an item that was closed before", event.kind));
        }
    }

    fn prices_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let set: PricesSet = serde_json::from_slice(event.data)?;
        self.acted(event, &set.act, set.set_at_ms, say);
        let next = 1 + self.goods.ladder.as_ref().map_or(0, |ladder| u16::from(ladder.number));
        if u16::from(set.ladder) != next {
            differ("ladder number", next, set.ladder, say);
        }
        if let Err(wrong) = ladder::check(&set.prices, (self.opens_at_ms, self.closes_at_ms)) {
            say(format!("prices: {wrong}"));
        }
        let prices = Some(set.prices);
        self.as_planned("prices", &prices, |planned| planned.prices.take(), say);
        self.goods.ladder = prices.map(|prices| Ladder::new(set.ladder, prices));
        Ok(())
    }

    fn offers_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let set: OffersSet = serde_json::from_slice(event.data)?;
        self.acted(event, &set.act, set.set_at_ms, say);
        if let Err(wrong) = offers::check(&set.offers) {
            say(format!("offers: {wrong}"));
        }
        let take = |planned: &mut PlannedGoods| std::mem::take(&mut planned.offers);
        self.as_planned("offers", &set.offers, take, say);
        let names: Vec<String> = set.offers.iter().map(|offer| offer.name.clone()).collect();
        self.goods.offers.set(set.offers);
        names.iter().for_each(|name| self.check_pool(name, say));
        Ok(())
    }

    fn gift_units_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let set: GiftUnitsSet = serde_json::from_slice(event.data)?;
        self.acted(event, &set.act, set.set_at_ms, say);
        match self.goods.offers.pool_of(&set.offer) {
            Some(pool) => pool.units = set.units.into(),
            None => differ("gift pool", "an offer with a gift", &set.offer, say),
        }
        self.check_pool(&set.offer, say);
        Ok(())
    }

    fn check_pool(&mut self, offer: &str, say: Say<'_>) {
        let Some(pool) = self.goods.offers.pool_of(offer) else { return };
        let taken = pool.held + pool.given;
        if pool.units < taken {
            let found = format!("{} in offer {offer:?}", pool.units);
            differ("gift pool", format!("at least the {taken} units held and given"), found, say);
        }
    }

    fn audience_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let set: AudienceSet = serde_json::from_slice(event.data)?;
        self.acted(event, &set.act, set.set_at_ms, say);
        let Audience { age_bands, genders, spending_tiers, .. } = &set.audience;
        let unknown = traffic::unknown_attribute(
            age_bands.iter().map(String::as_str),
            genders.iter().map(String::as_str),
            spending_tiers.iter().map(String::as_str),
        );
        if let Some(unknown) = unknown {
            differ("audience", "attributes of known names", unknown, say);
        }
        let audience = Some(set.audience);
        self.as_planned("an audience", &audience, |planned| planned.audience.take(), say);
        self.goods.audience = audience;
        Ok(())
    }

    fn plan_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let set: ReservePlanSet = serde_json::from_slice(event.data)?;
        self.acted(event, &set.act, set.set_at_ms, say);
        let below = |step: &&ReserveStep| step.below_units < 1 || step.release_units < 1;
        if let Some(step) = set.steps.iter().find(below) {
            let found = format!("{} below {}", step.release_units, step.below_units);
            differ("reserve plan", "at least 1 unit below a mark of at least 1", found, say);
        }
        let take = |planned: &mut PlannedGoods| std::mem::take(&mut planned.reserve_plan);
        self.as_planned("a reserve plan", &set.steps, take, say);
        self.goods.plan.steps = set.steps;
        Ok(())
    }

    fn reserve_proposed(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let proposed: ReserveProposed<'_> = serde_json::from_slice(event.data)?;
        let parts = proposed.warehouses.iter();
        let parts = parts.map(|part| (part.warehouse.to_string(), part.units)).collect();
        let Some(step) = self.step_of(&proposed.act).filter(|step| *step == proposed.step) else {
            self.acted(event, &proposed.act, proposed.proposed_at_ms, say);
            let found = format!("request {}", proposed.act.request_id.0);
            differ("reserve plan", format!("the act of step {}", proposed.step), found, say);
            return Ok(());
        };
        let act = ReserveAct::Propose;
        self.fired(event, proposed.proposed_at_ms, (step, act, parts), say);
        Ok(())
    }

    /// The step whose act this is.
    pub(super) fn step_of(&self, act: &Act) -> Option<u8> {
        let by_plan = act.operator == reserve_plan::OPERATOR;
        by_plan.then(|| reserve_plan::step_of(self.id, act.request_id.0)).flatten()
    }

    /// A step of the reserve plan did that, in the append of the decision before it.
    pub(super) fn fired(
        &mut self,
        event: &Event<'_>,
        at_ms: i64,
        (step, act, warehouses): (u8, ReserveAct, Vec<(String, i64)>),
        say: Say<'_>,
    ) {
        let request = reserve_plan::request(self.id, step);
        if at_ms != self.last_at_ms {
            differ("time of the reserve plan", self.last_at_ms, at_ms, say);
        }
        self.time(event, at_ms, say);
        event.check_story(self.sale(), request, say);
        let made = |index: &u8| event.has_id(chain::event_id(self.id, request, *index));
        let index = (0..=u8::MAX).find(made);
        match index {
            None => say(format!("the event id is not one that request {request} makes")),
            Some(0) => self.once(chain::event_id(self.id, request, 0), request, say),
            Some(_) => {}
        }
        let found = Firing { step, index: index.unwrap_or_default(), act, warehouses };
        if let Err(wrong) = self.goods.plan.fire(&found) {
            say(format!("reserve plan: {wrong}"));
        }
        self.goods.by_plan = true;
        self.goods.plain = false;
    }

    /// Complains of a step that had to fire before that event.
    pub(super) fn check_left_out(&mut self, found: &str, say: Say<'_>) {
        if let Some(firing) = self.goods.plan.left_out() {
            differ("reserve plan", firing, found, say);
        }
    }

    /// Computes what the reserve plan does after that event. `again` where it pays for an order that was
    /// reinstated: units were taken by the event before.
    pub(super) fn expect_of_plan(&mut self, event: &Event<'_>, again: bool) {
        if std::mem::take(&mut self.goods.by_plan) {
            return;
        }
        // None of them makes a step due, but for a reinstatement, which its payment completes. They may
        // be the first half of an append, and are judged by a deadline that may have been moved with
        // the clock: then the moment that the plan goes by is not known.
        let of_hold = [
            "OrderPaid",
            "OrderCancelled",
            "OrderExpired",
            "RefundDue",
            "PaymentFailed",
            "HoldExtended",
            "OrderReinstated",
        ];
        let of_hold = of_hold.contains(&event.kind);
        let unknown = of_hold && event.is_judged_apart();
        let in_window = (self.opens_at_ms..self.closes_at_ms).contains(&self.now_ms);
        let required = !of_hold || (again && !unknown);
        self.goods.plan.expect(&self.stock, !self.closed && (in_window || unknown), required);
    }

    fn stock_moved(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let moved: StockMoved<'_> = serde_json::from_slice(event.data)?;
        self.acted(event, &moved.act, moved.moved_at_ms, say);
        if moved.from == moved.to {
            differ("move of stock", "two warehouses", format!("{:?} twice", moved.from), say);
        }
        self.take_free("move of stock", &moved.from, moved.units, say);
        self.stock.allocate(&moved.to, moved.units);
        self.count(say);
        Ok(())
    }

    fn stock_withdrawn(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let withdrawn: StockWithdrawn<'_> = serde_json::from_slice(event.data)?;
        self.acted(event, &withdrawn.act, withdrawn.withdrawn_at_ms, say);
        if withdrawn.supplier.is_some_and(|supplier| supplier.is_empty()) {
            differ("withdrawal of stock", "the name of a supplier", "an empty one", say);
        }
        self.take_free("withdrawal of stock", &withdrawn.warehouse, withdrawn.units, say);
        self.count(say);
        Ok(())
    }

    /// Units that no order has leave a warehouse.
    fn take_free(&mut self, rule: &str, warehouse: &str, units: i64, say: Say<'_>) {
        let free = self.stock.available_in(warehouse);
        if units < 1 || i128::from(units) > free {
            let expected = format!("1 to {free} free units of {warehouse:?}");
            differ(rule, expected, units, say);
        }
        self.stock.allocate(warehouse, units.saturating_neg());
    }

    /// Compares regions, draw and suppliers with the plan of the sale.
    pub(super) fn check_supplier(&self, warehouse: &str, found: Option<&str>, say: Say<'_>) {
        let Some(planned) = self.goods.planned.as_ref().filter(|_| self.adding) else { return };
        let named = planned.suppliers.iter().find(|at| at.warehouse == warehouse);
        let named = named.map(|at| at.supplier.as_str());
        if named != found {
            let name = |supplier: Option<&str>| supplier.unwrap_or("none").to_owned();
            differ("supplier of a warehouse", name(named), name(found), say);
        }
    }

    /// The id of the first event that a request caused; no other request may have it.
    pub(super) fn once(&mut self, id: Uuid, request: Uuid, say: Say<'_>) {
        if !self.requests.insert(id) || self.orders.find(id).is_some() {
            say(format!("request id {request} is used twice on this item"));
        }
    }
}
