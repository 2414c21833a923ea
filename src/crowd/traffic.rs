//! Recorded traffic: rows of a CSV file, plain or gzipped, read one at a time.
//!
//! A row is `user,item,category,action,time`: three numbers, one of `pv`, `fav`, `cart` and `buy`,
//! and a Unix time in seconds. There is no header and nothing is quoted. A row that is anything
//! else is an error with its line number; the reader never guesses what was meant.

use std::path::Path;

use serde::Serialize;

pub use super::traffic_error::TrafficError;
use super::{
    encoding,
    headers::{FirstLine, first_line, form_of},
    lines::Lines,
};
use crate::values::{Invalid, UnixMs};

/// Longest line in bytes. A real row has fewer than 100; the bound keeps a file without line ends
/// from filling the memory.
pub const LINE_BYTES_MAX: usize = 1_024;

const FIELDS: [&str; 5] = ["user", "item", "category", "action", "time"];

/// What a user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `pv`: looked at the item.
    View,
    /// `fav`: marked it as a favourite.
    Favourite,
    /// `cart`: put it into the cart.
    Cart,
    /// `buy`: bought it.
    Buy,
}

/// One recorded action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub user: u64,
    pub item: u64,
    pub category: u64,
    pub action: Action,
    /// Seconds since the Unix epoch.
    pub at_seconds: i64,
}

/// How much of what a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TrafficTotals {
    /// Views.
    pub pv: u64,
    /// Favourites.
    pub fav: u64,
    /// Additions to a cart.
    pub cart: u64,
    /// Purchases.
    pub buy: u64,
    /// Distinct users.
    pub uv: u64,
    /// Distinct users with at least one purchase.
    pub buyers: u64,
}

/// Reads rows in the order of the file. Blank lines are passed over.
pub struct TrafficReader {
    lines: Lines,
    first: Option<Result<(u64, Vec<u8>), TrafficError>>,
    /// Of the first line, where that is a header: a bad row.
    problem: Option<Invalid>,
}

impl TrafficReader {
    /// Opens a file. Whether it is gzipped is seen from its first bytes, not from its name.
    pub fn open(path: &Path) -> Result<Self, TrafficError> {
        let mut lines = Lines::open(path, LINE_BYTES_MAX)?;
        let first = first_line(&mut lines);
        let problem = match &first {
            Some(Ok((_, line))) => match form_of(line) {
                FirstLine::Row => None,
                FirstLine::Unknown(problem) => Some(problem),
                FirstLine::Header(_) => Some(Invalid::new(
                    "header",
                    "is that of the long form, which traffic import reads; only rows of \
                     user,item,category,action,time in numbers can be played",
                )),
            },
            Some(Err(_)) | None => None,
        };
        Ok(Self { lines, first, problem })
    }
}

impl Iterator for TrafficReader {
    type Item = Result<Row, TrafficError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.first.take().or_else(|| self.lines.next_full())? {
            Err(error) => Some(Err(error)),
            Ok((line, bytes)) => {
                if let Some(problem) = self.problem.take() {
                    return Some(Err(TrafficError::Row { line, problem }));
                }
                Some(parse(&bytes).map_err(|problem| TrafficError::Row { line, problem }))
            }
        }
    }
}

pub(super) fn parse(line: &[u8]) -> Result<Row, Invalid> {
    let line = encoding::text(line)?;
    let mut columns = [""; FIELDS.len()];
    let mut count = 0;
    for column in line.split(',') {
        if let Some(place) = columns.get_mut(count) {
            *place = column;
        }
        count += 1;
    }
    if count < FIELDS.len() {
        return Err(Invalid::new(
            FIELDS[count],
            "is missing: a row is user,item,category,action,time",
        ));
    }
    if count > FIELDS.len() {
        return Err(Invalid::new("row", format!("has {count} fields instead of {}", FIELDS.len())));
    }
    let [user, item, category, action, time] = columns;
    Ok(Row {
        user: number(FIELDS[0], user)?,
        item: number(FIELDS[1], item)?,
        category: number(FIELDS[2], category)?,
        action: parse_action(action)?,
        at_seconds: parse_time(time)?,
    })
}

/// Digits only: `+7` and ` 7` are not how a recording spells seven.
fn number(field: &str, text: &str) -> Result<u64, Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(field, "is missing"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::new(field, format!("is not a whole number: {text:?}")));
    }
    text.parse().map_err(|_| Invalid::new(field, format!("is too large: {text}")))
}

fn parse_action(text: &str) -> Result<Action, Invalid> {
    match text {
        "pv" => Ok(Action::View),
        "fav" => Ok(Action::Favourite),
        "cart" => Ok(Action::Cart),
        "buy" => Ok(Action::Buy),
        "" => Err(Invalid::new(FIELDS[3], "is missing")),
        other => {
            Err(Invalid::new(FIELDS[3], format!("is not one of pv, fav, cart and buy: {other:?}")))
        }
    }
}

/// A Unix time in seconds. What can only be another unit is named as that.
pub(super) fn parse_time(text: &str) -> Result<i64, Invalid> {
    const UNITS: [(&str, u64); 3] =
        [("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000)];
    let field = FIELDS[4];
    let number = number(field, text)?;
    let possible = |number: u64| {
        i64::try_from(number).ok().filter(|seconds| *seconds <= UnixMs::LATEST.second())
    };
    if let Some(seconds) = possible(number) {
        return Ok(seconds);
    }
    let other = UNITS.into_iter().find_map(|(unit, parts)| {
        possible(number / parts).map(|seconds| {
            let at = UnixMs(seconds.saturating_mul(1_000));
            format!(
                "is not a Unix time in seconds but looks like {unit}: {text} is {at}, {seconds}"
            )
        })
    });
    let problem = other.unwrap_or_else(|| format!("is not a Unix time in seconds: {text}"));
    Err(Invalid::new(field, problem))
}
