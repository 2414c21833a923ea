//! `[[curve]]` and `[[alerts]]` of the sale file.

use toml::de::DeValue;

use super::{required, required_text, span_ms};
use crate::{
    config::document::Section,
    events::{AlertRule, PlannedUnits},
    values::{AlertSeverity, Invalid, ServiceLevel},
};

const POINT_KEYS: &[&str] = &["after_seconds", "units"];

const RULE_KEYS: &[&str] = &[
    "name",
    "when",
    "for",
    "clear_when",
    "clear_for",
    "severity",
    "each_item",
    "opens_incident",
    "sets_level",
    "off",
];

pub(super) fn curve(sale: &Section<'_>) -> Result<Vec<PlannedUnits>, Invalid> {
    let point = |section: &Section<'_>| {
        section.only(POINT_KEYS)?;
        let seconds = required(section, "after_seconds", section.integer("after_seconds")?)?;
        let units = required(section, "units", section.integer("units")?)?;
        Ok(PlannedUnits { after_ms: seconds.saturating_mul(1000), units })
    };
    sale.sections("curve")?.iter().map(point).collect()
}

pub(super) fn rules(sale: &Section<'_>) -> Result<Vec<AlertRule>, Invalid> {
    sale.sections("alerts")?.iter().map(rule).collect()
}

fn rule(section: &Section<'_>) -> Result<AlertRule, Invalid> {
    section.only(RULE_KEYS)?;
    let severity = section.text("severity")?;
    let severity = severity.map(|text| AlertSeverity::parse(&section.path("severity"), text));
    let level = section.text("sets_level")?;
    let level = level.map(|text| ServiceLevel::parse(&section.path("sets_level"), text));
    Ok(AlertRule {
        name: required_text(section, "name")?,
        when: section.text("when")?.unwrap_or_default().to_owned(),
        for_ms: span(section, "for")?,
        clear_when: section.text("clear_when")?.map(str::to_owned),
        clear_for_ms: span(section, "clear_for")?,
        severity: severity.transpose()?.unwrap_or(AlertSeverity::Warning),
        each_item: flag(section, "each_item")?,
        opens_incident: flag(section, "opens_incident")?,
        sets_level: level.transpose()?,
        off: flag(section, "off")?,
    })
}

/// A span such as `10s`; none where it is absent.
fn span(section: &Section<'_>, key: &str) -> Result<i64, Invalid> {
    let Some(text) = section.text(key)? else { return Ok(0) };
    span_ms(text).ok_or_else(|| {
        Invalid::new(section.path(key), "must be a span such as \"10s\", \"2m\" or \"1h\"")
    })
}

fn flag(section: &Section<'_>, key: &str) -> Result<bool, Invalid> {
    match section.get(key) {
        None => Ok(false),
        Some(DeValue::Boolean(flag)) => Ok(*flag),
        Some(other) => Err(section.wrong_type(key, "true or false", other)),
    }
}
