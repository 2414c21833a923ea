//! What the units of an order cost: the steps of the ladder, then the base price, and time prices.
//!
//! Money and units are counted in 128 bits, so that no number of a damaged log overflows.

use std::fmt;

use super::bodies::{OrderPart, Prices, ReturnedUnits};

/// Most minor units that one unit can cost, most units of all steps together, most steps.
const UNIT_PRICE_MINOR_MAX: i64 = 1_000_000_000_000;
const STEP_UNITS_MAX: i128 = 1_000_000_000;
const STEPS_MAX: usize = 20;

/// The prices in force, and how many units of each step are in orders.
pub(super) struct Ladder {
    pub number: u8,
    prices: Prices,
    /// Units of each step in held and paid orders, or in orders ever placed, by `returned_units`.
    used: Vec<i128>,
}

impl Ladder {
    pub(super) fn new(number: u8, prices: Prices) -> Self {
        Self { number, used: vec![0; prices.steps.len()], prices }
    }

    /// The window of the item was moved.
    pub(super) fn move_by(&mut self, ms: i64) {
        for price in &mut self.prices.time_prices {
            price.from_ms = price.from_ms.saturating_add(ms);
            price.until_ms = price.until_ms.saturating_add(ms);
        }
    }

    fn free(&self, step: usize) -> i128 {
        i128::from(self.prices.steps[step].units) - self.used[step]
    }

    /// The parts of an order of so many units that is judged at that moment.
    pub(super) fn parts(&self, units: i64, at_ms: i64) -> Vec<OrderPart> {
        let in_force = self.prices.time_prices.iter().zip(0_u8..);
        let in_force = in_force.filter(|(time, _)| time.from_ms <= at_ms && at_ms < time.until_ms);
        let in_force = in_force.map(|(time, index)| (time.unit_price_minor, index)).next();
        let mut left = i128::from(units);
        let steps = self.prices.steps.iter().enumerate();
        let steps = steps.map(|(step, terms)| {
            (u8::try_from(step).ok(), self.free(step), terms.unit_price_minor)
        });
        let base = (None, i128::MAX, self.prices.unit_price_minor);
        let mut parts = Vec::with_capacity(1);
        for (step, free, ladder_price) in steps.chain([base]) {
            let taken = left.min(free.max(0));
            let Some(units) = i64::try_from(taken).ok().filter(|taken| *taken > 0) else {
                continue;
            };
            left -= taken;
            let (unit_price_minor, time_price) = match in_force {
                Some((price, index)) if price < ladder_price => (price, Some(index)),
                _ => (ladder_price, None),
            };
            parts.push(OrderPart { step, time_price, units, unit_price_minor });
        }
        parts
    }

    /// An order with these parts is placed.
    pub(super) fn take(&mut self, parts: &[OrderPart]) {
        self.count(parts, 1);
    }

    /// An order with these parts ended unpaid, or they came back to the stock.
    pub(super) fn give_back(&mut self, parts: &[OrderPart]) {
        if self.gives_back() {
            self.count(parts, -1);
        }
    }

    /// An order with these parts is held again.
    pub(super) fn take_again(&mut self, parts: &[OrderPart]) {
        if self.gives_back() {
            self.count(parts, 1);
        }
    }

    /// The first part whose step has fewer free units, with those, if it is to be held again.
    pub(super) fn lacking<'a>(&self, parts: &'a [OrderPart]) -> Option<(&'a OrderPart, i128)> {
        let counted = parts.iter().filter(|_| self.gives_back());
        let free = |part: &OrderPart| {
            let step = part.step.map(usize::from).filter(|step| *step < self.used.len());
            step.map_or(i128::MAX, |step| self.free(step))
        };
        counted.map(|part| (part, free(part))).find(|(part, free)| *free < part.units.into())
    }

    /// Whether units that come back are free again in their step. Else they stay counted.
    fn gives_back(&self) -> bool {
        self.prices.returned_units == ReturnedUnits::SamePrice
    }

    fn count(&mut self, parts: &[OrderPart], sign: i128) {
        for part in parts {
            let used = part.step.and_then(|step| self.used.get_mut(usize::from(step)));
            if let Some(used) = used {
                *used += sign * i128::from(part.units);
            }
        }
    }
}

/// Units and prices of an order.
pub(super) struct Parts<'a>(pub &'a [OrderPart]);

impl Parts<'_> {
    /// What they cost together.
    pub(super) fn subtotal(&self) -> i128 {
        self.0.iter().map(|part| i128::from(part.units) * i128::from(part.unit_price_minor)).sum()
    }
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no parts");
        }
        for (index, part) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " + " };
            write!(f, "{separator}{} x {}", part.units, part.unit_price_minor)?;
            match part.step {
                Some(step) => write!(f, " of step {step}")?,
                None => f.write_str(" after the steps")?,
            }
            if let Some(time_price) = part.time_price {
                write!(f, " at time price {time_price}")?;
            }
        }
        Ok(())
    }
}

/// What is wrong with prices that were set, if anything.
pub(super) fn check(prices: &Prices, (opens_ms, closes_ms): (i64, i64)) -> Result<(), String> {
    let floor = prices.floor_minor.unwrap_or(1);
    let steps = prices.steps.iter().map(|step| step.unit_price_minor);
    let ladder: Vec<i64> = steps.chain([prices.unit_price_minor]).collect();
    let all = ladder.iter().copied().chain(prices.time_prices.iter().map(|at| at.unit_price_minor));
    for price in all.chain([floor]) {
        if !(1..=UNIT_PRICE_MINOR_MAX).contains(&price) {
            return Err(format!("expected prices of 1 to {UNIT_PRICE_MINOR_MAX}, found {price}"));
        }
        if price < floor {
            return Err(format!("expected no price below the floor of {floor}, found {price}"));
        }
    }
    if let Some(fall) = ladder.windows(2).find(|pair| pair[1] < pair[0]) {
        let (before, after) = (fall[0], fall[1]);
        return Err(format!("expected at least {before} for the next step, found {after}"));
    }
    if prices.steps.len() > STEPS_MAX {
        return Err(format!("expected at most {STEPS_MAX} steps, found {}", prices.steps.len()));
    }
    let units: i128 = prices.steps.iter().map(|step| i128::from(step.units)).sum();
    if units > STEP_UNITS_MAX || prices.steps.iter().any(|step| step.units < 1) {
        return Err(format!("expected steps of 1 to {STEP_UNITS_MAX} units, found {units} in all"));
    }
    for (index, time) in prices.time_prices.iter().enumerate() {
        let (from_ms, until_ms) = (time.from_ms, time.until_ms);
        if from_ms >= until_ms || from_ms < opens_ms || until_ms > closes_ms {
            return Err(format!(
                "expected a time price between {opens_ms} and {closes_ms}, found {from_ms} until \
                 {until_ms}"
            ));
        }
        let before = &prices.time_prices[..index];
        if before.iter().any(|other| other.from_ms < until_ms && from_ms < other.until_ms) {
            return Err(format!("expected time prices that do not overlap, found {from_ms} twice"));
        }
    }
    Ok(())
}
