//! The shoppers of the sale, their arrival, wishes and payments: drawn from a seed, second by
//! second.
//!
//! Most arrive in the first fifth of the sale. Two of three order, together for twice as many units
//! as there are; the others only view.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    crowd::plan::uuid_of,
    domain::item::SteerAction,
    events::{TrafficAction, WarehouseUnits},
    values::{OrderId, RequestId},
};

/// How long before that the first shoppers come.
pub(super) const EARLY_SECONDS: i64 = 60;

/// Something that a visitor did, as the shop's page tells it.
pub struct Beacon {
    pub shopper: u32,
    /// `None` on the page of the sale.
    pub item: Option<usize>,
    pub action: TrafficAction,
}

/// Something that happens.
pub enum Step {
    See(Beacon),
    Buy { shopper: u32, item: usize, units: i64 },
    Pay { item: usize, order: OrderId, amount_minor: i64 },
    Cancel { item: usize, order: OrderId, shopper: u32 },
    Steer { item: usize, action: SteerAction, reason: &'static str },
    Close,
}

/// An order that was placed.
pub struct Placed {
    pub order: OrderId,
    pub amount_minor: i64,
}

/// What is to happen, from the running second on.
pub struct Script {
    random: StdRng,
    shoppers: u32,
    /// Units on offer, by item.
    units: Vec<i64>,
    /// Up to which draw below 1 each item is wanted.
    wanted: Vec<f64>,
    /// Arrivals by second, from [`EARLY_SECONDS`] before the opening on.
    arrivals: VecDeque<u32>,
    /// Steps of the running second and of those after it.
    steps: VecDeque<Vec<Step>>,
    /// The last second in which something is sure to happen, counted from the opening.
    last: i64,
}

impl Script {
    pub fn new(orders: u32, items: u32, minutes: u32, seed: u64) -> Self {
        let (units, wanted) = shelves(orders, items);
        let length = i64::from(minutes) * 60;
        // Two of three shoppers order, so there are two attempts for each order.
        let come = orders.saturating_mul(3);
        let mut script = Self {
            random: StdRng::seed_from_u64(seed),
            shoppers: orders,
            units,
            wanted,
            arrivals: arrivals(come, length),
            steps: VecDeque::new(),
            last: length + 1,
        };
        let extra =
            WarehouseUnits { warehouse: "north".to_owned(), units: (script.units[0] / 20).max(1) };
        let last = script.units.len() - 1;
        let acts = [
            (length / 20, last, SteerAction::Pause, "the picture is wrong"),
            (length / 20 + 30, last, SteerAction::Resume, "the picture is right"),
            (length / 4, 0, SteerAction::Allocate(extra.into()), "found in the back"),
        ];
        for (second, item, action, reason) in acts {
            script.at(second + EARLY_SECONDS, Step::Steer { item, action, reason });
        }
        script.at(length + EARLY_SECONDS, Step::Close);
        script
    }

    /// Units on offer, by item.
    pub fn units(&self) -> &[i64] {
        &self.units
    }

    /// The last second in which something is sure to happen, counted from the opening.
    pub fn last_second(&self) -> i64 {
        self.last
    }

    /// A fresh request id.
    pub fn request(&mut self) -> RequestId {
        RequestId(uuid_of(self.random.random(), self.random.random()))
    }

    /// What happens in the second that comes now, `second` seconds after the opening.
    pub fn take(&mut self, second: i64) -> Vec<Step> {
        let come = self.arrivals.pop_front().unwrap_or(0);
        for _ in 0..come {
            self.arrive();
        }
        self.last = self.last.max(second + i64::try_from(self.steps.len()).unwrap_or(0) - 1);
        self.steps.pop_front().unwrap_or_default()
    }

    /// One more shopper looks around, and perhaps wants to buy.
    fn arrive(&mut self) {
        let shopper = self.random.random_range(0..self.shoppers);
        let draw: f64 = self.random.random();
        let item = self.wanted.iter().position(|upto| draw < *upto).unwrap_or(0);
        let see = |item, action| Step::See(Beacon { shopper, item, action });
        self.at(0, see(Some(item), TrafficAction::View));
        let dice = self.random.random_range(0..1_000);
        if dice % 10 == 0 {
            self.at(0, see(None, TrafficAction::View));
        }
        if dice < 80 {
            self.at(1, see(Some(item), TrafficAction::Favourite));
        } else if dice < 100 {
            self.at(1, see(Some(item), TrafficAction::Share));
        }
        if dice % 3 == 0 {
            return;
        }
        if dice % 5 < 3 {
            self.at(1, see(Some(item), TrafficAction::Cart));
        }
        let units = if dice % 20 == 1 { 2 } else { 1 };
        let after = self.random.random_range(2..10);
        self.at(after, Step::Buy { shopper, item, units });
    }

    /// What becomes of an order.
    pub fn follow(&mut self, item: usize, shopper: u32, placed: &Placed) {
        let Placed { order, amount_minor } = *placed;
        match self.random.random_range(0..100) {
            0..85 => {
                let after = self.random.random_range(5..240);
                self.at(after, Step::Pay { item, order, amount_minor });
            }
            85..89 => {
                let after = self.random.random_range(10..200);
                self.at(after, Step::Cancel { item, order, shopper });
            }
            _ => {}
        }
    }

    /// Something happens so many seconds from now.
    fn at(&mut self, after: i64, step: Step) {
        let after = usize::try_from(after).unwrap_or(0);
        if self.steps.len() <= after {
            self.steps.resize_with(after + 1, Vec::new);
        }
        self.steps[after].push(step);
    }
}

/// Units of each item, and up to which draw each is wanted. The first are wanted most; some have
/// more for those who want them, and sell out later.
fn shelves(orders: u32, items: u32) -> (Vec<i64>, Vec<f64>) {
    let weights: Vec<f64> = (0..items).map(|item| f64::from(item + 1).powf(-0.7)).collect();
    let generous = |item: u32| 0.75 + 0.5 * f64::from(item % 5) / 4.0;
    let all: f64 = weights.iter().sum();
    let offered: f64 = (0..).zip(&weights).map(|(item, weight)| weight * generous(item)).sum();
    // Of 100 orders 85 are paid, and 20 orders have 21 units.
    let units = f64::from(orders) * 0.85 * 1.05;
    let of_item = |(item, weight): (u32, &f64)| {
        #[expect(clippy::cast_possible_truncation, reason = "below 20 million")]
        let units = (units * weight * generous(item) / offered) as i64;
        units.max(2)
    };
    let units = (0..).zip(&weights).map(of_item).collect();
    let wanted = weights.iter().scan(0.0, |upto, weight| {
        *upto += weight / all;
        Some(*upto)
    });
    (units, wanted.collect())
}

/// How many come in each second: a few before the opening, most right after it.
fn arrivals(come: u32, length: i64) -> VecDeque<u32> {
    #[expect(clippy::cast_precision_loss, reason = "at most a day of seconds")]
    let length = length as f64;
    let weight = |second: f64| {
        if second < 0.0 { 0.25 } else { 0.1 + (-second / (length / 6.0)).exp() }
    };
    let seconds = -EARLY_SECONDS + 1..;
    #[expect(clippy::cast_precision_loss, reason = "at most a day of seconds")]
    let seconds = seconds.map(|second| second as f64).take_while(|second| *second < length - 10.0);
    let weights: Vec<f64> = seconds.map(weight).collect();
    let all: f64 = weights.iter().sum();
    let mut owed = 0.0;
    let each = weights.iter().map(|weight| {
        owed += weight * f64::from(come) / all;
        let now = f64::floor(owed);
        owed -= now;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below come")]
        let now = now as u32;
        now
    });
    each.collect()
}

/// The id of a shopper, as buyer and as visitor.
pub fn buyer(shopper: u32) -> String {
    format!("shopper-{shopper:08}")
}

/// Where a shopper comes from, always the same.
pub fn channel(shopper: u32) -> &'static str {
    match shopper % 20 {
        0..11 => "app",
        11..16 => "web",
        16..19 => "mini-program",
        _ => "partner",
    }
}
