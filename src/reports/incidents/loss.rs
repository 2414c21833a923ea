//! What was not sold although it was planned: the arithmetic, without any rows.
//!
//! Whole units and minor units throughout; what does not divide is rounded down, so that a loss is
//! never made larger than it was.

use crate::{events::PlannedUnits, values::UnixMs};

/// What the planned units rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Basis {
    /// The curve of the sale's plan.
    Curve,
    /// The goal of units, evenly over the sale's window.
    Goal,
    /// How fast units were ordered in the minute before it began.
    #[default]
    Pace,
}

impl Basis {
    /// `curve`, `goal` or `pace`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Curve => "curve",
            Self::Goal => "goal",
            Self::Pace => "pace",
        }
    }
}

/// What a sale, or the items an incident is about, were to sell by when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub opens_at: UnixMs,
    /// The end of its window; goals are spread up to there.
    pub closes_at: UnixMs,
    /// When it was closed by hand, or else the end of its window: nothing is planned after that.
    pub ended_at: UnixMs,
    /// Units of the whole sale; empty where it has no curve.
    pub curve: Vec<PlannedUnits>,
    /// Units of the whole sale.
    pub goal_units: Option<i64>,
    /// Allocated units of the items in question, of those of the whole sale: their share of the plan.
    pub share: (i64, i64),
    /// Units of those items ordered in `pace_ms` before the incident.
    pub pace_units: i64,
    pub pace_ms: i64,
    /// When the incident began.
    pub began_at: UnixMs,
}

impl Plan {
    /// What `planned` rests on.
    pub fn basis(&self) -> Basis {
        match (self.curve.is_empty(), self.goal_units) {
            (false, _) => Basis::Curve,
            (true, Some(_)) => Basis::Goal,
            (true, None) => Basis::Pace,
        }
    }

    /// Units of those items that were to be ordered by then.
    pub fn planned(&self, at: UnixMs) -> i64 {
        let at = at.min(self.ended_at);
        match self.basis() {
            Basis::Curve => self.part(self.on_curve(at.since(self.opens_at))),
            Basis::Goal => {
                let window = self.closes_at.since(self.opens_at).max(1);
                let past = at.since(self.opens_at).clamp(0, window);
                // Both roundings at once, so that a small share does not lose units twice.
                let goal = i128::from(self.goal_units.unwrap_or(0));
                self.part(Ratio(goal * i128::from(past), i128::from(window)))
            }
            Basis::Pace => {
                // Nobody orders before the sale opens.
                let past = at.since(self.began_at.max(self.opens_at)).max(0);
                let units = i128::from(self.pace_units) * i128::from(past);
                narrow(units / i128::from(self.pace_ms.max(1)))
            }
        }
    }

    /// Linear between the points; nothing at the opening, and the last point for ever after.
    fn on_curve(&self, past: i64) -> Ratio {
        let mut before = PlannedUnits { after_ms: 0, units: 0 };
        for point in &self.curve {
            if past < point.after_ms {
                let span = i128::from(point.after_ms.saturating_sub(before.after_ms).max(1));
                let gone = i128::from(past.saturating_sub(before.after_ms).max(0));
                let rise = i128::from(point.units) - i128::from(before.units);
                return Ratio(i128::from(before.units) * span + rise * gone, span);
            }
            before = *point;
        }
        Ratio(i128::from(before.units), 1)
    }

    /// The items' share of units of the whole sale.
    fn part(&self, Ratio(units, of): Ratio) -> i64 {
        let (mine, all) = self.share;
        if all <= 0 {
            return 0;
        }
        narrow(units.saturating_mul(i128::from(mine)) / of.saturating_mul(i128::from(all)))
    }
}

/// A fraction that is not rounded yet.
struct Ratio(i128, i128);

/// Units that were not sold, and what they would have brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loss {
    pub units: i64,
    pub revenue_minor: i64,
}

/// What is lost where so much was planned and so much ordered: never less than nothing, and never
/// more than the units that could still have been sold.
pub fn loss(planned: i64, ordered: i64, could_be_sold: i64, unit_price_minor: i64) -> Loss {
    let units = planned.saturating_sub(ordered).min(could_be_sold).max(0);
    Loss { units, revenue_minor: units.saturating_mul(unit_price_minor) }
}

fn narrow(units: i128) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}
