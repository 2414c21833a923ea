//! The rules of an item, judged from its events alone.
//!
//! The checks do not reconstruct what a command should have done. They check for each event whether
//! it is allowed after all earlier ones. After an event that is not, checking continues as far as
//! possible, so that one problem does not hide the next.

mod awaits;
mod goods;
mod order_life;
mod price;
mod purchase;
mod references;
mod schedule;

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{
        Closed, Draw, Id, ItemAdded, Paused, PurchaseLimitSet, ReserveAct, ReserveReleased,
        ReserveSet, Resumed, StockAllocated,
    },
    certificate::Opening,
    chain,
    item::{goods::Goods, order_life::Before},
    order_coupons::ItemNews,
    orders::Orders,
    sale::{Plan, Plans},
    stock::Stock,
};

/// What is remembered beyond what the verdict needs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keep {
    /// What a certificate needs.
    pub certificate: bool,
    /// The buyer of this order.
    pub opening_of: Option<Uuid>,
}

/// What a certificate says of an item.
pub(super) struct Shelf<'a> {
    pub sale: Uuid,
    pub sku: &'a str,
    pub title: &'a str,
    pub closed: bool,
    pub stock: &'a Stock,
    pub orders: &'a Orders,
}

/// What is remembered of one item.
pub(super) struct ItemBook {
    id: Uuid,
    offer: Option<Offer>,
    /// The events that put the item up are still coming.
    adding: bool,
    opens_at_ms: i64,
    closes_at_ms: i64,
    told: schedule::Told,
    limit_per_buyer: Option<i64>,
    limit_per_order: Option<i64>,
    paused: bool,
    sale_paused: bool,
    closed: bool,
    stock: Stock,
    orders: Orders,
    /// Ids of the first event of each request that placed no order.
    requests: HashSet<Uuid>,
    last_at_ms: i64,
    /// By which the last event with a time was judged.
    now_ms: i64,
    goods: Goods,
    /// By row number of the order.
    waiting: HashMap<u32, awaits::Waiting>,
    before: Before,
    /// What the event said of a coupon.
    pub(super) news: Option<ItemNews>,
    keep: Keep,
    opening: Option<Opening>,
}

struct Offer {
    sale: Uuid,
    request: Uuid,
    sku: String,
    title: String,
    unit_price_minor: i64,
    time_to_pay_ms: i64,
    /// Of a buyer, over the whole sale.
    sale_limit: Option<i64>,
}

type Say<'a> = &'a mut dyn FnMut(String);
type Read = Result<(), serde_json::Error>;

impl ItemBook {
    pub(super) fn new(id: Uuid, keep: Keep) -> Self {
        Self {
            id,
            offer: None,
            adding: false,
            opens_at_ms: 0,
            closes_at_ms: i64::MAX,
            told: schedule::Told::default(),
            limit_per_buyer: None,
            limit_per_order: None,
            paused: false,
            sale_paused: false,
            closed: false,
            stock: Stock::default(),
            orders: Orders::default(),
            requests: HashSet::new(),
            last_at_ms: 0,
            now_ms: 0,
            goods: Goods::default(),
            waiting: HashMap::new(),
            before: Before::default(),
            news: None,
            keep,
            opening: None,
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The sale it belongs to; nil until it was added, which no sound log leaves out.
    pub(super) fn sale(&self) -> Uuid {
        self.offer.as_ref().map_or(Uuid::nil(), |offer| offer.sale)
    }

    /// The limit of a buyer over the whole sale, if its orders come under one.
    pub(super) fn sale_limit(&self) -> Option<i64> {
        self.offer.as_ref()?.sale_limit
    }

    /// What a certificate says of it.
    pub(super) fn shelf(&self) -> Shelf<'_> {
        let (sku, title) = self.offer.as_ref().map_or(("", ""), |offer| (&offer.sku, &offer.title));
        let Self { closed, stock, orders, .. } = self;
        Shelf { sale: self.sale(), sku, title, closed: *closed, stock, orders }
    }

    /// The buyer of the requested order, if it is one of this item.
    pub(super) fn opening(&self) -> Option<&Opening> {
        self.opening.as_ref()
    }

    /// Orders placed so far.
    pub(super) fn orders(&self) -> u64 {
        self.orders.count()
    }

    /// Whether nothing of the item has a price, an offer or anything else that a plain item has not.
    pub(super) fn is_plain(&self) -> bool {
        self.goods.plain
    }

    /// Judges what is missing after the last event of its stream.
    pub(super) fn end(&mut self, say: Say<'_>) {
        self.check_put_up(say);
        self.check_left_out("the end of the stream", say);
        self.check_unpaid("the end of the stream", say);
    }

    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(&mut self, event: &Event<'_>, plans: &Plans, say: Say<'_>) -> Read {
        if event.kind != "ItemAdded" && self.offer.is_none() {
            say("something happens to an item that was never added".to_owned());
        }
        let setup = matches!(
            event.kind,
            "ItemScheduled"
                | "PurchaseLimitSet"
                | "StockAllocated"
                | "ReserveSet"
                | "PricesSet"
                | "OffersSet"
                | "AudienceSet"
                | "ReservePlanSet"
        );
        self.adding &= setup;
        if !self.adding {
            self.check_put_up(say);
            if !matches!(event.kind, "ReserveReleased" | "ReserveProposed") {
                self.check_left_out(event.kind, say);
            }
        }
        if event.kind != "OrderPaid" {
            self.check_unpaid(event.kind, say);
        }
        let before = std::mem::take(&mut self.before);
        let read = match self.apply_goods(event, say) {
            Some(read) => Some(read),
            None => self.apply_life(event, &before, say).or_else(|| self.apply_awaits(event, say)),
        };
        let read = read.unwrap_or_else(|| self.apply_plain(event, &before, plans, say));
        self.expect_of_plan(event, before.reinstated.is_some());
        read
    }

    fn apply_plain(
        &mut self,
        event: &Event<'_>,
        before: &Before,
        plans: &Plans,
        say: Say<'_>,
    ) -> Read {
        match event.kind {
            "OrderPlaced" => self.placed(event, say),
            "OrderPaid" => self.paid(event, before, say),
            "OrderCancelled" => self.cancelled(event, say),
            "OrderExpired" => self.expired(event, say),
            "RefundDue" => self.refund_due(event, say),
            "ItemAdded" => self.added(event, plans, say),
            "ItemScheduled" => self.scheduled(event, plans, say),
            "PurchaseLimitSet" => self.limit_set(event, say),
            "StockAllocated" => self.allocated(event, say),
            "ReserveSet" => self.reserve_set(event, say),
            "ReserveReleased" => self.reserve_released(event, say),
            "ItemPaused" => self.pause(event, say),
            "ItemResumed" => self.resume(event, say),
            "ItemClosed" => self.close(event, say),
            kind => {
                say(format!("no event of an item is called {kind:?}"));
                Ok(())
            }
        }
    }

    fn added(&mut self, event: &Event<'_>, plans: &Plans, say: Say<'_>) -> Read {
        let added: ItemAdded<'_> = serde_json::from_slice(event.data)?;
        let sale = added.sale_id.0;
        if self.offer.is_some() {
            say("the item is added twice".to_owned());
        }
        self.time(event, added.added_at_ms, say);
        self.caused_by(event, event.causation, say);
        event.check_story(sale, event.causation, say);
        if self.id != chain::item_id(sale, &added.sku) {
            say(format!("the item's id is not the one of SKU {:?} in its sale", added.sku));
        }
        if added.unit_price_minor < 1 || added.time_to_pay_ms < 1 {
            say("the item has no price or no time to pay".to_owned());
        }
        self.check_reinstate_within(added.reinstate_within_ms, say);
        let told = Plan {
            sale,
            sku: added.sku.into_owned(),
            title: added.title.into_owned(),
            currency: added.currency.into_owned(),
            unit_price_minor: added.unit_price_minor,
            time_to_pay_ms: added.time_to_pay_ms,
            sale_limit: added.sale_limit_per_buyer,
        };
        if let Some(planned) = plans.items.get(&self.id) {
            let goods = planned.goods.clone().unwrap_or_default();
            let others = (&added.regions, added.draw, added.reinstate_within_ms);
            if planned.plan != told
                || (&goods.regions, goods.draw, goods.reinstate_within_ms) != others
            {
                say("the item is not what its sale planned".to_owned());
            }
            self.goods.planned = Some(goods);
        }
        self.goods.plain &= added.regions.is_empty()
            && added.draw == Draw::Listed
            && added.reinstate_within_ms.is_none()
            && added.sale_limit_per_buyer.is_none();
        self.goods.reinstate_within_ms = added.reinstate_within_ms;
        self.goods.regions = added.regions;
        self.goods.draw = added.draw;
        self.offer = Some(Offer {
            sale,
            request: event.causation,
            sku: told.sku,
            title: told.title,
            unit_price_minor: told.unit_price_minor,
            time_to_pay_ms: told.time_to_pay_ms,
            sale_limit: told.sale_limit,
        });
        self.adding = true;
        Ok(())
    }

    fn limit_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let limits: PurchaseLimitSet = serde_json::from_slice(event.data)?;
        if [limits.per_buyer, limits.per_order].into_iter().flatten().any(|limit| limit < 1) {
            say("a limit is below one unit".to_owned());
        }
        // Those of the plan have no moment and no act of their own.
        if limits.act.is_some() != limits.set_at_ms.is_some() {
            say("limits are set at no moment or by no operator".to_owned());
        }
        match limits.set_at_ms {
            Some(at_ms) => self.time(event, at_ms, say),
            None => event.check_not_judged(say),
        }
        if self.closed {
            say("limits are set of a closed item".to_owned());
        }
        let request = limits.act.map_or(event.causation, |act| act.request_id.0);
        self.steered(event, request, say);
        self.limit_per_buyer = limits.per_buyer;
        self.limit_per_order = limits.per_order;
        Ok(())
    }

    fn allocated(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let allocated: StockAllocated<'_> = serde_json::from_slice(event.data)?;
        self.time(event, allocated.allocated_at_ms, say);
        self.steered(event, allocated.act.request_id.0, say);
        if allocated.units < 0 {
            say(format!("{} units are allocated", allocated.units));
        }
        if self.closed {
            say("units are allocated to a closed item".to_owned());
        }
        self.goods.plain &= allocated.supplier.is_none();
        self.check_supplier(&allocated.warehouse, allocated.supplier.as_deref(), say);
        self.stock.allocate(&allocated.warehouse, allocated.units);
        self.count(say);
        Ok(())
    }

    fn reserve_set(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let reserve: ReserveSet<'_> = serde_json::from_slice(event.data)?;
        self.time(event, reserve.set_at_ms, say);
        self.steered(event, reserve.act.request_id.0, say);
        if self.closed {
            say("a reserve is set of a closed item".to_owned());
        }
        self.stock.set_reserve(&reserve.warehouse, reserve.units);
        self.count(say);
        Ok(())
    }

    fn reserve_released(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let released: ReserveReleased<'_> = serde_json::from_slice(event.data)?;
        match self.step_of(&released.act) {
            Some(step) => {
                let what = vec![(released.warehouse.to_string(), released.units)];
                let firing = (step, ReserveAct::Release, what);
                self.fired(event, released.released_at_ms, firing, say);
            }
            None => {
                self.check_left_out(event.kind, say);
                self.time(event, released.released_at_ms, say);
                self.steered(event, released.act.request_id.0, say);
            }
        }
        if released.units < 1 {
            say(format!("{} units of a reserve are released", released.units));
        }
        if self.closed {
            say("units of the reserve of a closed item are released".to_owned());
        }
        self.stock.release_reserve(&released.warehouse, released.units);
        self.count(say);
        Ok(())
    }

    fn pause(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let paused: Paused = serde_json::from_slice(event.data)?;
        self.time(event, paused.paused_at_ms, say);
        self.steered(event, paused.act.request_id.0, say);
        let flag = if paused.by_sale { &mut self.sale_paused } else { &mut self.paused };
        if std::mem::replace(flag, true) || self.closed {
            say("an item is paused that is paused or closed already".to_owned());
        }
        Ok(())
    }

    fn resume(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let resumed: Resumed = serde_json::from_slice(event.data)?;
        self.time(event, resumed.resumed_at_ms, say);
        self.steered(event, resumed.act.request_id.0, say);
        let flag = if resumed.by_sale { &mut self.sale_paused } else { &mut self.paused };
        if !std::mem::replace(flag, false) || self.closed {
            say("an item is resumed that is not paused, or closed".to_owned());
        }
        Ok(())
    }

    fn close(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let closed: Closed = serde_json::from_slice(event.data)?;
        self.time(event, closed.closed_at_ms, say);
        self.steered(event, closed.act.request_id.0, say);
        if self.closed {
            say("the item is closed twice".to_owned());
        }
        self.closed = true;
        Ok(())
    }

    fn count(&self, say: Say<'_>) {
        if let Err(wrong) = self.stock.check() {
            say(wrong);
        }
    }

    fn time(&mut self, event: &Event<'_>, at_ms: i64, say: Say<'_>) {
        self.now_ms = event.judged_at(at_ms);
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, false, say);
    }

    /// An event about an order that a request of its own caused.
    fn requested(&mut self, event: &Event<'_>, order: Uuid, request: Id, say: Say<'_>) {
        self.caused_by(event, request.0, say);
        event.check_story(order, request.0, say);
    }

    /// An event that an operator's request caused, or the request that put the item up.
    fn steered(&mut self, event: &Event<'_>, request: Uuid, say: Say<'_>) {
        let Some(Offer { sale, request: adding, .. }) = self.offer else { return };
        event.check_story(sale, request, say);
        // The events that put the item up are numbered, and their request is theirs already.
        self.adding &= request == adding;
        match u8::try_from(event.revision) {
            Ok(index) if self.adding => {
                if !event.has_id(chain::event_id(self.id, request, index)) {
                    say(format!("the event id is not the one that request {request} makes"));
                }
            }
            _ => self.caused_by(event, request, say),
        }
    }

    /// An event that is the first one its request caused; no other request may have its id.
    fn caused_by(&mut self, event: &Event<'_>, request: Uuid, say: Say<'_>) {
        let id = chain::event_id(self.id, request, 0);
        if !event.has_id(id) {
            say(format!("the event id is not the one that request {request} makes"));
        }
        self.once(id, request, say);
    }
}
