//! Batches of beacons: many of one sale or one recording become one event.
//!
//! Pure. Each text is held once; beacons point into the tables. A batch says when it is full, by
//! beacons, by bytes and by the span of time that it can express; the caller then takes the event
//! out and continues with an empty batch. The cuts depend on the beacons alone, so that a repeated
//! import of a recording creates the same events.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    mem,
};

use hashbrown::{HashTable, hash_table::Entry};

use crate::{
    domain::beacon::Beacon,
    events::{BEACONS_PER_EVENT_MAX, PackedBeacon, TrafficItem, TrafficRecorded, pack_beacons},
    values::{SaleId, ShopperAttributes, UnixMs, narrow, short},
};

/// Bytes of an event, about: well below what every store takes in one.
const EVENT_BYTES_MAX: usize = 256 << 10;

/// Bytes of a packed beacon in base64.
const PACKED_BYTES: usize = 43;

// Each beacon adds at most one row to a table.
const _: () = assert!(BEACONS_PER_EVENT_MAX < u16::MAX as usize);

/// Bytes of what surrounds the tables.
const FRAME_BYTES: usize = 512;

/// Beacons on their way into one event.
#[derive(Debug)]
pub struct TrafficBatch {
    recording: Option<String>,
    sale_id: Option<SaleId>,
    bytes: usize,
    earliest: UnixMs,
    latest: UnixMs,
    beacons: Vec<(UnixMs, PackedBeacon)>,
    visitors: Table<String>,
    items: Table<TrafficItem>,
    channels: Table<String>,
    pages: Table<String>,
    shoppers: Table<ShopperAttributes>,
}

impl TrafficBatch {
    /// An empty batch of live beacons; their stream says which sale they are about.
    pub fn live() -> Self {
        Self::of(None, None)
    }

    /// An empty batch of a recording, imported for a sale or for none.
    pub fn recorded(recording: String, sale_id: Option<SaleId>) -> Self {
        Self::of(Some(recording), sale_id)
    }

    fn of(recording: Option<String>, sale_id: Option<SaleId>) -> Self {
        Self {
            recording,
            sale_id,
            bytes: FRAME_BYTES,
            earliest: UnixMs(i64::MAX),
            latest: UnixMs(i64::MIN),
            beacons: Vec::new(),
            visitors: Table::default(),
            items: Table::default(),
            channels: Table::default(),
            pages: Table::default(),
            shoppers: Table::default(),
        }
    }

    /// Beacons in it.
    pub fn len(&self) -> usize {
        self.beacons.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.beacons.is_empty()
    }

    /// Takes a beacon in, or gives it back because it has no place here any more. An empty batch
    /// has a place for every beacon.
    #[must_use]
    pub fn add(&mut self, beacon: Beacon) -> Option<Beacon> {
        let earliest = self.earliest.min(beacon.at);
        let latest = self.latest.max(beacon.at);
        let full = self.beacons.len() >= BEACONS_PER_EVENT_MAX || self.bytes >= EVENT_BYTES_MAX;
        let wide = u32::try_from(latest.since(earliest)).is_err();
        if !self.is_empty() && (full || wide) {
            return Some(beacon);
        }
        self.earliest = earliest;
        self.latest = latest;
        self.bytes += PACKED_BYTES;
        let Beacon { id, at, action, visitor, item, channel, page, shopper } = beacon;
        let packed = PackedBeacon {
            id,
            after_ms: 0,
            action,
            visitor: self.visitors.place(visitor, |text| text_bytes(text), &mut self.bytes),
            item: item.map_or(0, |item| self.items.place(item, item_bytes, &mut self.bytes)),
            channel: self.channels.place_text(channel, &mut self.bytes),
            page: self.pages.place_text(page, &mut self.bytes),
            shopper: if shopper == ShopperAttributes::default() {
                0
            } else {
                self.shoppers.place(shopper, shopper_bytes, &mut self.bytes)
            },
        };
        self.beacons.push((at, packed));
        None
    }

    /// The event of what is in here, which is empty afterwards; `None` if it was empty before.
    pub fn take(&mut self) -> Option<TrafficRecorded> {
        if self.is_empty() {
            return None;
        }
        let from_ms = self.earliest;
        let beacons = mem::take(&mut self.beacons).into_iter().map(|(at, beacon)| {
            // `add` keeps the span of a batch within 32 bits.
            let after_ms = short(narrow(at.since(from_ms).cast_unsigned()));
            PackedBeacon { after_ms, ..beacon }
        });
        let beacons: Vec<PackedBeacon> = beacons.collect();
        let event = TrafficRecorded {
            recording: self.recording.clone(),
            sale_id: self.sale_id,
            from_ms,
            beacons: short(beacons.len()),
            visitors: self.visitors.take(),
            items: self.items.take(),
            channels: self.channels.take(),
            pages: self.pages.take(),
            shoppers: self.shoppers.take(),
            packed: pack_beacons(&beacons),
        };
        self.bytes = FRAME_BYTES;
        self.earliest = UnixMs(i64::MAX);
        self.latest = UnixMs(i64::MIN);
        Some(event)
    }
}

/// Rows of an event, each once, numbered from 1.
#[derive(Debug)]
struct Table<T> {
    rows: Vec<T>,
    /// Numbers of rows. Keyed, because the texts come from outside.
    places: HashTable<u16>,
    keys: RandomState,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashTable::new(), keys: RandomState::new() }
    }
}

impl<T: Hash + Eq> Table<T> {
    /// The number of a row, which is added if it is new. A batch has fewer beacons than numbers.
    fn place(&mut self, row: T, row_bytes: impl FnOnce(&T) -> usize, bytes: &mut usize) -> u16 {
        let Self { rows, places, keys } = self;
        let hash = keys.hash_one(&row);
        let at = |number: &u16| &rows[usize::from(*number) - 1];
        let entry =
            places.entry(hash, |number| *at(number) == row, |number| keys.hash_one(at(number)));
        match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = (rows.len() + 1) as u16;
                free.insert(number);
                *bytes += row_bytes(&row);
                rows.push(row);
                number
            }
        }
    }

    fn take(&mut self) -> Vec<T> {
        self.places.clear();
        mem::take(&mut self.rows)
    }
}

impl Table<String> {
    /// The number of a text; 0 of none.
    fn place_text(&mut self, text: String, bytes: &mut usize) -> u16 {
        if text.is_empty() { 0 } else { self.place(text, |text| text_bytes(text), bytes) }
    }
}

/// Bytes of a text as JSON. Control characters are refused where texts come in.
fn text_bytes(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 3
}

fn item_bytes(item: &TrafficItem) -> usize {
    const NAMES: usize = 96;
    NAMES + text_bytes(&item.sku) + text_bytes(&item.category)
}

fn shopper_bytes(shopper: &ShopperAttributes) -> usize {
    const NAMES: usize = 96;
    NAMES + text_bytes(&shopper.region)
}
