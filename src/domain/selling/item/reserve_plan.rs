//! The reserve plan of an item: under which request its steps act, and what it must not say.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{
    domain::limits::{ALLOCATED_UNITS_MAX, NAME_CHARS_MAX},
    events::ReserveStep,
    values::{Invalid, ItemId, RequestId, bounded_text},
};

/// Most steps of a plan: the events of each are numbered by the step.
pub const PLAN_STEPS_MAX: usize = 20;

/// The request id under which a step acts: it is found among the acts of the item once it has fired.
pub(super) fn request_of(item: ItemId, step: u8) -> RequestId {
    RequestId(Uuid::new_v5(&item.0, format!("reserve step {step}").as_bytes()))
}

/// Checks what a plan says, whatever the stock is. `field` is what the caller calls it.
///
/// # Errors
/// The first step that is wrong.
pub fn check_plan(field: &str, steps: &[ReserveStep]) -> Result<(), Invalid> {
    if steps.len() > PLAN_STEPS_MAX {
        let problem = format!("has {} steps, more than {PLAN_STEPS_MAX}", steps.len());
        return Err(Invalid::new(field, problem));
    }
    for (index, step) in steps.iter().enumerate() {
        let at = format!("{field}[{index}]");
        for (name, units) in
            [("below_units", step.below_units), ("release_units", step.release_units)]
        {
            if !(1..=ALLOCATED_UNITS_MAX).contains(&units) {
                let problem = format!("must be 1 to {ALLOCATED_UNITS_MAX}, not {units}");
                return Err(Invalid::new(name, problem).within(&at));
            }
        }
        let mut named = HashSet::new();
        for (place, warehouse) in step.from.iter().enumerate() {
            let from = format!("from[{place}]");
            bounded_text(&from, warehouse, NAME_CHARS_MAX)
                .map_err(|invalid| invalid.within(&at))?;
            if !named.insert(warehouse) {
                let problem = format!("is {warehouse:?}, which was named before");
                return Err(Invalid::new(from, problem).within(&at));
            }
        }
    }
    Ok(())
}

/// Checks a plan against the reserve: each step has warehouses of the item, with enough in reserve.
///
/// # Errors
/// The first step that is wrong.
pub fn check_within_reserve(
    field: &str,
    steps: &[ReserveStep],
    warehouses: &[&str],
    reserve: impl Fn(&str) -> i64,
) -> Result<(), Invalid> {
    for (index, step) in steps.iter().enumerate() {
        let at = format!("{field}[{index}]");
        for (place, warehouse) in step.from.iter().enumerate() {
            if !warehouses.contains(&&**warehouse) {
                let problem = format!("is {warehouse:?}, and the item has no such warehouse");
                return Err(Invalid::new(format!("from[{place}]"), problem).within(&at));
            }
        }
        let sum: i64 = match step.from.as_slice() {
            [] => warehouses.iter().map(|name| reserve(name)).fold(0, i64::saturating_add),
            from => from.iter().map(|name| reserve(name)).fold(0, i64::saturating_add),
        };
        if step.release_units > sum {
            let problem =
                format!("is {}, and {sum} units lie in reserve there", step.release_units);
            return Err(Invalid::new("release_units", problem).within(&at));
        }
    }
    Ok(())
}
