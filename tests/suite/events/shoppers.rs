//! Samples of what shoppers did: attempts, and beacons of traffic.

use std::collections::BTreeMap;

use doorbuster::{
    events::{
        AttemptOutcome, ChannelDemand, DemandTick, PackedAttempt, PackedBeacon, TrafficAction,
        TrafficItem, TrafficRecorded, pack, pack_beacons,
    },
    values::{AgeBand, Gender, ShopperAttributes, SpendingTier},
};
use uuid::Uuid;

use super::{AT, ITEM, ORDER, SALE};

pub fn tick() -> DemandTick {
    let app = ChannelDemand { attempts: 1, placed: 1 };
    DemandTick {
        second: AT.second(),
        attempts: 2,
        outcomes: BTreeMap::from([(AttemptOutcome::SoldOut, 1), (AttemptOutcome::Placed, 1)]),
        channels: BTreeMap::from([("app".to_owned(), app)]),
        packed: pack(&attempts()),
    }
}

pub fn attempts() -> Vec<PackedAttempt> {
    let attempt = |arrival_ms, units, outcome, buyer_hash| PackedAttempt {
        arrival_ms,
        units,
        outcome,
        buyer_hash,
    };
    vec![
        attempt(0, 1, AttemptOutcome::Placed, 0),
        attempt(999, u16::MAX, AttemptOutcome::OverOrderLimit, (1 << 56) - 1),
    ]
}

pub fn traffic() -> TrafficRecorded {
    let shopper = ShopperAttributes {
        age_band: Some(AgeBand::From25),
        gender: Some(Gender::Female),
        region: "浙江".to_owned(),
        spending_tier: Some(SpendingTier::High),
    };
    TrafficRecorded {
        recording: Some("hour.csv.gz".to_owned()),
        sale_id: Some(SALE),
        from_ms: AT,
        beacons: 2,
        visitors: vec!["ann".to_owned()],
        items: vec![TrafficItem {
            item_id: ITEM,
            sku: "PHONE-256".to_owned(),
            category: "phones".to_owned(),
        }],
        channels: vec!["app".to_owned()],
        pages: vec!["/双十一".to_owned()],
        shoppers: vec![shopper],
        packed: pack_beacons(&beacons()),
    }
}

pub fn beacons() -> [PackedBeacon; 2] {
    let view = PackedBeacon {
        id: ORDER.0,
        after_ms: 0,
        action: TrafficAction::View,
        visitor: 1,
        item: 0,
        channel: 1,
        page: 1,
        shopper: 1,
    };
    let bought = PackedBeacon {
        id: Uuid::nil(),
        after_ms: u32::MAX,
        action: TrafficAction::Buy,
        item: 1,
        channel: 0,
        page: 0,
        shopper: 0,
        ..view
    };
    [view, bought]
}
