//! The reserve plan of an item: which steps must fire after a decision, and what they put on offer.
//!
//! What a step does is computed when the decision before it is complete, and compared with the events
//! that follow: an event of the plan that is not expected, and an expected one that is missing, are
//! both found.

use std::collections::{BTreeSet, VecDeque};

use uuid::Uuid;

use super::{
    bodies::{ReserveAct, ReserveStep},
    stock::Stock,
};

/// Who acts where the plan does.
pub(super) const OPERATOR: &str = "doorbuster";

/// The plan in force and what it has done.
#[derive(Default)]
pub(super) struct ReservePlan {
    pub steps: Vec<ReserveStep>,
    /// Steps that fired: each fires once in the life of the item, whatever plan it belonged to.
    fired: BTreeSet<u8>,
    /// Events that follow the decision before.
    expected: VecDeque<Firing>,
    /// Whether they must follow, or only may.
    required: bool,
}

/// An event of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Firing {
    pub step: u8,
    /// Place among the events of the step.
    pub index: u8,
    pub act: ReserveAct,
    /// Of one warehouse for a release, of all for a proposal.
    pub warehouses: Vec<(String, i64)>,
}

/// The request id of what a step does.
pub(super) fn request(item: Uuid, step: u8) -> Uuid {
    Uuid::new_v5(&item, format!("reserve step {step}").as_bytes())
}

/// The step whose request that is.
pub(super) fn step_of(item: Uuid, asked: Uuid) -> Option<u8> {
    (0..=u8::MAX).find(|step| request(item, *step) == asked)
}

impl ReservePlan {
    /// What must follow a decision that left the stock like that. `required` where the decision is
    /// complete: a deadline or a payment may be the first half of one.
    pub(super) fn expect(&mut self, stock: &Stock, open: bool, required: bool) {
        self.expected.clear();
        self.required = required;
        if !open || self.steps.is_empty() {
            return;
        }
        let mut available = stock.available();
        let mut reserves: Vec<(&str, i128)> = stock.reserves().collect();
        for (step, number) in self.steps.iter().zip(0_u8..) {
            if self.fired.contains(&number) || available >= i128::from(step.below_units) {
                continue;
            }
            let mut left = i128::from(step.release_units);
            let mut taken: Vec<(String, i64)> = Vec::new();
            for place in places(&reserves, &step.from) {
                let (name, reserve) = &mut reserves[place];
                let units = left.min(*reserve);
                let Some(whole) = i64::try_from(units).ok().filter(|units| *units > 0) else {
                    continue;
                };
                left -= units;
                if step.act == ReserveAct::Release {
                    *reserve -= units;
                    available += units;
                }
                taken.push(((*name).to_owned(), whole));
            }
            let act = step.act;
            let firing = |index, warehouses| Firing { step: number, index, act, warehouses };
            match act {
                _ if taken.is_empty() => {}
                ReserveAct::Propose => self.expected.push_back(firing(0, taken)),
                ReserveAct::Release => {
                    let each = (0_u8..).zip(taken);
                    self.expected.extend(each.map(|(index, part)| firing(index, vec![part])));
                }
            }
        }
    }

    /// Compares an event of the plan with the one that is expected.
    pub(super) fn fire(&mut self, found: &Firing) -> Result<(), String> {
        self.fired.insert(found.step);
        match self.expected.pop_front() {
            Some(expected) if expected == *found => Ok(()),
            expected => {
                let expected =
                    expected.map_or("nothing of the plan".to_owned(), |firing| firing.to_string());
                Err(format!("expected {expected}, found {found}"))
            }
        }
    }

    /// What was left out before an event that is none of the plan's.
    pub(super) fn left_out(&mut self) -> Option<Firing> {
        let firing = self.expected.pop_front().filter(|_| self.required);
        self.expected.clear();
        firing
    }
}

/// Places of the warehouses that a step takes from, in its order.
fn places(reserves: &[(&str, i128)], from: &[String]) -> Vec<usize> {
    if from.is_empty() {
        return (0..reserves.len()).collect();
    }
    let place = |name: &String| reserves.iter().position(|(known, _)| known == name);
    from.iter().filter_map(place).collect()
}

impl std::fmt::Display for Firing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = match self.act {
            ReserveAct::Release => "releases",
            ReserveAct::Propose => "proposes",
        };
        write!(f, "step {} {verb} ", self.step)?;
        for (index, (warehouse, units)) in self.warehouses.iter().enumerate() {
            let separator = if index == 0 { "" } else { " + " };
            write!(f, "{separator}{units} in {warehouse:?}")?;
        }
        if self.index > 0 {
            write!(f, " as event {}", self.index)?;
        }
        Ok(())
    }
}
