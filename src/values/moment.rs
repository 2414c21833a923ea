//! Moments: milliseconds since the Unix epoch, UTC, as they stand in the log.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::Invalid;

/// A moment in milliseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Start of the year 9999: later times are certainly errors.
    pub const LATEST: Self = Self(253_370_764_800_000);

    /// This moment moved by some milliseconds; stays at the ends of the range.
    #[must_use]
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The whole second that this moment lies in, since the Unix epoch.
    pub fn second(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads RFC 3339, for example `2026-11-11T00:00:00+08:00`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| {
            Invalid::new(field, "is not a time such as 2026-11-11T00:00:00+08:00 (RFC 3339)")
        })?;
        Self(moment.timestamp_millis()).checked(field)
    }

    /// Refuses moments before 1970 and after 9999.
    pub fn checked(self, field: &str) -> Result<Self, Invalid> {
        if self.0 < 0 || self > Self::LATEST {
            return Err(Invalid::new(field, "must lie between the years 1970 and 9999"));
        }
        Ok(self)
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(moment) => f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}
