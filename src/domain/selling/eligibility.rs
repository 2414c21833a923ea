//! Who may buy: an audience from its names, and whether it admits a shopper.

use std::str::FromStr;

use crate::{
    domain::limits::NAME_CHARS_MAX,
    events::{Audience, OrderShopper},
    values::{Invalid, REGION_CHARS_MAX, bounded_text},
};

/// Most names in one list of an audience.
pub const AUDIENCE_NAMES_MAX: usize = 100;

/// An audience as its operator wrote it down, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftAudience {
    pub age_bands: Vec<String>,
    pub genders: Vec<String>,
    pub regions: Vec<String>,
    pub spending_tiers: Vec<String>,
    pub member_tiers: Vec<String>,
    pub new_buyers_only: bool,
    /// Flags of an admission token. Nothing issues such tokens, so only none is possible.
    pub needs: Vec<String>,
}

impl DraftAudience {
    /// The audience.
    ///
    /// # Errors
    /// The first name that is wrong, by its list and its place in it.
    pub fn check(self) -> Result<Audience, Invalid> {
        let Self {
            age_bands,
            genders,
            regions,
            spending_tiers,
            member_tiers,
            new_buyers_only,
            needs,
        } = self;
        if !needs.is_empty() {
            let problem = format!(
                "is {needs:?}, and admission flags need the gate, which this version does not have"
            );
            return Err(Invalid::new("needs", problem));
        }
        Ok(Audience {
            age_bands: known("age_bands", &age_bands)?,
            genders: known("genders", &genders)?,
            regions: named("regions", regions, REGION_CHARS_MAX)?,
            spending_tiers: known("spending_tiers", &spending_tiers)?,
            member_tiers: named("member_tiers", member_tiers, NAME_CHARS_MAX)?,
            new_buyers_only,
        })
    }

    /// Its lists by their names, in the order of the contract.
    pub fn lists(&self) -> [(&'static str, &[String]); 5] {
        [
            ("age_bands", &self.age_bands),
            ("genders", &self.genders),
            ("regions", &self.regions),
            ("spending_tiers", &self.spending_tiers),
            ("member_tiers", &self.member_tiers),
        ]
    }
}

/// Whether the shopper may buy: each list that is not empty has the shopper's attribute. What is not
/// known is in no list.
pub fn admits(audience: &Audience, shopper: Option<&OrderShopper>) -> bool {
    let unknown = OrderShopper::default();
    let OrderShopper { attributes, new_buyer, member_tier } = shopper.unwrap_or(&unknown);
    let has = |list: &[String], name: &String| list.is_empty() || list.contains(name);
    is_among(&audience.age_bands, attributes.age_band)
        && is_among(&audience.genders, attributes.gender)
        && has(&audience.regions, &attributes.region)
        && is_among(&audience.spending_tiers, attributes.spending_tier)
        && has(&audience.member_tiers, member_tier)
        && (!audience.new_buyers_only || *new_buyer == Some(true))
}

fn is_among<T: PartialEq>(list: &[T], attribute: Option<T>) -> bool {
    list.is_empty() || attribute.is_some_and(|attribute| list.contains(&attribute))
}

fn known<T: FromStr<Err = Invalid>>(field: &str, names: &[String]) -> Result<Vec<T>, Invalid> {
    once_each(field, names)?;
    let one = |(index, name): (usize, &String)| {
        let at = format!("{field}[{index}]");
        name.parse().map_err(|Invalid { problem, .. }| Invalid::new(at, problem))
    };
    names.iter().enumerate().map(one).collect()
}

fn named(field: &str, names: Vec<String>, chars_max: usize) -> Result<Vec<String>, Invalid> {
    once_each(field, &names)?;
    for (index, name) in names.iter().enumerate() {
        bounded_text(&format!("{field}[{index}]"), name, chars_max)?;
    }
    Ok(names)
}

fn once_each(field: &str, names: &[String]) -> Result<(), Invalid> {
    if names.len() > AUDIENCE_NAMES_MAX {
        let problem = format!("has {} names, more than {AUDIENCE_NAMES_MAX}", names.len());
        return Err(Invalid::new(field, problem));
    }
    for (index, name) in names.iter().enumerate() {
        if let Some(earlier) = names[..index].iter().position(|earlier| earlier == name) {
            let problem = format!("is {name:?}, and so is {field}[{earlier}]");
            return Err(Invalid::new(format!("{field}[{index}]"), problem));
        }
    }
    Ok(())
}
