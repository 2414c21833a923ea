//! The planned curve of a sale: units in orders by a time.

use super::fields::Fields;
use crate::{
    events::{ItemPlan, PlannedUnits},
    values::Invalid,
};

/// Most points of a curve.
const POINTS_MAX: usize = 1_000;

/// Checks that a curve rises, stays within the sale's window and asks for no more than there is.
pub(super) fn check(
    curve: &[PlannedUnits],
    window_ms: i64,
    items: &[ItemPlan],
) -> Result<(), Invalid> {
    if curve.len() > POINTS_MAX {
        return Err(Invalid::new("curve", format!("must have at most {POINTS_MAX} points")));
    }
    let all = items.iter().flat_map(|item| item.units.iter().chain(&item.reserve));
    let units_max = all.fold(0_i64, |sum, at| sum.saturating_add(at.units));
    let mut before = PlannedUnits { after_ms: -1, units: 0 };
    for (index, point) in curve.iter().enumerate() {
        let at = |field, problem: String| {
            Err(Invalid::new(field, problem).within(&format!("curve[{index}]")))
        };
        if point.after_ms <= before.after_ms {
            return at("after", "must be later than the point before, and not negative".to_owned());
        }
        if point.after_ms > window_ms {
            return at("after", "must not be later than the sale's window ends".to_owned());
        }
        if point.units < before.units {
            return at("units", "must not be fewer than at the point before".to_owned());
        }
        if point.units > units_max {
            let problem = format!("must be at most {units_max}: all units and the reserve");
            return at("units", problem);
        }
        before = *point;
    }
    Ok(())
}

/// Nothing where there is none: sales without a curve keep their fingerprints.
pub(super) fn fingerprint(fields: &mut Fields, curve: &[PlannedUnits]) {
    if curve.is_empty() {
        return;
    }
    fields.text("curve");
    fields.length(curve.len());
    for point in curve {
        fields.number(Some(point.after_ms));
        fields.number(Some(point.units));
    }
}
