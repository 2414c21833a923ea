//! `[audience]`, `[[regions]]`, `draw` and `[[items.reserve_plan]]` of the sale file.

use toml::de::DeValue;

use super::Reader;
use crate::{
    config::document::Section,
    domain::{eligibility::DraftAudience, sale::DraftItem},
    events::{Draw, Region, ReserveAct, ReserveStep},
    values::Invalid,
};

/// How long a late payment brings its order back, where the file does not say.
const REINSTATE_WITHIN_SECONDS: i64 = 600;

const AUDIENCE_KEYS: &[&str] = &[
    "age_bands",
    "genders",
    "regions",
    "spending_tiers",
    "member_tiers",
    "new_buyers_only",
    "needs",
];

const REGION_KEYS: &[&str] = &["name", "warehouses"];

const STEP_KEYS: &[&str] = &["below_units", "release_units", "from", "act"];

impl Reader {
    /// Reads who may buy an item and where its units come from.
    pub(super) fn levers(&mut self, section: &Section<'_>, item: &mut DraftItem) {
        item.audience = self.audience(section);
        item.draw = self
            .one_of(section, "draw", [Draw::Listed, Draw::Fullest], Draw::name)
            .unwrap_or_default();
        item.reinstate_within_ms = self.reinstate_within_ms(section);
        let steps = self.tables(section, "reserve_plan");
        item.reserve_plan = steps.iter().map(|step| self.reserve_step(step)).collect();
    }

    /// Reads `late_payments` and for how long they bring an order back.
    fn reinstate_within_ms(&mut self, section: &Section<'_>) -> Option<i64> {
        let late = self.one_of(section, "late_payments", ["refund", "reinstate"], |name| name);
        let seconds = self.integer(section, "reinstate_within_seconds");
        if late == Some("reinstate") {
            return Some(seconds.unwrap_or(REINSTATE_WITHIN_SECONDS).saturating_mul(1000));
        }
        if seconds.is_some() {
            let problem = "has no effect without late_payments = \"reinstate\"";
            let path = section.path("reinstate_within_seconds");
            self.problems.note(Invalid::new(path, problem));
        }
        None
    }

    /// Reads `[audience]`, of the sale or of an item.
    pub(super) fn audience(&mut self, section: &Section<'_>) -> Option<DraftAudience> {
        let section = self.problems.take(section.section("audience")).flatten()?;
        self.only(&section, AUDIENCE_KEYS);
        Some(DraftAudience {
            age_bands: self.texts(&section, "age_bands"),
            genders: self.texts(&section, "genders"),
            regions: self.texts(&section, "regions"),
            spending_tiers: self.texts(&section, "spending_tiers"),
            member_tiers: self.texts(&section, "member_tiers"),
            new_buyers_only: self.flag(&section, "new_buyers_only"),
            needs: self.texts(&section, "needs"),
        })
    }

    /// Reads `[[regions]]`.
    pub(super) fn regions(&mut self, section: &Section<'_>) -> Vec<Region> {
        let regions = self.tables(section, "regions");
        let region = |region: &Section<'_>| {
            self.only(region, REGION_KEYS);
            Region { name: self.text(region, "name"), warehouses: self.texts(region, "warehouses") }
        };
        regions.iter().map(region).collect()
    }

    fn reserve_step(&mut self, section: &Section<'_>) -> ReserveStep {
        self.only(section, STEP_KEYS);
        ReserveStep {
            below_units: self.required_integer(section, "below_units").unwrap_or(0),
            release_units: self.required_integer(section, "release_units").unwrap_or(0),
            from: self.texts(section, "from"),
            act: self
                .one_of(
                    section,
                    "act",
                    [ReserveAct::Release, ReserveAct::Propose],
                    ReserveAct::name,
                )
                .unwrap_or_default(),
        }
    }

    /// A list of texts; empty where it is absent.
    pub(super) fn texts(&mut self, section: &Section<'_>, key: &str) -> Vec<String> {
        let list = match section.get(key) {
            None => return Vec::new(),
            Some(DeValue::Array(list)) => list,
            Some(other) => {
                self.problems.note(section.wrong_type(key, "a list of texts", other));
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match value.get_ref() {
                DeValue::String(text) => texts.push(text.to_string()),
                other => {
                    let place = format!("{key}[{index}]");
                    self.problems.note(section.wrong_type(&place, "a text", other));
                }
            }
        }
        texts
    }
}
