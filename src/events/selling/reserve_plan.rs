//! The reserve plan of an item with what its steps propose, folded from events.
//!
//! The item that decides and the read model that shows proposals fold the same.

use serde::{Deserialize, Serialize};

use super::{
    audience::{ReservePlanSet, ReserveProposed, ReserveStep},
    stock::ReserveReleased,
    units::WarehouseUnits,
};
use crate::{events::act::OWN_OPERATOR, values::UnixMs};

/// Units that a step asks an operator to release in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Index of the step.
    pub step: u8,
    pub warehouse: String,
    pub units: i64,
    /// The mark of the step: fewer units than this were available.
    pub below_units: i64,
    pub proposed_at_ms: UnixMs,
}

/// The plan in force, and what it proposed and no operator has released yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReservePlan {
    pub steps: Vec<ReserveStep>,
    /// The oldest first.
    pub proposals: Vec<Proposal>,
}

impl ReservePlan {
    /// Another plan; what the earlier one proposed is no longer asked.
    pub fn set(&mut self, set: &ReservePlanSet) {
        *self = Self { steps: set.steps.clone(), proposals: Vec::new() };
    }

    /// An operator is asked.
    pub fn propose(&mut self, proposed: &ReserveProposed) {
        let step = self.steps.get(usize::from(proposed.step));
        let below_units = step.map_or(0, |step| step.below_units);
        let each = proposed.warehouses.iter().cloned();
        self.proposals.extend(each.map(|WarehouseUnits { warehouse, units }| Proposal {
            step: proposed.step,
            warehouse,
            units,
            below_units,
            proposed_at_ms: proposed.proposed_at_ms,
        }));
    }

    /// Units that an operator releases answer the proposal of their warehouse that asks for just as
    /// many, else all of their warehouse, oldest first.
    pub fn released(&mut self, released: &ReserveReleased) {
        if released.act.operator == OWN_OPERATOR {
            return;
        }
        let mut units = released.units;
        let here = self.proposals.iter_mut().filter(|of| of.warehouse == released.warehouse);
        let mut here: Vec<_> = here.collect();
        // Stable: of the others, the oldest comes first.
        here.sort_by_key(|proposal| proposal.units != units);
        for proposal in here {
            let answered = units.min(proposal.units);
            proposal.units -= answered;
            units -= answered;
        }
        self.proposals.retain(|proposal| proposal.units > 0);
    }
}

/// What is still proposed, as far as the reserve of each warehouse has it: two steps may have
/// proposed the same units.
pub fn open_proposals(proposals: &[Proposal], reserve: impl Fn(&str) -> i64) -> Vec<Proposal> {
    let mut open: Vec<Proposal> = Vec::new();
    for proposal in proposals {
        let earlier = open.iter().filter(|earlier| earlier.warehouse == proposal.warehouse);
        let taken: i64 = earlier.map(|earlier| earlier.units).sum();
        let units = proposal.units.min(reserve(&proposal.warehouse) - taken);
        if units > 0 {
            open.push(Proposal { units, ..proposal.clone() });
        }
    }
    open
}
