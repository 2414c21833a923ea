//! The beacons of a second, packed into events of the sale's traffic stream.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    pen::Pen,
    script::{Beacon, buyer, channel},
};
use crate::{
    crowd::plan::{scatter, uuid_of},
    events::{
        BEACONS_PER_EVENT_MAX, PackedBeacon, SaleCreated, StreamName, TrafficItem, TrafficRecorded,
        encode, pack_beacons,
    },
    values::{AgeBand, Gender, SaleId, ShopperAttributes, SpendingTier, UnixMs, short, tiny},
};

const REGIONS: [&str; 6] = ["Shanghai", "Beijing", "Guangdong", "Sichuan", "Zhejiang", "Hubei"];

/// Beacons that wait, and where they go.
pub struct BeaconBook {
    sale: SaleId,
    items: Vec<TrafficItem>,
    pen: Pen,
    batch: Batch,
    count: u64,
}

/// What one event is made of.
#[derive(Default)]
struct Batch {
    from: UnixMs,
    beacons: Vec<PackedBeacon>,
    visitors: Table<u32>,
    items: Table<usize>,
    channels: Table<&'static str>,
    pages: Table<Option<usize>>,
    shoppers: Table<ShopperAttributes>,
}

/// Rows in the order in which they were first named; their numbers count from 1.
struct Table<T> {
    rows: Vec<T>,
    numbers: HashMap<T, u16>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Table<T> {
    fn number(&mut self, row: T) -> u16 {
        let Self { rows, numbers } = self;
        *numbers.entry(row).or_insert_with_key(|row| {
            rows.push(row.clone());
            // A batch has fewer beacons than that.
            tiny(rows.len())
        })
    }
}

impl BeaconBook {
    pub fn new(sale: SaleId, planned: &SaleCreated) -> Self {
        let items = planned.items.iter().map(|item| TrafficItem {
            item_id: item.item_id,
            sku: item.sku.clone(),
            category: String::new(),
        });
        Self {
            sale,
            items: items.collect(),
            pen: Pen::new(StreamName::traffic(sale)),
            batch: Batch::default(),
            count: 0,
        }
    }

    /// Beacons so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn pen(&mut self) -> &mut Pen {
        &mut self.pen
    }

    pub fn add(&mut self, beacon: &Beacon, now: UnixMs) {
        let Beacon { shopper, item, action } = *beacon;
        self.count += 1;
        let batch = &mut self.batch;
        if batch.beacons.is_empty() {
            batch.from = now;
        }
        let packed = PackedBeacon {
            id: uuid_of(scatter(self.count), self.count),
            after_ms: u32::try_from(now.since(batch.from)).unwrap_or(0),
            action,
            visitor: batch.visitors.number(shopper),
            item: item.map_or(0, |item| batch.items.number(item)),
            channel: batch.channels.number(channel(shopper)),
            page: batch.pages.number(item),
            shopper: batch.shoppers.number(attributes(shopper)),
        };
        batch.beacons.push(packed);
        if batch.beacons.len() == BEACONS_PER_EVENT_MAX {
            self.end_second();
        }
    }

    /// Makes an event of what is there.
    pub fn end_second(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.beacons.is_empty() {
            return;
        }
        let page = |item: &Option<usize>| match item {
            Some(item) => format!("/items/{}", self.items[*item].sku),
            None => "/sale".to_owned(),
        };
        let recorded = TrafficRecorded {
            recording: None,
            sale_id: None,
            from_ms: batch.from,
            beacons: short(batch.beacons.len()),
            visitors: batch.visitors.rows.iter().map(|shopper| buyer(*shopper)).collect(),
            items: batch.items.rows.iter().map(|item| self.items[*item].clone()).collect(),
            channels: batch.channels.rows.iter().map(|name| (*name).to_owned()).collect(),
            pages: batch.pages.rows.iter().map(page).collect(),
            shoppers: batch.shoppers.rows,
            packed: pack_beacons(&batch.beacons),
        };
        let id = Uuid::new_v5(&self.sale.0, &self.pen.revision().to_be_bytes());
        self.pen.add(encode(id, &recorded, self.sale.0, self.sale.0));
    }
}

/// What is known of a shopper, always the same; of every fifth nothing.
fn attributes(shopper: u32) -> ShopperAttributes {
    let drawn = scatter(u64::from(shopper));
    if drawn.is_multiple_of(5) {
        return ShopperAttributes::default();
    }
    ShopperAttributes {
        age_band: Some(nth(AgeBand::ALL, drawn >> 8)),
        gender: Some(nth(Gender::ALL, drawn >> 16)),
        region: nth(&REGIONS, drawn >> 24).to_owned(),
        spending_tier: Some(nth(SpendingTier::ALL, drawn >> 32)),
    }
}

fn nth<T: Copy>(all: &[T], draw: u64) -> T {
    let one_of = draw % all.len() as u64;
    all[usize::try_from(one_of).unwrap_or(0)]
}
