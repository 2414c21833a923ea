//! Planned units and losses, worked out by hand.

use doorbuster::{
    events::PlannedUnits,
    reports::{Basis, Loss, Plan, loss},
    values::UnixMs,
};

const OPENS: i64 = 1_000_000;

/// A sale of ten minutes that the incident is wholly about and that has no plan.
fn plan() -> Plan {
    Plan {
        opens_at: UnixMs(OPENS),
        closes_at: UnixMs(OPENS + 600_000),
        ended_at: UnixMs(OPENS + 600_000),
        curve: Vec::new(),
        goal_units: None,
        share: (1_000, 1_000),
        pace_units: 0,
        pace_ms: 60_000,
        began_at: UnixMs(OPENS + 120_000),
    }
}

fn planned(plan: &Plan, after_ms: i64) -> i64 {
    plan.planned(UnixMs(OPENS + after_ms))
}

#[test]
fn a_curve_is_straight_between_its_points_from_nothing_at_the_opening() {
    let points = [(60_000, 600), (120_000, 900), (600_000, 1_000)];
    let curve = points.map(|(after_ms, units)| PlannedUnits { after_ms, units });
    let plan = Plan { curve: curve.to_vec(), goal_units: Some(7), ..plan() };
    assert_eq!(plan.basis(), Basis::Curve);
    // 600 in the first minute are 10 a second, then 300 in a minute, then 100 in eight.
    let by_hand = [
        (-5_000, 0),
        (0, 0),
        (30_000, 300),
        (60_000, 600),
        (90_000, 750),
        (120_000, 900),
        (360_000, 950),
        (600_000, 1_000),
        (900_000, 1_000),
    ];
    for (after_ms, units) in by_hand {
        assert_eq!(planned(&plan, after_ms), units, "after {after_ms} ms");
    }
    // Items with a quarter of the units have a quarter of the plan, rounded down: 750 / 4.
    let quarter = Plan { share: (250, 1_000), ..plan };
    assert_eq!(planned(&quarter, 90_000), 187);
}

#[test]
fn a_goal_without_a_curve_is_spread_evenly_over_the_window() {
    let plan = Plan { goal_units: Some(1_000), ..plan() };
    assert_eq!(plan.basis(), Basis::Goal);
    let by_hand =
        [(-1, 0), (0, 0), (60_000, 100), (61_000, 101), (600_000, 1_000), (601_000, 1_000)];
    for (after_ms, units) in by_hand {
        assert_eq!(planned(&plan, after_ms), units, "after {after_ms} ms");
    }
    // 101 2/3 units by then; three fifths of that are 61, and of 101 would be 60.
    assert_eq!(planned(&Plan { share: (600, 1_000), ..plan }, 61_000), 61);
}

#[test]
fn without_a_plan_the_pace_before_goes_on_until_the_sale_closes() {
    // 90 units in 60 s are 3 in 2 s, from the incident's beginning after 120 s on.
    let plan = Plan { pace_units: 90, ..plan() };
    assert_eq!(plan.basis(), Basis::Pace);
    let by_hand = [(60_000, 0), (120_000, 0), (122_000, 3), (180_000, 90), (600_000, 720)];
    for (after_ms, units) in by_hand {
        assert_eq!(planned(&plan, after_ms), units, "after {after_ms} ms");
    }
    assert_eq!(planned(&plan, 900_000), 720, "no orders after the close");
    assert_eq!(planned(&Plan { pace_ms: 0, pace_units: 0, ..plan }, 180_000), 0);
}

#[test]
fn nothing_is_planned_after_a_sale_was_closed_by_hand() {
    let points = [(60_000, 600), (600_000, 1_000)];
    let curve = points.map(|(after_ms, units)| PlannedUnits { after_ms, units });
    let by_hand = [
        (Plan { curve: curve.to_vec(), ..plan() }, 600 + 400 * 2 / 9),
        // The goal stays spread over the whole window.
        (Plan { goal_units: Some(1_000), ..plan() }, 300),
        (Plan { pace_units: 90, ..plan() }, 90),
    ];
    for (whole, units) in by_hand {
        let closed = Plan { ended_at: UnixMs(OPENS + 180_000), ..whole };
        for after_ms in [180_000, 181_000, 600_000] {
            assert_eq!(planned(&closed, after_ms), units, "{:?}", closed.basis());
        }
    }
}

#[test]
fn a_loss_is_never_negative_and_never_more_than_could_be_sold() {
    let by_hand = [
        // planned, ordered, there at the end, price: units, revenue
        ((90, 30, 500, 2_000), (60, 120_000)),
        ((90, 120, 500, 2_000), (0, 0)),
        ((90, 30, 40, 2_000), (40, 80_000)),
        ((90, 30, 0, 2_000), (0, 0)),
        ((i64::MAX, 0, i64::MAX, 2), (i64::MAX, i64::MAX)),
    ];
    for ((planned, ordered, there, price), (units, revenue_minor)) in by_hand {
        let lost = loss(planned, ordered, there, price);
        assert_eq!(lost, Loss { units, revenue_minor });
    }
}

#[test]
fn a_sale_without_units_or_without_a_window_has_no_plan_to_miss() {
    let goal = Plan { goal_units: Some(1_000), ..plan() };
    assert_eq!(planned(&Plan { share: (0, 0), ..goal.clone() }, 60_000), 0);
    let none = Plan { closes_at: UnixMs(OPENS), ..goal };
    assert_eq!(planned(&none, 60_000), 1_000, "all of it at once");
}
