//! Money is a whole number of minor units and a currency. There is no float in it anywhere.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Invalid;

/// Highest unit price. With `UNITS_MAX` units in one order a total stays far below `i64::MAX`.
pub const UNIT_PRICE_MINOR_MAX: i64 = 1_000_000_000_000;

/// Most units that one order can ask for.
pub const UNITS_MAX: i64 = 1_000_000;

/// Stands before a figure that stayed at the largest number.
pub const AT_LEAST: &str = "≥ ";

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Reads a currency code in upper case, for example `CNY`.
    pub fn parse(field: &str, code: &str) -> Result<Self, Invalid> {
        if code.is_empty() {
            return Err(Invalid::new(field, "is missing: it must be an ISO 4217 code such as CNY"));
        }
        iso_currency::Currency::from_code(code)
            .map(Self)
            .ok_or_else(|| Invalid::new(field, "is not an ISO 4217 currency code such as CNY"))
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the currency has; 0 where it has none.
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// An amount for people: 199900 CNY is `1999.00 CNY`. A sum that stayed at the largest number says
    /// that it is at least that.
    pub fn amount(self, minor: i64) -> String {
        if minor == i64::MAX {
            return format!("{AT_LEAST}{}", self.exactly(minor));
        }
        self.exactly(minor)
    }

    fn exactly(self, minor: i64) -> String {
        let decimals = self.decimals();
        if decimals == 0 {
            return format!("{minor} {}", self.code());
        }
        let scale = 10_u64.pow(decimals);
        let sign = if minor < 0 { "-" } else { "" };
        let minor = minor.unsigned_abs();
        let width = decimals as usize;
        format!("{sign}{}.{:0width$} {}", minor / scale, minor % scale, self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse("currency", &code).map_err(serde::de::Error::custom)
    }
}
