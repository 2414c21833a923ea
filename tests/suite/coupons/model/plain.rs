//! The plain model of a batch: lists, of which everything is counted anew.

use std::collections::BTreeMap;

use doorbuster::{
    domain::coupon::CouponReason,
    events::{CouponDiscount, CouponTerms, PercentOff},
};

pub const BUYERS: [&str; 3] = ["ann", "bob", "cat"];
pub const CODE: &str = "SAVE";
pub const FROM: i64 = 100;
pub const UNTIL: i64 = 300;

#[derive(Debug, Clone)]
pub enum Step {
    Claim { name: u8, buyer: usize },
    Grant { name: u8, buyer: usize },
    Redeem { order: u8, buyer: usize, lamp: bool, base: i64, by: Option<u8>, before: i64 },
    Return { order: u8 },
    Raise { name: u8, budget: i64 },
    Close { name: u8 },
    Revoke { name: u8, of: u8 },
    Pass { ms: i64 },
    Restart,
}

pub fn called(name: u8) -> String {
    format!("r{name}")
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Batch,
    /// Of whom, and the order it is bound to or that it is revoked.
    Coupon(String, String),
    Off(String, i64),
    No(CouponReason),
    Reused,
    NotFound,
    Wrong,
}

#[derive(Debug, Clone)]
pub struct Coupon {
    name: String,
    buyer: usize,
    granted: bool,
    revoked: bool,
}

/// An order that redeemed.
#[derive(Debug, Clone)]
pub struct Bound {
    order: u8,
    coupon: String,
    off: i64,
    pub returned: bool,
}

pub struct Model {
    terms: CouponTerms,
    pub budget: i64,
    closed: bool,
    pub coupons: Vec<Coupon>,
    pub orders: Vec<Bound>,
    /// Requests that changed something, with their fields.
    requests: BTreeMap<String, String>,
    pub events: usize,
}

impl Model {
    /// A batch that was just created.
    pub fn of(terms: &CouponTerms) -> Self {
        Self {
            terms: terms.clone(),
            budget: terms.budget_minor,
            closed: false,
            coupons: Vec::new(),
            orders: Vec::new(),
            requests: BTreeMap::new(),
            events: 1,
        }
    }

    pub fn spent(&self) -> i64 {
        self.orders.iter().filter(|order| !order.returned).map(|order| order.off).sum()
    }

    fn bound_of(&self, name: &str) -> Option<&Bound> {
        self.orders.iter().find(|order| !order.returned && order.coupon == name)
    }

    fn shown(&self, name: &str) -> Said {
        let coupon = self.coupons.iter().find(|coupon| coupon.name == name).unwrap();
        let state = match self.bound_of(name) {
            Some(bound) => format!("bound {} {}", bound.order, bound.off),
            None if coupon.revoked => "revoked".to_owned(),
            None => "free".to_owned(),
        };
        Said::Coupon(BUYERS[coupon.buyer].to_owned(), state)
    }

    /// Whether the request is another one's, or what it was answered.
    fn before(&self, name: &str, fields: &str) -> Option<bool> {
        self.requests.get(name).map(|known| known == fields)
    }

    fn full(&self, buyer: usize) -> Option<CouponReason> {
        if self.coupons.len() as i64 == self.terms.coupons {
            return Some(CouponReason::AllClaimed);
        }
        let own = self.coupons.iter().filter(|c| c.buyer == buyer && !c.granted).count();
        (own as i64 >= self.terms.per_buyer).then_some(CouponReason::OverBuyerLimit)
    }

    fn gets(&mut self, name: &str, buyer: usize, granted: bool, fields: String) {
        self.coupons.push(Coupon { name: name.to_owned(), buyer, granted, revoked: false });
        self.requests.insert(name.to_owned(), fields);
        self.events += 1;
    }

    fn take(&mut self, name: u8, buyer: usize, granted: bool, now: i64) -> Said {
        let (name, fields) = (called(name), format!("take {buyer} {granted}"));
        match self.before(&name, &fields) {
            Some(true) => return self.shown(&name),
            Some(false) => return Said::Reused,
            None => {}
        }
        let open = now < UNTIL && (granted || now >= FROM);
        if self.closed || !open {
            return Said::No(CouponReason::Expired);
        }
        match self.full(buyer) {
            Some(CouponReason::AllClaimed) => return Said::No(CouponReason::AllClaimed),
            Some(reason) if !granted => return Said::No(reason),
            Some(_) | None => {}
        }
        self.gets(&name, buyer, granted, fields);
        self.shown(&name)
    }

    fn off(&self, base: i64) -> i64 {
        let off = match self.terms.discount {
            CouponDiscount::AmountMinor(amount) => amount,
            CouponDiscount::Percent(PercentOff { ppm, at_most_minor }) => {
                let share = base * ppm / 1_000_000;
                at_most_minor.map_or(share, |most| share.min(most))
            }
        };
        off.min(base - 1)
    }

    fn redeem(&mut self, step: &Step, now: i64) -> Said {
        let Step::Redeem { order, buyer, lamp, base, by, before } = *step else { unreachable!() };
        if let Some(bound) = self.orders.iter().find(|bound| bound.order == order) {
            return Said::Off(bound.coupon.clone(), bound.off);
        }
        let placed = now - before;
        if self.closed || !(FROM..UNTIL).contains(&placed) {
            return Said::No(CouponReason::Expired);
        }
        let mine = |coupon: &&Coupon| coupon.buyer == buyer && !coupon.revoked;
        let (name, new) = if let Some(of) = by {
            let Some(coupon) = self.coupons.iter().filter(mine).find(|c| c.name == called(of))
            else {
                return Said::No(CouponReason::Unknown);
            };
            if self.bound_of(&coupon.name).is_some() {
                return Said::No(CouponReason::Used);
            }
            (coupon.name.clone(), false)
        } else {
            if self.terms.code.is_none() {
                return Said::No(CouponReason::Unknown);
            }
            let free = self.coupons.iter().filter(mine).find(|c| self.bound_of(&c.name).is_none());
            match free {
                Some(coupon) => (coupon.name.clone(), false),
                None => {
                    if let Some(reason) = self.full(buyer) {
                        let any = self.coupons.iter().filter(mine).count() > 0;
                        return Said::No(if any { CouponReason::Used } else { reason });
                    }
                    let name = called(order);
                    if self.requests.contains_key(&name) {
                        return Said::No(CouponReason::Unknown);
                    }
                    (name, true)
                }
            }
        };
        if lamp {
            return Said::No(CouponReason::OtherItem);
        }
        let off = self.off(base);
        if base < self.terms.min_spend_minor || off < 1 {
            return Said::No(CouponReason::BelowMinimum);
        }
        if self.spent() + off > self.budget {
            return Said::No(CouponReason::BudgetSpent);
        }
        if new {
            self.gets(&name, buyer, false, "code".to_owned());
        }
        self.orders.push(Bound { order, coupon: name.clone(), off, returned: false });
        self.events += 1;
        Said::Off(name, off)
    }

    fn act(&mut self, name: u8, fields: String, change: impl FnOnce(&mut Self) -> Said) -> Said {
        let name = called(name);
        if let Some(same) = self.before(&name, &fields) {
            if !same {
                return Said::Reused;
            }
            let of = fields.strip_prefix("revoke ").map(str::to_owned);
            return of.map_or(Said::Batch, |of| self.shown(&of));
        }
        let before = self.events;
        let said = change(self);
        if self.events > before {
            self.requests.insert(name, fields);
        }
        said
    }

    pub fn answer(&mut self, step: &Step, now: i64) -> Said {
        match *step {
            Step::Claim { name, buyer } => self.take(name, buyer, false, now),
            Step::Grant { name, buyer } => self.take(name, buyer, true, now),
            Step::Redeem { .. } => self.redeem(step, now),
            Step::Return { order } => {
                let Some(index) = self.orders.iter().position(|bound| bound.order == order) else {
                    return Said::Batch;
                };
                let bound = &mut self.orders[index];
                self.events += usize::from(!bound.returned);
                bound.returned = true;
                let name = bound.coupon.clone();
                self.shown(&name)
            }
            Step::Raise { name, budget } => self.act(name, format!("raise {budget}"), |model| {
                if model.closed {
                    return Said::No(CouponReason::Expired);
                }
                if budget <= model.budget {
                    return Said::Wrong;
                }
                model.budget = budget;
                model.events += 1;
                Said::Batch
            }),
            Step::Close { name } => self.act(name, "close".to_owned(), |model| {
                model.events += usize::from(!model.closed);
                model.closed = true;
                Said::Batch
            }),
            Step::Revoke { name, of } => {
                let of = called(of);
                self.act(name, format!("revoke {of}"), |model| {
                    let Some(index) = model.coupons.iter().position(|coupon| coupon.name == of)
                    else {
                        return Said::NotFound;
                    };
                    if model.bound_of(&of).is_some() {
                        return Said::No(CouponReason::Used);
                    }
                    model.events += usize::from(!model.coupons[index].revoked);
                    model.coupons[index].revoked = true;
                    model.shown(&of)
                })
            }
            Step::Pass { .. } | Step::Restart => unreachable!(),
        }
    }
}
