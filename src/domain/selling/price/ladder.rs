//! A ladder of prices and how many units of each step are free.

use serde::{Deserialize, Serialize};

use crate::{
    events::{OrderPart, OrderParts, Prices, ReturnedUnits},
    values::UnixMs,
};

/// The ladder in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    number: u8,
    prices: Prices,
    /// One for each step of `prices`.
    steps: Vec<StepCounts>,
}

/// The units of a step: each of them is free, held or sold, unless `next_price` keeps returned ones
/// from being free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepCounts {
    pub units: i64,
    pub held: i64,
    pub sold: i64,
    /// Units that were ever held; never falls.
    pub taken: i64,
}

impl Ladder {
    /// The ladder with that number; all of its units are free.
    pub fn new(number: u8, prices: Prices) -> Self {
        let steps = prices.steps.iter();
        let steps = steps.map(|step| StepCounts { units: step.units, ..StepCounts::default() });
        Self { number, steps: steps.collect(), prices }
    }

    /// Whether its counts are possible where so many units of each step are held.
    pub fn is_possible(&self, held: &[i64]) -> bool {
        let possible = |(index, of): (usize, &StepCounts)| {
            of.sold >= 0
                && of.held == held.get(index).copied().unwrap_or_default()
                && of.held.checked_add(of.sold).is_some_and(|live| live <= of.taken)
                && self.free(of) >= 0
        };
        self.steps.len() == self.prices.steps.len()
            && held.len() <= self.steps.len()
            && self.steps.iter().enumerate().all(possible)
    }

    /// Its time prices move with the window of the item.
    pub fn move_by(&mut self, ms: i64) {
        self.prices.move_by(ms);
    }

    /// Its number within the item, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    pub fn steps(&self) -> &[StepCounts] {
        &self.steps
    }

    /// Units of a step that the next orders get at its price.
    pub fn free(&self, counts: &StepCounts) -> i64 {
        match self.prices.returned_units {
            ReturnedUnits::SamePrice => counts.units - counts.held - counts.sold,
            ReturnedUnits::NextPrice => counts.units - counts.taken,
        }
    }

    /// Free units of the first step that has any; `None` where all steps are used up.
    pub fn units_left(&self) -> Option<i64> {
        self.steps.iter().map(|counts| self.free(counts)).find(|&free| free > 0)
    }

    /// The units of an order by price: free units of each step in order, the rest at the base price.
    pub fn split(&self, units: i64, now: UnixMs) -> OrderParts {
        let in_force = self.time_price(now);
        let mut left = units;
        let mut parts = OrderParts::default();
        let mut take = |step: Option<u8>, units: i64, unit_price_minor: i64| {
            let lower = in_force.filter(|(_, price)| *price < unit_price_minor);
            let (time_price, unit_price_minor) = match lower {
                Some((index, price)) => (Some(index), price),
                None => (None, unit_price_minor),
            };
            parts.push(OrderPart { step, time_price, units, unit_price_minor });
        };
        for ((index, counts), step) in (0_u8..).zip(&self.steps).zip(&self.prices.steps) {
            if left == 0 {
                break;
            }
            let taken = left.min(self.free(counts));
            if taken > 0 {
                take(Some(index), taken, step.unit_price_minor);
                left -= taken;
            }
        }
        if left > 0 {
            take(None, left, self.prices.unit_price_minor);
        }
        parts
    }

    /// Index and price of the time price in force.
    fn time_price(&self, now: UnixMs) -> Option<(u8, i64)> {
        let mut indexed = (0_u8..).zip(&self.prices.time_prices);
        let in_force = indexed.find(|(_, at)| at.from_ms <= now && now < at.until_ms);
        in_force.map(|(index, at)| (index, at.unit_price_minor))
    }

    /// When a time price begins or ends next.
    pub fn changes_after(&self, now: UnixMs) -> Option<UnixMs> {
        let moments = self.prices.time_prices.iter().flat_map(|at| [at.from_ms, at.until_ms]);
        moments.filter(|&at| at > now).min()
    }

    /// Units of a step are held for a buyer.
    ///
    /// # Errors
    /// When the step has fewer free units, or there is no such step.
    pub fn hold(&mut self, step: u8, units: i64) -> Result<(), ImpossibleStep> {
        let free = self.steps.get(usize::from(step)).map_or(0, |counts| self.free(counts));
        let counts = self.at(step, units, free)?;
        counts.held += units;
        counts.taken += units;
        Ok(())
    }

    /// Units of a step that came back are held again. With `next_price` they were taken before.
    ///
    /// # Errors
    /// When the step has fewer free units, or there is no such step.
    pub fn hold_again(&mut self, step: u8, units: i64) -> Result<(), ImpossibleStep> {
        match self.prices.returned_units {
            ReturnedUnits::SamePrice => self.hold(step, units),
            ReturnedUnits::NextPrice => {
                let counts = self.steps.get(usize::from(step));
                let returned = counts.map_or(0, |of| of.taken - of.held - of.sold);
                self.at(step, units, returned)?.held += units;
                Ok(())
            }
        }
    }

    /// Sold units of a step come back.
    ///
    /// # Errors
    /// When fewer are sold.
    pub fn restock(&mut self, step: u8, units: i64) -> Result<(), ImpossibleStep> {
        let sold = self.steps.get(usize::from(step)).map_or(0, |counts| counts.sold);
        self.at(step, units, sold)?.sold -= units;
        Ok(())
    }

    /// Held units of a step are sold.
    ///
    /// # Errors
    /// When fewer are held.
    pub fn sell(&mut self, step: u8, units: i64) -> Result<(), ImpossibleStep> {
        let held = self.held(step);
        let counts = self.at(step, units, held)?;
        counts.held -= units;
        counts.sold += units;
        Ok(())
    }

    /// Held units of a step come back.
    ///
    /// # Errors
    /// When fewer are held.
    pub fn release(&mut self, step: u8, units: i64) -> Result<(), ImpossibleStep> {
        let held = self.held(step);
        self.at(step, units, held)?.held -= units;
        Ok(())
    }

    fn held(&self, step: u8) -> i64 {
        self.steps.get(usize::from(step)).map_or(0, |counts| counts.held)
    }

    fn at(&mut self, step: u8, units: i64, most: i64) -> Result<&mut StepCounts, ImpossibleStep> {
        let impossible = ImpossibleStep { ladder: self.number, step, units };
        let counts = self.steps.get_mut(usize::from(step));
        counts.filter(|_| (0..=most).contains(&units)).ok_or(impossible)
    }
}

/// An order that contradicts the ladder: more units of a step than there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step} of ladder {ladder} does not have {units} units to move")]
pub struct ImpossibleStep {
    pub ladder: u8,
    pub step: u8,
    pub units: i64,
}
