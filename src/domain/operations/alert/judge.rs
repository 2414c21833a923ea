//! Hysteresis: a rule fires when its condition has held for its duration, and clears when the
//! clearing condition has held for its own. In between nothing changes, so an oscillating figure
//! raises one alert.

use super::{Readings, Rule};
use crate::values::UnixMs;

/// One rule judged for one subject, from second to second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judge {
    phase: Phase,
    /// What the rule asks for could not be known when it was last judged.
    unknown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Inactive,
    /// The condition has held since then.
    Pending(UnixMs),
    Firing,
    /// What clears it has held since then.
    Clearing(UnixMs),
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The alert is to be raised; its condition has held since then.
    Raise { since: UnixMs },
    /// It is to be cleared.
    Clear,
}

impl Judge {
    /// Of an alert that is raised already.
    pub fn firing() -> Self {
        Self { phase: Phase::Firing, unknown: false }
    }

    /// Whether the alert is raised.
    pub fn is_firing(&self) -> bool {
        match self.phase {
            Phase::Firing | Phase::Clearing(_) => true,
            Phase::Inactive | Phase::Pending(_) => false,
        }
    }

    /// Whether the last look could not tell if the rule's condition holds.
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Evaluates the figures of a moment. While a condition is unknown, its duration does not run
    /// and restarts afterwards.
    pub fn look(&mut self, rule: &Rule, readings: &Readings, now: UnixMs) -> Option<Change> {
        let (phase, change) = match self.phase {
            Phase::Inactive => self.rising(rule, readings, now, now),
            Phase::Pending(since) => self.rising(rule, readings, since, now),
            Phase::Firing => self.falling(rule, readings, now, now),
            Phase::Clearing(since) => self.falling(rule, readings, since, now),
        };
        self.phase = phase;
        change
    }

    fn rising(
        &mut self,
        rule: &Rule,
        readings: &Readings,
        since: UnixMs,
        now: UnixMs,
    ) -> (Phase, Option<Change>) {
        let holds = rule.when.holds(readings);
        self.unknown = holds.is_none();
        if holds != Some(true) {
            return (Phase::Inactive, None);
        }
        if now.since(since) >= rule.for_ms {
            return (Phase::Firing, Some(Change::Raise { since }));
        }
        (Phase::Pending(since), None)
    }

    fn falling(
        &mut self,
        rule: &Rule,
        readings: &Readings,
        since: UnixMs,
        now: UnixMs,
    ) -> (Phase, Option<Change>) {
        let over = rule.is_over(readings);
        self.unknown = over.is_none();
        if over != Some(true) {
            return (Phase::Firing, None);
        }
        if now.since(since) >= rule.clear_for_ms {
            return (Phase::Inactive, Some(Change::Clear));
        }
        (Phase::Clearing(since), None)
    }
}
