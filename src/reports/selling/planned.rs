//! Units planned to be in orders by a moment: by the planned curve, else evenly towards the goal.
//!
//! The only implementation, for a whole sale and for some of its items.

use crate::{
    events::{Goals, PlannedUnits},
    values::{UnixMs, capped},
};

/// Units that were planned by then. `None` where nothing is planned, and before the sale opens.
pub fn planned_units(
    curve: &[PlannedUnits],
    goals: Option<&Goals>,
    window: (UnixMs, UnixMs),
    at: UnixMs,
) -> Option<i64> {
    planned_share(curve, goals.and_then(|goals| goals.units), window, at, (1, 1))
}

/// The same for so many of so many units of the sale, rounded down once: a small share does not
/// lose units twice.
///
/// Between two points of a curve units go evenly, as they do from nothing at the opening to the
/// first point; after the last one nothing more is planned.
pub fn planned_share(
    curve: &[PlannedUnits],
    goal_units: Option<i64>,
    (opens_at, closes_at): (UnixMs, UnixMs),
    at: UnixMs,
    (mine, all): (i64, i64),
) -> Option<i64> {
    let after_ms = at.since(opens_at);
    if after_ms < 0 {
        return None;
    }
    let even;
    let points = if curve.is_empty() {
        even = [PlannedUnits { after_ms: closes_at.since(opens_at), units: goal_units? }];
        &even
    } else {
        curve
    };
    let next = points.partition_point(|point| point.after_ms <= after_ms);
    let opening = PlannedUnits { after_ms: 0, units: 0 };
    let before = next.checked_sub(1).map_or(opening, |last| points[last]);
    let (mut units, mut of) = (i128::from(before.units), 1);
    if let Some(point) = points.get(next) {
        of = i128::from(point.after_ms) - i128::from(before.after_ms);
        let rise = i128::from(point.units) - i128::from(before.units);
        units = units * of + rise * i128::from(after_ms - before.after_ms);
    }
    if all <= 0 {
        return Some(0);
    }
    let share = units.saturating_mul(i128::from(mine)) / of.saturating_mul(i128::from(all));
    Some(capped(share))
}
