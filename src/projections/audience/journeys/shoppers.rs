//! Shoppers, as numbers: known by a hash, never by a name.
//!
//! An attempt to buy says only 56 bits of its buyer's hash, so it is of the first shopper with
//! them. Beacons and orders say the whole id, of which 64 bits more are kept: two people are then
//! one only if all 120 bits agree. A shopper first seen in an attempt is completed when the whole
//! id occurs.

use hashbrown::HashMap;
use rusqlite::{Row, Transaction, params};
use sha2::{Digest, Sha256};

use crate::{
    projections::{ApplyError, number_rows::NumberRows},
    values::{AgeBand, Gender, SpendingTier, shopper_hash},
};

/// The value of an unknown attribute.
pub const UNKNOWN: &str = "(unknown)";

/// Hashes remembered between pages at most.
const REMEMBERED_MAX: usize = 262_144;

const HASH_BITS: u64 = (1 << 56) - 1;

/// A shopper's id as far as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// The low 56 bits of the shopper's hash.
    hash: u64,
    /// The first eight bytes of the SHA-256 of the id.
    rest: i64,
}

/// Whose touch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Named(Name),
    Hashed(u64),
    /// The buyer of the order.
    OfOrder,
}

/// What is known of a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attributes {
    pub age_band: Option<AgeBand>,
    pub gender: Option<Gender>,
    /// Number of the region.
    pub region: Option<i64>,
    pub spending_tier: Option<SpendingTier>,
}

/// Shoppers by hash.
#[derive(Debug, Default)]
pub(super) struct Shoppers {
    known: HashMap<u64, Vec<Shopper>>,
    /// The highest number given; not known before the first one is.
    last: Option<i64>,
    /// Hash and number of those that are newer than the file.
    changed: Vec<(i64, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Shopper {
    number: i64,
    rest: Option<i64>,
    attributes: Attributes,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Written,
    Changed,
    New,
}

/// What is kept of an id.
pub(super) fn name_of(id: &str) -> Name {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(id).into();
    let rest = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    Name { hash: shopper_hash(id) & HASH_BITS, rest }
}

impl Who {
    fn hash(self) -> Option<u64> {
        match self {
            Self::Named(name) => Some(name.hash),
            Self::Hashed(hash) => Some(hash),
            Self::OfOrder => None,
        }
    }
}

impl Shoppers {
    /// Keeps memory bounded between pages.
    pub fn forget_some(&mut self) {
        if self.known.len() > REMEMBERED_MAX {
            self.known.clear();
        }
    }

    /// Looks up all shoppers of a page, in the order of the index: neighbours share its pages.
    pub fn load(
        &mut self,
        rows: &Transaction<'_>,
        whose: impl Iterator<Item = Who>,
    ) -> Result<(), ApplyError> {
        if self.last.is_none() {
            let last = "SELECT coalesce(max(number), 0) FROM shoppers";
            self.last = Some(rows.query_row(last, [], |row| row.get(0))?);
        }
        let hashes = whose.filter_map(Who::hash);
        let mut hashes: Vec<u64> = hashes.filter(|hash| !self.known.contains_key(hash)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let mut find = rows.prepare_cached(
            "SELECT number, rest, age_band, gender, region, spending_tier FROM shoppers
             WHERE hash = ? ORDER BY number",
        )?;
        for hash in hashes {
            let found = find.query_map([hash.cast_signed()], shopper)?;
            self.known.insert(hash, found.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    /// The shopper's number; a new one gets the next. What is said of them is noted. All of the page
    /// must have been loaded.
    pub fn resolve(&mut self, who: Who, said: Attributes) -> Result<i64, ApplyError> {
        let (hash, rest) = match who {
            Who::Named(name) => (name.hash, Some(name.rest)),
            Who::Hashed(hash) => (hash, None),
            Who::OfOrder => {
                return Err(ApplyError::Impossible("an order has no shopper".to_owned()));
            }
        };
        let same = self.known.entry(hash).or_default();
        let place = match rest {
            None => (!same.is_empty()).then_some(0),
            Some(_) => {
                let named = same.iter().position(|shopper| shopper.rest == rest);
                named.or_else(|| same.iter().position(|shopper| shopper.rest.is_none()))
            }
        };
        let place = match place {
            Some(place) => place,
            None => {
                let number = self.last.unwrap_or(0) + 1;
                if number > i64::from(u32::MAX) {
                    return Err(ApplyError::Impossible("there are too many shoppers".to_owned()));
                }
                self.last = Some(number);
                let attributes = Attributes::default();
                // Hardly any hash is of two: a vector would take room for four at once.
                same.reserve_exact(1);
                same.push(Shopper { number, rest, attributes, state: State::New });
                self.changed.push((number, hash));
                same.len() - 1
            }
        };
        let shopper = &mut same[place];
        let attributes = shopper.attributes.told(said);
        let rest = shopper.rest.or(rest);
        if (attributes, rest) != (shopper.attributes, shopper.rest) {
            (shopper.attributes, shopper.rest) = (attributes, rest);
            if shopper.state == State::Written {
                shopper.state = State::Changed;
                self.changed.push((shopper.number, hash));
            }
        }
        Ok(shopper.number)
    }

    /// Writes those that are new or changed.
    pub fn write(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let unknown = "INSERT INTO shoppers (hash, rest, number) VALUES (?, ?, ?)";
        let mut insert_unknown = NumberRows::of(rows, unknown)?;
        let mut insert = rows.prepare_cached(
            "INSERT INTO shoppers (hash, rest, age_band, gender, region, spending_tier, number)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut update = rows.prepare_cached(
            "UPDATE shoppers SET hash = ?, rest = ?, age_band = ?, gender = ?, region = ?,
             spending_tier = ? WHERE number = ?",
        )?;
        self.changed.sort_unstable();
        for (number, hash) in self.changed.drain(..) {
            let same = self.known.get_mut(&hash);
            let Some(shopper) = same.and_then(|s| s.iter_mut().find(|s| s.number == number)) else {
                continue;
            };
            if shopper.state == State::New && shopper.attributes == Attributes::default() {
                shopper.state = State::Written;
                insert_unknown.execute([Some(hash.cast_signed()), shopper.rest, Some(number)])?;
                continue;
            }
            let Attributes { age_band, gender, region, spending_tier } = shopper.attributes;
            let values = params![
                hash.cast_signed(),
                shopper.rest,
                age_band.map(AgeBand::name),
                gender.map(Gender::name),
                region,
                spending_tier.map(SpendingTier::name),
                number,
            ];
            match shopper.state {
                State::New => insert.execute(values)?,
                State::Changed | State::Written => update.execute(values)?,
            };
            shopper.state = State::Written;
        }
        Ok(())
    }
}

impl Attributes {
    /// What is known once this was said, too: the last word counts, silence does not.
    fn told(self, said: Self) -> Self {
        Self {
            age_band: said.age_band.or(self.age_band),
            gender: said.gender.or(self.gender),
            region: said.region.or(self.region),
            spending_tier: said.spending_tier.or(self.spending_tier),
        }
    }
}

fn shopper(row: &Row<'_>) -> rusqlite::Result<Shopper> {
    let text = |column: usize| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    Ok(Shopper {
        number: row.get(0)?,
        rest: row.get(1)?,
        attributes: Attributes {
            age_band: text(2)?.and_then(|name| name.parse().ok()),
            gender: text(3)?.and_then(|name| name.parse().ok()),
            region: row.get(4)?,
            spending_tier: text(5)?.and_then(|name| name.parse().ok()),
        },
        state: State::Written,
    })
}
