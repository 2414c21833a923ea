//! Rules: from the text of an operator to an evaluable rule, or its first error.

use super::{
    expression::Condition,
    figure::{Readings, Scope},
};
use crate::{
    events::AlertRule,
    values::{AlertSeverity, Invalid, ServiceLevel, bounded_text},
};

/// Longest name of a rule, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Longest time that a condition can be asked to hold: a day.
const HOLDS_MS_MAX: i64 = 86_400_000;

/// A rule that can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub scope: Scope,
    pub when: Condition,
    /// The condition as its author wrote it.
    pub when_text: String,
    pub for_ms: i64,
    /// What clears it; where absent, that `when` does not hold.
    pub clear_when: Option<Condition>,
    pub clear_when_text: Option<String>,
    pub clear_for_ms: i64,
    pub severity: AlertSeverity,
    pub opens_incident: bool,
    pub sets_level: Option<ServiceLevel>,
    pub source: RuleSource,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleSource {
    /// It comes with doorbuster.
    Default,
    /// It stands in the sale's own facts.
    Sale,
}

impl Rule {
    /// Whether it is judged for each item on its own.
    pub fn is_of_items(&self) -> bool {
        match self.scope {
            Scope::Item => true,
            Scope::Service | Scope::Sale => false,
        }
    }

    /// Whether its clearing condition holds; `None` if that is unknown.
    pub fn is_over(&self, readings: &Readings) -> Option<bool> {
        match &self.clear_when {
            Some(clear_when) => clear_when.holds(readings),
            None => self.when.holds(readings).map(|holds| !holds),
        }
    }
}

/// Reads one rule that is not `off`.
///
/// # Errors
/// The first field that is wrong.
pub fn check(rule: &AlertRule, scope: Scope, source: RuleSource) -> Result<Rule, Invalid> {
    named(&rule.name)?;
    lasting("for", rule.for_ms)?;
    lasting("clear_for", rule.clear_for_ms)?;
    let when = Condition::parse("when", &rule.when, scope)?;
    let clear_when = rule.clear_when.as_deref();
    let clear_when =
        clear_when.map(|text| Condition::parse("clear_when", text, scope)).transpose()?;
    if rule.sets_level == Some(ServiceLevel::Full) {
        let problem = "must not be full: an alert lowers the level and never raises it";
        return Err(Invalid::new("sets_level", problem));
    }
    Ok(Rule {
        name: rule.name.clone(),
        scope,
        when,
        when_text: rule.when.clone(),
        for_ms: rule.for_ms,
        clear_when,
        clear_when_text: rule.clear_when.clone(),
        clear_for_ms: rule.clear_for_ms,
        severity: rule.severity,
        opens_incident: rule.opens_incident,
        sets_level: rule.sets_level,
        source,
    })
}

pub(super) fn named(name: &str) -> Result<(), Invalid> {
    bounded_text("name", name, NAME_CHARS_MAX)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) {
        return Ok(());
    }
    Err(Invalid::new("name", "must have small letters, digits and _ only, such as low_stock"))
}

fn lasting(field: &str, ms: i64) -> Result<(), Invalid> {
    if (0..=HOLDS_MS_MAX).contains(&ms) {
        return Ok(());
    }
    Err(Invalid::new(field, "must be 0 seconds to 1 day"))
}
