//! A sale and its plans: created once by the request that gives it its id, rescheduled, paused and
//! resumed in turns, closed once.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{
        Closed, Id, Paused, PlannedGoods, Resumed, SaleCreated, SaleRescheduled, WarehouseUnits,
    },
    chain,
    schedule::{SaleWindows, Scheduled, Schedules, Window},
};

/// What a sale says one of its items is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub sale: Uuid,
    pub sku: String,
    pub title: String,
    pub currency: String,
    pub unit_price_minor: i64,
    pub time_to_pay_ms: i64,
    pub sale_limit: Option<i64>,
}

/// What a sale planned of one of its items.
pub(super) struct Planned {
    pub plan: Plan,
    /// Absent for a plain item.
    pub goods: Option<Box<PlannedGoods>>,
}

/// The plans and windows of all items whose sale stands in the log so far.
#[derive(Default)]
pub(super) struct Plans {
    pub items: HashMap<Uuid, Planned>,
    pub schedules: Schedules,
}

/// What is remembered of one sale.
pub(super) struct SaleBook {
    id: Uuid,
    created_by: Option<Uuid>,
    /// Requests of operators after that.
    requests: HashSet<Uuid>,
    windows: SaleWindows,
    paused: bool,
    closed: bool,
    last_at_ms: i64,
}

impl SaleBook {
    pub(super) fn new(id: Uuid) -> Self {
        Self {
            id,
            created_by: None,
            requests: HashSet::new(),
            windows: SaleWindows::default(),
            paused: false,
            closed: false,
            last_at_ms: 0,
        }
    }

    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        plans: &mut Plans,
        say: &mut dyn FnMut(String),
    ) -> Result<(), serde_json::Error> {
        match event.kind {
            "SaleCreated" => {
                let created: SaleCreated<'_> = serde_json::from_slice(event.data)?;
                self.common(event, created.act.request_id, created.created_at_ms, say);
                self.create(&created, plans, say);
            }
            "SaleClosed" => {
                let closed: Closed = serde_json::from_slice(event.data)?;
                self.common(event, closed.act.request_id, closed.closed_at_ms, say);
                self.steered(closed.act.request_id.0, "closed", say);
                if self.closed {
                    say("the sale is closed twice".to_owned());
                }
                self.closed = true;
            }
            "SaleRescheduled" => {
                let to: SaleRescheduled = serde_json::from_slice(event.data)?;
                self.common(event, to.act.request_id, to.rescheduled_at_ms, say);
                self.steered(to.act.request_id.0, "rescheduled", say);
                if self.closed {
                    say("a closed sale is rescheduled".to_owned());
                }
                self.windows.reschedule(event, &to, &mut plans.schedules, say);
            }
            "SalePaused" => {
                let paused: Paused = serde_json::from_slice(event.data)?;
                self.common(event, paused.act.request_id, paused.paused_at_ms, say);
                self.steered(paused.act.request_id.0, "paused", say);
                if self.paused || self.closed {
                    say("a sale is paused that is paused or closed already".to_owned());
                }
                self.paused = true;
            }
            "SaleResumed" => {
                let resumed: Resumed = serde_json::from_slice(event.data)?;
                self.common(event, resumed.act.request_id, resumed.resumed_at_ms, say);
                self.steered(resumed.act.request_id.0, "resumed", say);
                if !self.paused || self.closed {
                    say("a sale is resumed that is not paused, or closed".to_owned());
                }
                self.paused = false;
            }
            kind => say(format!("no event of a sale is called {kind:?}")),
        }
        Ok(())
    }

    /// An operator's act on a sale that must be there, by a request of its own.
    fn steered(&mut self, request: Uuid, done: &str, say: &mut dyn FnMut(String)) {
        if self.created_by.is_none() {
            say(format!("a sale is {done} that was never created"));
        }
        if self.created_by == Some(request) || !self.requests.insert(request) {
            say(format!("request id {request} is used twice on this sale"));
        }
    }

    fn common(&mut self, event: &Event<'_>, request: Id, at_ms: i64, say: &mut dyn FnMut(String)) {
        if !event.has_id(chain::sale_event_id(self.id, request.0)) {
            say(format!("the event id is not the one that request {} makes", request.0));
        }
        event.check_story(self.id, request.0, say);
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, false, say);
    }

    fn create(
        &mut self,
        created: &SaleCreated<'_>,
        plans: &mut Plans,
        say: &mut dyn FnMut(String),
    ) {
        let request = created.act.request_id.0;
        if self.created_by.replace(request).is_some() {
            say("the sale is created twice".to_owned());
        }
        if self.id != chain::sale_id(request) {
            say(format!("the sale's id is not the one that request {request} makes"));
        }
        if created.opens_at_ms >= created.closes_at_ms {
            say("the sale closes before it opens".to_owned());
        }
        if created.limit_per_buyer.is_some_and(|limit| limit < 1) {
            say("the limit over the sale is below one unit".to_owned());
        }
        if created.rewards.iter().any(|reward| reward.spend_minor < 1) {
            say("a coupon is earned by paying nothing".to_owned());
        }
        let mut skus = HashSet::new();
        let mut windows = Vec::with_capacity(created.items.len());
        for item in &created.items {
            if !skus.insert(&item.sku) {
                say(format!("the sale offers SKU {:?} twice", item.sku));
            }
            if item.item_id.0 != chain::item_id(self.id, &item.sku) {
                say(format!("item {} does not have the id of its SKU", item.item_id.0));
            }
            if item.opens_at_ms >= item.closes_at_ms {
                say(format!("item {} is planned to close before it opens", item.item_id.0));
            }
            let limits = [item.limit_per_buyer, item.limit_per_order];
            let below = |part: &WarehouseUnits<'_>| part.units < 0;
            if limits.into_iter().flatten().any(|limit| limit < 1)
                || item.units.iter().chain(&item.reserve).any(below)
            {
                say(format!(
                    "item {} is planned with a limit or units that make no sense",
                    item.item_id.0
                ));
            }
            let plan = Plan {
                sale: self.id,
                sku: item.sku.to_string(),
                title: item.title.to_string(),
                currency: created.currency.to_string(),
                unit_price_minor: item.unit_price_minor,
                time_to_pay_ms: item.time_to_pay_ms,
                sale_limit: created.limit_per_buyer,
            };
            let goods = (item.goods != PlannedGoods::default()).then(|| item.goods.clone().into());
            plans.items.insert(item.item_id.0, Planned { plan, goods });
            let (opens_at_ms, closes_at_ms) = (item.opens_at_ms, item.closes_at_ms);
            let window = Window { opens_at_ms, closes_at_ms };
            windows.push((item.item_id.0, window));
            let scheduled = Scheduled { sale_revision: 0, window, moved_ms: 0 };
            plans.schedules.insert(item.item_id.0, vec![scheduled]);
        }
        let (opens_at_ms, closes_at_ms) = (created.opens_at_ms, created.closes_at_ms);
        self.windows = SaleWindows::planned(Window { opens_at_ms, closes_at_ms }, windows);
    }
}
