//! What is known of each shopper, as small numbers: eight bytes each, ten million of them in memory
//! at once.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::answers::PortraitAttribute;
use crate::{
    projections::journeys::UNKNOWN,
    reports::ReportError,
    values::{AgeBand, Gender, SpendingTier},
};

/// The unknown value, which is last.
const NOT_SAID: u16 = u16::MAX;

/// The attributes of all shoppers.
#[derive(Debug)]
pub(super) struct Segments {
    of_shoppers: Vec<[u16; PortraitAttribute::ALL.len()]>,
    regions: BTreeMap<u16, String>,
}

impl Segments {
    /// All shoppers.
    pub fn read(rows: &Transaction<'_>) -> Result<Self, ReportError> {
        let mut regions = BTreeMap::new();
        let mut found = rows.prepare("SELECT number, name FROM regions")?;
        let mut found = found.query([])?;
        while let Some(row) = found.next()? {
            regions.insert(row.get(0)?, row.get(1)?);
        }
        let mut of_shoppers = vec![[NOT_SAID; PortraitAttribute::ALL.len()]];
        let mut found = rows.prepare(
            "SELECT age_band, gender, region, spending_tier FROM shoppers ORDER BY number",
        )?;
        let mut found = found.query([])?;
        while let Some(row) = found.next()? {
            let text = |column: usize| {
                row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)
            };
            of_shoppers.push([
                place(AgeBand::ALL, text(0)?, AgeBand::name),
                place(Gender::ALL, text(1)?, Gender::name),
                row.get::<_, Option<u16>>(2)?.unwrap_or(NOT_SAID),
                place(SpendingTier::ALL, text(3)?, SpendingTier::name),
            ]);
        }
        Ok(Self { of_shoppers, regions })
    }

    /// What one attribute of a shopper is.
    pub fn code(&self, shopper: u32, attribute: PortraitAttribute) -> u16 {
        let of_shopper = self.of_shoppers.get(shopper as usize);
        of_shopper.map_or(NOT_SAID, |codes| codes[attribute as usize])
    }

    /// What it is called.
    pub fn name(&self, attribute: PortraitAttribute, code: u16) -> String {
        let place = usize::from(code);
        let name = match attribute {
            PortraitAttribute::AgeBand => AgeBand::ALL.get(place).map(|band| band.name()),
            PortraitAttribute::Gender => Gender::ALL.get(place).map(|gender| gender.name()),
            PortraitAttribute::Region => self.regions.get(&code).map(String::as_str),
            PortraitAttribute::SpendingTier => SpendingTier::ALL.get(place).map(|tier| tier.name()),
        };
        name.unwrap_or(UNKNOWN).to_owned()
    }
}

fn place<T: Copy>(all: &[T], name: Option<&str>, name_of: impl Fn(T) -> &'static str) -> u16 {
    let place = all.iter().position(|known| Some(name_of(*known)) == name);
    place.and_then(|place| u16::try_from(place).ok()).unwrap_or(NOT_SAID)
}
