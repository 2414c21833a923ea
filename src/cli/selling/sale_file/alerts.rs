//! `[[curve]]` and `[[alerts]]` of the sale file.

use toml::de::DeValue;

use super::{Reader, span_ms};
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

impl Reader {
    pub(super) fn curve(&mut self, sale: &Section<'_>) -> Vec<PlannedUnits> {
        let points = self.tables(sale, "curve");
        let point = |section: &Section<'_>| {
            self.only(section, POINT_KEYS);
            let seconds = self.required_integer(section, "after_seconds").unwrap_or(0);
            let units = self.required_integer(section, "units").unwrap_or(0);
            PlannedUnits { after_ms: seconds.saturating_mul(1000), units }
        };
        points.iter().map(point).collect()
    }

    pub(super) fn rules(&mut self, sale: &Section<'_>) -> Vec<AlertRule> {
        let rules = self.tables(sale, "alerts");
        rules.iter().map(|section| self.rule(section)).collect()
    }

    fn rule(&mut self, section: &Section<'_>) -> AlertRule {
        self.only(section, RULE_KEYS);
        let severity = self.optional_text(section, "severity");
        let severity = severity.map(|text| AlertSeverity::parse(&section.path("severity"), text));
        let level = self.optional_text(section, "sets_level");
        let level = level.map(|text| ServiceLevel::parse(&section.path("sets_level"), text));
        AlertRule {
            name: self.text(section, "name"),
            when: self.optional_text(section, "when").unwrap_or_default().to_owned(),
            for_ms: self.span(section, "for"),
            clear_when: self.optional_text(section, "clear_when").map(str::to_owned),
            clear_for_ms: self.span(section, "clear_for"),
            severity: severity
                .and_then(|severity| self.problems.take(severity))
                .unwrap_or(AlertSeverity::Warning),
            each_item: self.flag(section, "each_item"),
            opens_incident: self.flag(section, "opens_incident"),
            sets_level: level.and_then(|level| self.problems.take(level)),
            off: self.flag(section, "off"),
        }
    }

    pub(super) fn optional_text<'a>(
        &mut self,
        section: &Section<'a>,
        key: &str,
    ) -> Option<&'a str> {
        self.problems.take(section.text(key)).flatten()
    }

    /// A span such as `10s`; none where it is absent.
    fn span(&mut self, section: &Section<'_>, key: &str) -> i64 {
        let Some(text) = self.optional_text(section, key) else { return 0 };
        let span = span_ms(text).ok_or_else(|| {
            Invalid::new(section.path(key), "must be a span such as \"10s\", \"2m\" or \"1h\"")
        });
        self.problems.take(span).unwrap_or(0)
    }

    pub(super) fn flag(&mut self, section: &Section<'_>, key: &str) -> bool {
        match section.get(key) {
            None => false,
            Some(DeValue::Boolean(flag)) => *flag,
            Some(other) => {
                self.problems.note(section.wrong_type(key, "true or false", other));
                false
            }
        }
    }
}
