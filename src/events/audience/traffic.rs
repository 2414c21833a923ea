//! Traffic: what visitors looked at, marked, put into carts and shared, many beacons in one event.
//!
//! A sale's beacons go to its `traffic-` stream, away from everything that sells; a recording that
//! was imported has a stream of its own. An event holds each text once, in its tables, and beacons,
//! packed, that point into them. Nothing here is needed to sell: a batch that is lost costs figures,
//! never an order.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    events::stored::stored_alone,
    values::{ItemId, SaleId, ShopperAttributes, UnixMs},
};

/// Beacons packed into one event at most: 32 bytes each in base64 stay below 100 KiB.
pub const BEACONS_PER_EVENT_MAX: usize = 2_000;

/// What a visitor did. The numbers are stored: add, never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TrafficAction {
    /// Looked at a page.
    View = 0,
    /// Marked an item as a favourite.
    Favourite = 1,
    /// Put an item into the cart.
    Cart = 2,
    /// Passed an item or a page on to others.
    Share = 3,
    /// Bought an item, as a recording says. Purchases made here are orders, never beacons.
    Buy = 4,
}

impl TrafficAction {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::View, Self::Favourite, Self::Cart, Self::Share, Self::Buy];

    /// The action with that stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name where people and programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Favourite => "favourite",
            Self::Cart => "cart",
            Self::Share => "share",
            Self::Buy => "buy",
        }
    }
}

/// An item that beacons are about. An item of a sale has its id; a recorded one has the id that
/// follows from its recording and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrafficItem {
    pub item_id: ItemId,
    /// The shop's own id of the goods, where the beacon said it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub sku: String,
    /// The shop's own category of the goods; empty where unknown.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub category: String,
}

/// One beacon as it is packed: 32 bytes, little-endian. Numbers of texts count from 1 in the tables
/// of the event; 0 says that the beacon has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedBeacon {
    /// The client's id of the beacon, by which repeats are known; nil where there is none, as in
    /// recordings.
    pub id: Uuid,
    /// Milliseconds since `from_ms` of the event.
    pub after_ms: u32,
    pub action: TrafficAction,
    /// Never 0.
    pub visitor: u16,
    pub item: u16,
    pub channel: u16,
    pub page: u16,
    pub shopper: u16,
}

/// Some beacons of one sale or one recording. Its stream says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficRecorded {
    /// Name of the recording, where this was imported; absent in live traffic.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recording: Option<String>,
    /// The sale that these beacons are about, where a recording was imported for one; else the
    /// stream's id says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_id: Option<SaleId>,
    /// The earliest moment of a beacon in here.
    pub from_ms: UnixMs,
    /// How many beacons are packed.
    pub beacons: u32,
    /// Ids of visitors, as the shop knows them; the same as of buyers where it can tell.
    pub visitors: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub items: Vec<TrafficItem>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub channels: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pages: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub shoppers: Vec<ShopperAttributes>,
    /// Base64 of [`PackedBeacon`]s in order of arrival.
    pub packed: String,
}

stored_alone!(TrafficRecorded => "TrafficRecorded");

/// Packs beacons; see [`unpack_beacons`].
pub fn pack_beacons(beacons: &[PackedBeacon]) -> String {
    let mut bytes = Vec::with_capacity(beacons.len() * 32);
    for beacon in beacons {
        bytes.extend_from_slice(beacon.id.as_bytes());
        bytes.extend_from_slice(&beacon.after_ms.to_le_bytes());
        bytes.extend_from_slice(&[beacon.action as u8, 0]);
        for number in [beacon.visitor, beacon.item, beacon.channel, beacon.page, beacon.shopper] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    STANDARD.encode(bytes)
}

impl TrafficRecorded {
    /// The beacons in the order of their arrival, or what is wrong with them. Every number they
    /// hold is one of a row in the tables.
    pub fn unpack_beacons(&self) -> Result<Vec<PackedBeacon>, String> {
        let bytes = STANDARD.decode(&self.packed).map_err(|error| error.to_string())?;
        let (chunks, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(format!("{} bytes are not a whole number of beacons", bytes.len()));
        }
        if usize::try_from(self.beacons) != Ok(chunks.len()) {
            return Err(format!("{} beacons are packed, not {}", chunks.len(), self.beacons));
        }
        chunks.iter().map(|chunk| self.unpack(chunk)).collect()
    }

    fn unpack(&self, chunk: &[u8; 32]) -> Result<PackedBeacon, String> {
        let [id @ .., a, b, c, d, action, _, v0, v1, i0, i1, c0, c1, p0, p1, s0, s1] = *chunk;
        let action = TrafficAction::from_number(action)
            .ok_or_else(|| format!("no action has the number {action}"))?;
        let row = |name: &str, bytes: [u8; 2], rows: usize| {
            let number = u16::from_le_bytes(bytes);
            if usize::from(number) <= rows {
                Ok(number)
            } else {
                Err(format!("there is no {name} {number}"))
            }
        };
        let visitor = row("visitor", [v0, v1], self.visitors.len())?;
        if visitor == 0 {
            return Err("a beacon has no visitor".to_owned());
        }
        Ok(PackedBeacon {
            id: Uuid::from_bytes(id),
            after_ms: u32::from_le_bytes([a, b, c, d]),
            action,
            visitor,
            item: row("item", [i0, i1], self.items.len())?,
            channel: row("channel", [c0, c1], self.channels.len())?,
            page: row("page", [p0, p1], self.pages.len())?,
            shopper: row("shopper", [s0, s1], self.shoppers.len())?,
        })
    }
}
