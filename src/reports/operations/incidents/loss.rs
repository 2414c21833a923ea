//! The arithmetic of lost units and revenue, without any rows.
//!
//! Whole units and minor units throughout; divisions are rounded down, so that a loss is never
//! overstated.

use crate::{
    events::PlannedUnits,
    reports::planned::planned_share,
    values::{UnixMs, capped},
};

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
            Basis::Curve | Basis::Goal => {
                let window = (self.opens_at, self.closes_at);
                planned_share(&self.curve, self.goal_units, window, at, self.share).unwrap_or(0)
            }
            Basis::Pace => {
                // There are no orders before the sale opens.
                let past = at.since(self.began_at.max(self.opens_at)).max(0);
                let units = i128::from(self.pace_units) * i128::from(past);
                capped(units / i128::from(self.pace_ms.max(1)))
            }
        }
    }

    /// Units of those items that were to be ordered meanwhile.
    pub fn between(&self, from: UnixMs, until: UnixMs) -> i64 {
        self.planned(until).saturating_sub(self.planned(from)).max(0)
    }
}

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
