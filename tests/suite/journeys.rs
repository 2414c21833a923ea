//! Goal: what is said of shoppers is what they did, counted by hand or by other code.
//!
//! Method: hand-made logs with beacons, attempts and orders, folded by the real projection. One
//! scripted sale is small enough to be checked by eye; an hour of recorded traffic is counted again
//! with plain sets; sets of visitors are compared with those of the standard library.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "journeys/bounds.rs"]
mod bounds;
#[path = "journeys/categories.rs"]
mod categories;
#[path = "journeys/over_grpc.rs"]
mod over_grpc;
#[path = "journeys/recorded.rs"]
mod recorded;
#[path = "journeys/sets.rs"]
mod sets;
#[path = "journeys/story.rs"]
mod story;

use std::path::Path;

use doorbuster::{
    events::{
        AttemptOutcome, Event, PackedAttempt, PackedBeacon, Recorded, TrafficAction, TrafficItem,
        TrafficRecorded, pack, pack_beacons,
    },
    projections::{ReadModel, all},
    reports::Reports,
    values::{ItemId, SaleId, ShopperAttributes, UnixMs, shopper_hash},
};
use uuid::Uuid;

use crate::fold::log::{Log, tick};

/// One beacon before it is packed.
#[derive(Clone)]
pub struct Beacon {
    pub at_ms: i64,
    pub action: TrafficAction,
    pub visitor: String,
    pub item: Option<TrafficItem>,
    pub channel: String,
    pub shopper: Option<ShopperAttributes>,
}

/// A beacon of nothing in particular.
pub fn beacon(at_ms: i64, action: TrafficAction, visitor: &str) -> Beacon {
    let visitor = visitor.to_owned();
    Beacon { at_ms, action, visitor, item: None, channel: String::new(), shopper: None }
}

impl Beacon {
    pub fn on(self, item_id: ItemId, category: &str) -> Self {
        let category = category.to_owned();
        Self { item: Some(TrafficItem { item_id, sku: String::new(), category }), ..self }
    }

    pub fn by(self, channel: &str) -> Self {
        Self { channel: channel.to_owned(), ..self }
    }

    pub fn of(self, shopper: ShopperAttributes) -> Self {
        Self { shopper: Some(shopper), ..self }
    }
}

/// Packs beacons into one event.
pub fn batch(sale_id: Option<SaleId>, beacons: &[Beacon]) -> TrafficRecorded {
    fn number<T: PartialEq + Clone>(table: &mut Vec<T>, value: Option<&T>) -> u16 {
        let Some(value) = value else { return 0 };
        let place = table.iter().position(|known| known == value).unwrap_or_else(|| {
            table.push(value.clone());
            table.len() - 1
        });
        u16::try_from(place + 1).unwrap()
    }
    let from = beacons.iter().map(|beacon| beacon.at_ms).min().unwrap_or(0);
    let (mut visitors, mut items, mut channels, mut shoppers) = (vec![], vec![], vec![], vec![]);
    let packed = beacons.iter().map(|beacon| PackedBeacon {
        id: Uuid::nil(),
        after_ms: u32::try_from(beacon.at_ms - from).unwrap(),
        action: beacon.action,
        visitor: number(&mut visitors, Some(&beacon.visitor)),
        item: number(&mut items, beacon.item.as_ref()),
        channel: number(&mut channels, Some(&beacon.channel).filter(|name| !name.is_empty())),
        page: 0,
        shopper: number(&mut shoppers, beacon.shopper.as_ref()),
    });
    let packed: Vec<PackedBeacon> = packed.collect();
    TrafficRecorded {
        recording: None,
        sale_id,
        from_ms: UnixMs(from),
        beacons: u32::try_from(packed.len()).unwrap(),
        packed: pack_beacons(&packed),
        visitors,
        items,
        channels,
        pages: Vec::new(),
        shoppers,
    }
}

/// A tick with attempts in it: milliseconds into the second, buyer, units, outcome.
pub fn attempts(second: i64, tries: &[(u16, &str, u16, AttemptOutcome)]) -> Event {
    let packed: Vec<PackedAttempt> = tries
        .iter()
        .map(|(arrival_ms, buyer, units, outcome)| PackedAttempt {
            arrival_ms: *arrival_ms,
            units: *units,
            outcome: *outcome,
            buyer_hash: shopper_hash(buyer),
        })
        .collect();
    let mut counts = tick(second, &[]);
    counts.attempts = u32::try_from(packed.len()).unwrap();
    counts.packed = pack(&packed);
    for (_, _, _, outcome) in tries {
        *counts.outcomes.entry(*outcome).or_default() += 1;
    }
    counts.into()
}

pub fn open(data: &Path) -> ReadModel {
    let journeys = all().into_iter().find(|projection| projection.name() == "journeys").unwrap();
    ReadModel::open(data, journeys).unwrap()
}

pub fn feed(data: &Path, events: &[(Recorded, Event)], page: usize) {
    let mut model = open(data);
    for page in events.chunks(page) {
        model.apply_page(page).unwrap();
    }
}

/// Folds a log and gives what can be asked of it.
pub fn asked(data: &Path, log: &Log) -> Reports {
    feed(data, &log.events, 1_000);
    Reports::open(data)
}
