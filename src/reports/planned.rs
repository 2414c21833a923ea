//! How many units were to be in orders by a moment: by the planned curve, else evenly to the goal.

use crate::{
    events::{Goals, PlannedUnits},
    values::UnixMs,
};

/// Units that were planned by then. `None` where nothing is planned, and before the sale opens.
///
/// Between two points of a curve units go evenly, as they do from nothing at the opening to the
/// first point; after the last one nothing more is planned.
pub fn planned_units(
    curve: &[PlannedUnits],
    goals: Option<&Goals>,
    (opens_at, closes_at): (UnixMs, UnixMs),
    now: UnixMs,
) -> Option<i64> {
    let after_ms = now.since(opens_at);
    if after_ms < 0 {
        return None;
    }
    let goal = || {
        let units = goals?.units?;
        Some(vec![PlannedUnits { after_ms: closes_at.since(opens_at), units }])
    };
    let even;
    let points = if curve.is_empty() {
        even = goal()?;
        even.as_slice()
    } else {
        curve
    };
    let mut before = PlannedUnits { after_ms: 0, units: 0 };
    for point in points {
        if after_ms < point.after_ms {
            let span = i128::from(point.after_ms - before.after_ms).max(1);
            let more = i128::from(point.units - before.units);
            let share = more * i128::from(after_ms - before.after_ms) / span;
            return Some(before.units + i64::try_from(share).unwrap_or(0));
        }
        before = *point;
    }
    Some(before.units)
}
