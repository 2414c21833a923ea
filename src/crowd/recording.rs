//! A recording as a plan: which items it sells, how many units of each, who orders when.
//!
//! Pure once the rows are read. The share of the purchases that is put on offer is kept as a
//! fraction of whole numbers, because 0.6 of 5 is 3 and no float says so reliably.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    str::FromStr,
};

use super::traffic::{Action, Row, TrafficError, TrafficReader, TrafficTotals};
use crate::values::{Invalid, UnixMs};

/// What counts as one item of the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ItemBy {
    /// A recorded category: the goods of one kind.
    Category,
    /// A recorded item.
    Item,
}

/// One recorded purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buy {
    pub user: u64,
    /// Seconds since the earliest row of the recording.
    pub after_seconds: u64,
}

/// One item of a recording with its purchases, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedItem {
    /// The recorded id of the item or category.
    pub id: u64,
    /// At least one.
    pub buys: Vec<Buy>,
}

/// A recording, read and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub totals: TrafficTotals,
    /// When its earliest row was.
    pub begins_at: UnixMs,
    /// Items with at least one purchase, in the order of their first one.
    pub items: Vec<RecordedItem>,
    /// Rows that were left out because they were bad.
    pub rows_skipped: u64,
    /// The line number and problem of the first row that was left out.
    pub first_skipped: Option<String>,
}

impl Recording {
    /// Reads a file. The first bad row is an error, or with `skip_bad_rows` is counted and left
    /// out. A file that cannot be read to its end is an error either way.
    pub fn read(path: &Path, item_by: ItemBy, skip_bad_rows: bool) -> Result<Self, TrafficError> {
        let mut counting = Counting::default();
        for row in TrafficReader::open(path)? {
            match row {
                Ok(row) => counting.add(row, item_by),
                Err(error @ TrafficError::Row { .. }) if skip_bad_rows => {
                    counting.rows_skipped += 1;
                    counting.first_skipped.get_or_insert_with(|| error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        counting.finish()
    }

    /// Units of each item that are put on offer, in the order of [`Recording::items`].
    pub fn units(&self, share: StockShare) -> Vec<u64> {
        self.items.iter().map(|item| share.of(item.buys.len() as u64)).collect()
    }
}

/// More than nothing and at most all of the purchases, exactly as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockShare {
    numerator: u64,
    denominator: u64,
}

impl StockShare {
    /// Decimals that a share may have.
    pub const DECIMALS_MAX: usize = 9;

    /// This share of some purchases, rounded up to whole units.
    pub fn of(self, purchases: u64) -> u64 {
        let units = (u128::from(self.numerator) * u128::from(purchases))
            .div_ceil(u128::from(self.denominator));
        // A share is at most one, so the result is at most `purchases`.
        u64::try_from(units).unwrap_or(purchases)
    }
}

impl FromStr for StockShare {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::new(
                "share",
                format!("must be a decimal above 0 and at most 1, such as 0.6, not {text:?}"),
            )
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = [whole, decimals].concat();
        let well_formed = !whole.is_empty()
            && whole.len() <= StockShare::DECIMALS_MAX
            && text.contains('.') != decimals.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !well_formed {
            return Err(invalid());
        }
        if decimals.len() > Self::DECIMALS_MAX {
            return Err(Invalid::new(
                "share",
                format!("must have at most {} decimals", Self::DECIMALS_MAX),
            ));
        }
        let numerator: u64 = digits.parse().map_err(|_| invalid())?;
        let denominator = decimals.bytes().fold(1, |tens, _| tens * 10);
        if numerator == 0 || numerator > denominator {
            return Err(invalid());
        }
        Ok(Self { numerator, denominator })
    }
}

/// A recording while it is read. Times are kept absolute until the earliest is known.
#[derive(Default)]
struct Counting {
    totals: TrafficTotals,
    users: HashSet<u64>,
    buyers: HashSet<u64>,
    places: HashMap<u64, usize>,
    items: Vec<(u64, Vec<(u64, i64)>)>,
    earliest_seconds: Option<i64>,
    rows_skipped: u64,
    first_skipped: Option<String>,
}

impl Counting {
    fn add(&mut self, row: Row, item_by: ItemBy) {
        self.users.insert(row.user);
        let earliest = self.earliest_seconds.get_or_insert(row.at_seconds);
        *earliest = (*earliest).min(row.at_seconds);
        match row.action {
            Action::View => self.totals.pv += 1,
            Action::Favourite => self.totals.fav += 1,
            Action::Cart => self.totals.cart += 1,
            Action::Buy => {
                self.totals.buy += 1;
                self.buyers.insert(row.user);
                let id = match item_by {
                    ItemBy::Category => row.category,
                    ItemBy::Item => row.item,
                };
                let place = *self.places.entry(id).or_insert_with(|| {
                    self.items.push((id, Vec::new()));
                    self.items.len() - 1
                });
                self.items[place].1.push((row.user, row.at_seconds));
            }
        }
    }

    fn finish(self) -> Result<Recording, TrafficError> {
        let Some(earliest) = self.earliest_seconds else {
            return Err(TrafficError::no_rows(self.rows_skipped, self.first_skipped.as_deref()));
        };
        if self.items.is_empty() {
            return Err(TrafficError::Nothing("the recording holds no buy rows".to_owned()));
        }
        let after = |seconds: i64| u64::try_from(seconds - earliest).unwrap_or(0);
        let items = self
            .items
            .into_iter()
            .map(|(id, buys)| RecordedItem {
                id,
                buys: buys
                    .into_iter()
                    .map(|(user, at)| Buy { user, after_seconds: after(at) })
                    .collect(),
            })
            .collect();
        let totals = TrafficTotals {
            uv: self.users.len() as u64,
            buyers: self.buyers.len() as u64,
            ..self.totals
        };
        Ok(Recording {
            totals,
            begins_at: UnixMs(earliest.saturating_mul(1_000)),
            items,
            rows_skipped: self.rows_skipped,
            first_skipped: self.first_skipped,
        })
    }
}
