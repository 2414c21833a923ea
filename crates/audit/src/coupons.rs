//! A batch of coupons: created once, never more coupons or money than its terms say, each coupon bound
//! to at most one order at a time, and each order to at most one coupon ever.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{
        BudgetRaised, Closed, CouponBatchCreated, CouponClaimed, CouponDiscount, CouponRedeemed,
        CouponReturned, CouponReturns, CouponRevoked, CouponTerms,
    },
    chain,
    order_coupons::BatchNews,
};

/// One whole in parts per million.
const PPM: i128 = 1_000_000;

/// Most coupons of a batch that one buyer can have, also by grants.
const BUYER_COUPONS_MAX: u64 = 100;

type Say<'a> = &'a mut dyn FnMut(String);

/// What is remembered of one batch.
pub(super) struct CouponBook {
    id: Uuid,
    terms: Option<CouponTerms>,
    sale: Uuid,
    /// What the event said of an order.
    pub(super) news: Option<BatchNews>,
    budget: i128,
    /// What the discounts of bound coupons come to.
    spent: i128,
    closed: bool,
    coupons: HashMap<Uuid, Coupon>,
    buyers: HashMap<String, Buyer>,
    /// Every order that ever redeemed.
    orders: HashMap<Uuid, Redeemed>,
    /// Requests that made an event here.
    requests: HashSet<Uuid>,
    /// The order whose code claimed a coupon with the event before.
    claimed_by_code: Option<Uuid>,
    last_at_ms: i64,
}

struct Coupon {
    buyer: String,
    bound: bool,
    revoked: bool,
}

#[derive(Default)]
struct Buyer {
    claimed: u64,
    all: u64,
}

struct Redeemed {
    coupon: Uuid,
    discount: i64,
    returned: bool,
}

impl CouponBook {
    pub(super) fn new(id: Uuid) -> Self {
        Self {
            id,
            terms: None,
            sale: Uuid::nil(),
            news: None,
            budget: 0,
            spent: 0,
            closed: false,
            coupons: HashMap::new(),
            buyers: HashMap::new(),
            orders: HashMap::new(),
            requests: HashSet::new(),
            claimed_by_code: None,
            last_at_ms: 0,
        }
    }

    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        say: Say<'_>,
    ) -> Result<(), serde_json::Error> {
        if event.kind != "CouponBatchCreated" && self.terms.is_none() {
            say("the batch does not begin with its creation".to_owned());
        }
        let by_code = self.claimed_by_code.take();
        if by_code.is_some() && event.kind != "CouponRedeemed" {
            say("a code claimed a coupon, and no order redeems it at once".to_owned());
        }
        match event.kind {
            "CouponBatchCreated" => self.create(event, serde_json::from_slice(event.data)?, say),
            "CouponClaimed" => self.claim(event, &serde_json::from_slice(event.data)?, say),
            "CouponRedeemed" => {
                self.redeem(event, &serde_json::from_slice(event.data)?, by_code, say);
            }
            "CouponReturned" => self.give_back(event, &serde_json::from_slice(event.data)?, say),
            "CouponRevoked" => {
                let e: CouponRevoked = serde_json::from_slice(event.data)?;
                self.act(event, e.act.request_id.0, e.revoked_at_ms, say);
                match self.coupons.get_mut(&e.coupon_id.0) {
                    Some(coupon) if coupon.bound || coupon.revoked => {
                        say(format!("coupon {} is revoked and was not free", e.coupon_id.0));
                    }
                    Some(coupon) => coupon.revoked = true,
                    None => say(format!("coupon {} was never claimed", e.coupon_id.0)),
                }
            }
            "BudgetRaised" => {
                let e: BudgetRaised = serde_json::from_slice(event.data)?;
                self.act(event, e.act.request_id.0, e.raised_at_ms, say);
                let (budget, before) = (i128::from(e.budget_minor), self.budget);
                if budget <= before {
                    say(format!("budget: expected more than {before}, found {budget}"));
                }
                self.not_closed("its budget is raised", say);
                self.budget = budget;
            }
            "CouponBatchClosed" => {
                let e: Closed = serde_json::from_slice(event.data)?;
                self.act(event, e.act.request_id.0, e.closed_at_ms, say);
                self.not_closed("it is closed", say);
                self.closed = true;
            }
            kind => say(format!("no event of coupons is called {kind:?}")),
        }
        Ok(())
    }

    /// The batch and its sale.
    pub(super) fn of(&self) -> (Uuid, Uuid) {
        (self.sale, self.id)
    }

    /// What is wrong at the end of the log.
    pub(super) fn end(&self, say: Say<'_>) {
        if self.claimed_by_code.is_some() {
            say("a code claimed a coupon, and no order redeems it at once".to_owned());
        }
    }

    fn create(&mut self, event: &Event<'_>, created: CouponBatchCreated<'_>, say: Say<'_>) {
        self.act(event, created.act.request_id.0, created.created_at_ms, say);
        if self.terms.is_some() {
            say("the batch is created twice".to_owned());
        }
        let CouponBatchCreated { sale_id, terms, .. } = created;
        let made = Uuid::new_v5(&sale_id.0, format!("coupon:{}", terms.name).as_bytes());
        if self.id != made {
            say(format!("the batch does not have the id of its name {:?}", terms.name));
        }
        if terms.from_ms >= terms.until_ms {
            say("the batch ends before it begins".to_owned());
        }
        let (what, value, most) = match &terms.discount {
            CouponDiscount::AmountMinor(amount) => ("amount_minor", *amount, i64::MAX),
            CouponDiscount::Percent(off) => ("ppm", off.ppm, 1_000_000),
        };
        let positive = [
            (what, value, most),
            ("min_spend_minor", terms.min_spend_minor, i64::MAX),
            ("coupons", terms.coupons, i64::MAX),
            ("per_buyer", terms.per_buyer, i64::MAX),
            ("budget_minor", terms.budget_minor, i64::MAX),
        ];
        for (what, value, most) in positive {
            if !(1..=most).contains(&value) {
                say(format!("{what}: expected 1 to {most}, found {value}"));
            }
        }
        self.budget = terms.budget_minor.into();
        self.sale = sale_id.0;
        self.terms = Some(terms);
    }

    fn claim(&mut self, event: &Event<'_>, claimed: &CouponClaimed<'_>, say: Say<'_>) {
        let (coupon, request) = (claimed.coupon_id.0, claimed.request_id.0);
        let story = if claimed.by_code { request } else { self.id };
        self.caused(event, request, story, claimed.claimed_at_ms, say);
        if coupon != chain::sale_event_id(self.id, request) {
            say(format!("coupon {coupon} does not have the id that request {request} makes"));
        }
        self.not_closed("a coupon of it is claimed", say);
        let buyer = claimed.buyer.clone().into_owned();
        let fresh = Coupon { buyer, bound: false, revoked: false };
        if self.coupons.insert(coupon, fresh).is_some() {
            say(format!("coupon {coupon} is claimed twice"));
        }
        let buyer = self.buyers.entry(claimed.buyer.clone().into_owned()).or_default();
        buyer.all += 1;
        buyer.claimed += u64::from(claimed.grant.is_none());
        let Some(terms) = &self.terms else { return };
        let count = self.coupons.len();
        if i128::try_from(count).is_ok_and(|count| count > terms.coupons.into()) {
            say(format!("coupons: expected at most {}, found {count}", terms.coupons));
        }
        let over = i128::from(buyer.claimed) > terms.per_buyer.into();
        if over || buyer.all > BUYER_COUPONS_MAX {
            let Buyer { claimed, all } = buyer;
            let most = terms.per_buyer;
            say(format!(
                "coupons of a buyer: expected at most {most} claimed and {BUYER_COUPONS_MAX} in all, \
                 found {claimed} and {all}"
            ));
        }
        let judged = event.judged_at(claimed.claimed_at_ms);
        let early = claimed.grant.is_none() && judged < terms.from_ms;
        // What a code claims is judged with the order.
        if !claimed.by_code && (early || judged >= terms.until_ms) {
            let (from, until) = (terms.from_ms, terms.until_ms);
            say(format!("a claim: expected from {from} until {until}, found {judged}"));
        }
        if claimed.by_code {
            if terms.code.is_none() {
                say("a code claims a coupon of a batch without one".to_owned());
            }
            self.claimed_by_code = Some(request);
        }
        if let Some(grant) = &claimed.grant
            && (claimed.by_code || grant.operator.is_empty() || grant.reason.is_empty())
        {
            say("a coupon is granted by nobody, or for no reason".to_owned());
        }
    }

    fn redeem(
        &mut self,
        event: &Event<'_>,
        redeemed: &CouponRedeemed,
        by_code: Option<Uuid>,
        say: Say<'_>,
    ) {
        let (coupon, order) = (redeemed.coupon_id.0, redeemed.order_id.0);
        self.of_order(event, order, b"redeemed", redeemed.redeemed_at_ms, say);
        if by_code.is_some_and(|claimed_by| claimed_by != order) {
            say("a code claimed a coupon, and another order redeems".to_owned());
        }
        self.not_closed("a coupon of it is redeemed", say);
        match self.coupons.get_mut(&coupon) {
            Some(of) if of.bound || of.revoked => {
                say(format!("coupon {coupon} is redeemed and was not free"));
            }
            Some(of) => of.bound = true,
            None => say(format!("coupon {coupon} was never claimed")),
        }
        let discount = redeemed.discount_minor;
        let buyer = self.coupons.get(&coupon).map(|of| of.buyer.clone()).unwrap_or_default();
        self.news = Some(BatchNews::Bound {
            order,
            item: redeemed.item_id.0,
            buyer,
            coupon,
            amounts: [redeemed.base_minor, discount],
            placed_at_ms: redeemed.placed_at_ms,
        });
        let bound = Redeemed { coupon, discount, returned: false };
        if self.orders.insert(order, bound).is_some() {
            say(format!("order {order} redeems a second coupon"));
        }
        self.spent += i128::from(discount);
        if self.spent > self.budget {
            let (budget, spent) = (self.budget, self.spent);
            say(format!("discounts together: expected at most {budget}, found {spent}"));
        }
        let Some(terms) = &self.terms else { return };
        let at = redeemed.placed_at_ms;
        if at < terms.from_ms || at >= terms.until_ms {
            let (from, until) = (terms.from_ms, terms.until_ms);
            say(format!("an order: expected from {from} until {until}, found {at}"));
        }
        if !terms.items.is_empty() && !terms.items.contains(&redeemed.item_id) {
            say(format!("the coupons are not for item {}", redeemed.item_id.0));
        }
        let base = redeemed.base_minor;
        if base < terms.min_spend_minor {
            say(format!("an order: expected at least {}, found {base}", terms.min_spend_minor));
        }
        let expected = discount_of(&terms.discount, base);
        if i128::from(discount) != expected || expected < 1 {
            say(format!("discount of {base}: expected {expected}, found {discount}"));
        }
    }

    fn give_back(&mut self, event: &Event<'_>, returned: &CouponReturned, say: Say<'_>) {
        let order = returned.order_id.0;
        self.of_order(event, order, b"returned", returned.returned_at_ms, say);
        let returns = self.terms.as_ref().map(|terms| terms.returns);
        let after_refund = returns == Some(CouponReturns::Refund);
        self.news = Some(BatchNews::Returned { order, cause: returned.cause, after_refund });
        let Some(bound) = self.orders.get_mut(&order).filter(|bound| !bound.returned) else {
            return say(format!("order {order} returns a coupon that it does not have"));
        };
        if bound.coupon != returned.coupon_id.0 || bound.discount != returned.discount_minor {
            let Redeemed { coupon, discount, .. } = bound;
            let (found, off) = (returned.coupon_id.0, returned.discount_minor);
            say(format!(
                "order {order} returns: expected coupon {coupon} of {discount}, found {found} of {off}"
            ));
        }
        bound.returned = true;
        self.spent -= i128::from(bound.discount);
        if let Some(coupon) = self.coupons.get_mut(&bound.coupon) {
            coupon.bound = false;
        }
    }

    fn not_closed(&self, what: &str, say: Say<'_>) {
        if self.closed {
            say(format!("the batch is closed, and then {what}"));
        }
    }

    /// Checks for every event that an operator's request caused.
    fn act(&mut self, event: &Event<'_>, request: Uuid, at_ms: i64, say: Say<'_>) {
        self.caused(event, request, self.id, at_ms, say);
    }

    fn caused(&mut self, event: &Event<'_>, request: Uuid, story: Uuid, at_ms: i64, say: Say<'_>) {
        if !event.has_id(chain::sale_event_id(self.id, request)) {
            say(format!("the event id is not the one that request {request} makes"));
        }
        event.check_story(story, request, say);
        if !self.requests.insert(request) {
            say(format!("request id {request} is used twice"));
        }
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, false, say);
    }

    /// Checks for every event that an order caused.
    fn of_order(&mut self, event: &Event<'_>, order: Uuid, what: &[u8], at_ms: i64, say: Say<'_>) {
        if !event.has_id(Uuid::new_v5(&self.id, &[order.as_bytes(), what].concat())) {
            say(format!("the event id is not the one that order {order} makes"));
        }
        event.check_story(order, order, say);
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, false, say);
    }
}

/// What a coupon takes off: at least 1 minor unit is left to pay.
fn discount_of(discount: &CouponDiscount, base: i64) -> i128 {
    let base = i128::from(base);
    let off = match discount {
        CouponDiscount::AmountMinor(amount) => i128::from(*amount),
        CouponDiscount::Percent(off) => {
            let share = base * i128::from(off.ppm) / PPM;
            off.at_most_minor.map_or(share, |most| share.min(most.into()))
        }
    };
    off.min(base - 1)
}
