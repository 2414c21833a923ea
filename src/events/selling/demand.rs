//! Demand: every attempt to buy, also the refused ones, packed by the second.
//!
//! A hundred thousand refusals are not a hundred thousand events. An item writes one tick for each
//! second with attempts (more than one only where a second has very many) to its `demand-` stream.
//! A tick holds counts and, packed, each attempt. A crash may lose the tick of the second that was
//! running; it never loses an order, because orders are not in here.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::events::stored::stored_alone;

/// Attempts packed into one tick at most: 12 bytes each in base64 stay below 64 KiB.
pub const ATTEMPTS_PER_TICK_MAX: usize = 3_500;

/// Channels counted by name in one tick; what comes after is counted as [`OTHER_CHANNEL`].
pub const CHANNELS_PER_TICK_MAX: usize = 32;

/// Where attempts of channels beyond [`CHANNELS_PER_TICK_MAX`] are counted.
pub const OTHER_CHANNEL: &str = "(other)";

/// What an attempt came to. The numbers are stored: add, never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum AttemptOutcome {
    Placed = 0,
    Repeated = 1,
    SoldOut = 2,
    NotEnoughUnits = 3,
    NotOpenYet = 4,
    Closed = 5,
    Paused = 6,
    OverBuyerLimit = 7,
    OverOrderLimit = 8,
    NotEligible = 9,
    GiftGone = 10,
    PriceChanged = 11,
}

impl AttemptOutcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Placed,
        Self::Repeated,
        Self::SoldOut,
        Self::NotEnoughUnits,
        Self::NotOpenYet,
        Self::Closed,
        Self::Paused,
        Self::OverBuyerLimit,
        Self::OverOrderLimit,
        Self::NotEligible,
        Self::GiftGone,
        Self::PriceChanged,
    ];

    /// The outcome with that stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// One attempt to place an order, as the item saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Hash of the buyer: tells buyers apart without naming them.
    pub buyer_hash: u64,
    pub units: i64,
    pub outcome: AttemptOutcome,
    pub channel: String,
}

/// One attempt as it is packed: 12 bytes, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedAttempt {
    /// Milliseconds into the tick's second.
    pub arrival_ms: u16,
    /// Units asked for; more than 65,535 are packed as 65,535.
    pub units: u16,
    pub outcome: AttemptOutcome,
    /// The low 56 bits of the buyer's hash.
    pub buyer_hash: u64,
}

/// Most units of an attempt that are told apart.
const PACKED_UNITS_MAX: u16 = u16::MAX;

/// Units of an attempt as they are packed: 16 bits, and as many as fit where there are more.
pub fn packed_units(units: i64) -> u16 {
    u16::try_from(units).unwrap_or(PACKED_UNITS_MAX)
}

/// Counts of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelDemand {
    pub attempts: u32,
    pub placed: u32,
}

/// The attempts on one item in one second, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandTick {
    /// Seconds since the Unix epoch.
    pub second: i64,
    pub attempts: u32,
    /// Attempts by outcome.
    pub outcomes: BTreeMap<AttemptOutcome, u32>,
    /// Attempts by channel; attempts without a channel are not listed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub channels: BTreeMap<String, ChannelDemand>,
    /// Base64 of [`PackedAttempt`]s in order of decision.
    pub packed: String,
}

stored_alone!(DemandTick => "DemandTick");

const HASH_BITS: u64 = (1 << 56) - 1;

/// Packs attempts; see [`unpack`].
pub fn pack(attempts: &[PackedAttempt]) -> String {
    let mut bytes = Vec::with_capacity(attempts.len() * 12);
    for attempt in attempts {
        bytes.extend_from_slice(&attempt.arrival_ms.to_le_bytes());
        bytes.extend_from_slice(&attempt.units.to_le_bytes());
        let tail = (attempt.buyer_hash & HASH_BITS) | (u64::from(attempt.outcome as u8) << 56);
        bytes.extend_from_slice(&tail.to_le_bytes());
    }
    STANDARD.encode(bytes)
}

/// The attempts in a packed string, or what is wrong with it.
pub fn unpack(packed: &str) -> Result<Vec<PackedAttempt>, String> {
    let bytes = STANDARD.decode(packed).map_err(|error| error.to_string())?;
    let (chunks, rest) = bytes.as_chunks::<12>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are not a whole number of attempts", bytes.len()));
    }
    chunks
        .iter()
        .map(|&[a, b, c, d, tail @ ..]| {
            let tail = u64::from_le_bytes(tail);
            let number = (tail >> 56) as u8;
            let outcome = AttemptOutcome::from_number(number)
                .ok_or_else(|| format!("no outcome has the number {number}"))?;
            Ok(PackedAttempt {
                arrival_ms: u16::from_le_bytes([a, b]),
                units: u16::from_le_bytes([c, d]),
                outcome,
                buyer_hash: tail & HASH_BITS,
            })
        })
        .collect()
}
