//! Shoppers: coarse attributes for the portrait of an audience, and the hash that stands for a name.
//!
//! Attributes are bands and tiers on purpose: what is not collected cannot leak. Stored names are
//! pinned here; adding one is fine, changing one is a migration.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Longest id of a visitor, in characters: as long as a buyer's.
pub const VISITOR_CHARS_MAX: usize = 128;
/// Longest name of the channel that a visitor came by, in characters.
pub const BEACON_CHANNEL_CHARS_MAX: usize = 64;
/// Longest name of a page, in characters.
pub const PAGE_CHARS_MAX: usize = 256;
/// Longest name of a region, in characters.
pub const REGION_CHARS_MAX: usize = 64;
/// Longest name of goods and of their category in a recording, in characters.
pub const GOODS_CHARS_MAX: usize = 64;

/// A closed set of coarse attributes with its stored names.
macro_rules! attribute {
    ($(#[$doc:meta])* $name:ident, $field:literal: $($variant:ident => $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $name {
            $(#[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them, in their natural order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its stored name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::ALL.iter().copied().find(|known| known.name() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
                    let known = known.join(", ");
                    Invalid::new($field, format!("must be one of {known}, not {text:?}"))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

attribute! {
    /// Years of age, in bands.
    AgeBand, "age_band":
    Under18 => "under-18",
    From18 => "18-24",
    From25 => "25-34",
    From35 => "35-44",
    From45 => "45-54",
    From55 => "55-64",
    From65 => "65-plus",
}

attribute! {
    /// Gender, as the shop knows it.
    Gender, "gender":
    Female => "female",
    Male => "male",
    Other => "other",
}

attribute! {
    /// How much a shopper usually spends, by the shop's own tiers.
    SpendingTier, "spending_tier":
    Low => "low",
    Middle => "middle",
    High => "high",
    Top => "top",
}

/// What is known of a shopper; anything may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct ShopperAttributes {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub age_band: Option<AgeBand>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gender: Option<Gender>,
    /// The shop's own name of a region, 1 to 64 characters; empty where unknown.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spending_tier: Option<SpendingTier>,
}

/// 64-bit FNV-1a of a buyer's or visitor's id: tells shoppers apart where their names need not be
/// kept. Two may share a hash, so callers that need certainty also compare the names.
pub fn shopper_hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
