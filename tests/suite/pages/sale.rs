//! A sale that is always the same, written by hand: goals, traffic from three channels, a rush, a
//! pause, refusals, an expired hold that is sold again, and names that were meant to do harm.

use std::collections::BTreeMap;

use doorbuster::{
    events::{
        Act, AttemptOutcome, DemandTick, Draw, Goals, ItemAdded, ItemEvent, ItemPaused,
        ItemResumed, OfferEvent, PackedAttempt, PackedBeacon, SaleCreated, SaleEvent,
        StockAllocated, StockEvent, StreamName, TrafficAction, TrafficRecorded, pack, pack_beacons,
    },
    values::{
        AgeBand, Fingerprint, Gender, ItemId, RequestId, SaleId, ShopperAttributes, UnixMs,
        shopper_hash,
    },
};
use uuid::Uuid;

use crate::fold::log::{Log, currency};

/// 2026-11-11T00:00:00Z: it opens.
pub const OPENS_AT: i64 = 1_794_355_200_000;

/// A name that is HTML, Markdown, a formula and a link at once.
pub const HOSTILE: &str =
    "=<script>alert(1)</script>|**b**|[x](http://evil.example)|\"' onload=\"x\u{202e}\u{7}";

/// The sale.
pub fn sale_id() -> SaleId {
    SaleId(Uuid::from_u128(0x5a1e))
}

fn act(operator: &str, reason: &str) -> Act {
    Act {
        request_id: RequestId(Uuid::from_u128(9)),
        fingerprint: Fingerprint(9),
        operator: operator.to_owned(),
        reason: reason.to_owned(),
    }
}

fn create(log: &mut Log, name: &str, goals: Option<Goals>) {
    let created = SaleCreated {
        name: name.to_owned(),
        currency: currency(),
        opens_at_ms: UnixMs(OPENS_AT),
        closes_at_ms: UnixMs(OPENS_AT + 3_600_000),
        items: Vec::new(),
        goals,
        curve: Vec::new(),
        alerts: Vec::new(),
        coupons: Vec::new(),
        limit_per_buyer: None,
        rewards: Vec::new(),
        act: act("olga", "Double Eleven"),
        created_at_ms: UnixMs(OPENS_AT - 3_600_000),
    };
    log.push(StreamName::sale(sale_id()), SaleEvent::Created(created));
}

fn add(log: &mut Log, sku: &str, title: &str, units: i64) -> ItemId {
    let item = sale_id().item_id(sku);
    let added = ItemAdded {
        sale_id: sale_id(),
        sku: sku.to_owned(),
        title: title.to_owned(),
        currency: currency(),
        unit_price_minor: 500,
        time_to_pay_ms: 60_000,
        regions: Vec::new(),
        draw: Draw::Listed,
        reinstate_within_ms: None,
        sale_limit_per_buyer: None,
        added_at_ms: UnixMs(OPENS_AT - 3_600_000),
    };
    log.push(StreamName::item(item), ItemEvent::Offer(OfferEvent::Added(added)));
    let allocated = StockAllocated {
        warehouse: "north".to_owned(),
        units,
        supplier: None,
        act: act("olga", "as planned"),
        allocated_at_ms: UnixMs(OPENS_AT - 3_600_000),
    };
    log.push(StreamName::item(item), ItemEvent::Stock(StockEvent::Allocated(allocated)));
    item
}

/// A sale without activity.
pub fn empty_sale() -> Log {
    let mut log = Log::default();
    create(&mut log, "Nobody came", None);
    log
}

/// A sale of so many lamps, and the lamp.
pub fn lamps(units: i64) -> (Log, ItemId) {
    let mut log = Log::default();
    create(&mut log, "Lamps", None);
    let lamp = add(&mut log, "lamp", "Lamp", units);
    (log, lamp)
}

/// A sale of many items, of which nothing was sold.
pub fn wide_sale(items: usize) -> Log {
    let mut log = Log::default();
    create(&mut log, "Wide", None);
    for number in 0..items {
        add(&mut log, &format!("sku-{number}"), "One of many", 3);
    }
    log
}

/// A sale that one visitor looks at once a minute.
pub fn faithful_visitor(minutes: u32) -> Log {
    let mut log = Log::default();
    create(&mut log, "Faithful", None);
    let beacons: Vec<PackedBeacon> = (0..minutes)
        .map(|minute| PackedBeacon {
            id: Uuid::from_u128(u128::from(minute) + 1),
            after_ms: minute * 60_000,
            action: TrafficAction::View,
            visitor: 1,
            item: 0,
            channel: 0,
            page: 0,
            shopper: 0,
        })
        .collect();
    let recorded = TrafficRecorded {
        recording: None,
        sale_id: None,
        from_ms: UnixMs(OPENS_AT),
        beacons: minutes,
        visitors: vec!["buyer-1".to_owned()],
        items: Vec::new(),
        channels: Vec::new(),
        pages: Vec::new(),
        shoppers: Vec::new(),
        packed: pack_beacons(&beacons),
    };
    log.push(StreamName::traffic(sale_id()), recorded);
    log
}

/// The sale with something of everything.
pub fn full_sale() -> Log {
    let mut log = Log::default();
    let goals = Goals {
        units: Some(60),
        revenue_minor: Some(20_000),
        conversion_ppm: Some(200_000),
        new_buyers: Some(10),
    };
    create(&mut log, "Double Eleven 双十一", Some(goals));
    let lamp = add(&mut log, "lamp", "Lamp & shade", 40);
    let sofa = add(&mut log, "sofa", "沙发", 10);
    add(&mut log, HOSTILE, HOSTILE, 5);
    traffic(&mut log);
    rush(&mut log, lamp, sofa);
    let at = |seconds: i64| UnixMs(OPENS_AT + seconds * 1_000);
    pause(&mut log, sofa, HOSTILE, OPENS_AT + 9_000);
    demand(&mut log, sofa, 10, &[("buyer-70", AttemptOutcome::Paused)]);
    let resumed =
        ItemResumed { act: act("olga", "price is right"), by_sale: false, resumed_at_ms: at(12) };
    log.push(StreamName::item(sofa), ItemEvent::Offer(OfferEvent::Resumed(resumed)));
    log
}

/// Pauses an item.
pub fn pause(log: &mut Log, item: ItemId, reason: &str, at: i64) {
    let paused = ItemPaused { act: act("olga", reason), by_sale: false, paused_at_ms: UnixMs(at) };
    log.push(StreamName::item(item), ItemEvent::Offer(OfferEvent::Paused(paused)));
}

/// Forty lamps go in six seconds, one hold expires, and its unit is taken again.
fn rush(log: &mut Log, lamp: ItemId, sofa: ItemId) {
    let mut unpaid = None;
    for number in 0..40 {
        let at = OPENS_AT + 200 + number * 140;
        let buyer = format!("buyer-{number}");
        let channel = ["app", "live", HOSTILE][usize::try_from(number % 3).unwrap()];
        let order = log.place(lamp, &buyer, channel, &[("north", 1)], at);
        match number {
            7 => unpaid = Some(order),
            11 => log.cancel(&order, at + 900),
            _ => log.pay(&order, "paid", at + 1_000 + number * 37),
        }
    }
    for second in 0..8_i64 {
        let placed = (0..40).filter(|number| (200 + number * 140) / 1_000 == second);
        let mut attempts: Vec<(String, AttemptOutcome)> =
            placed.map(|number| (format!("buyer-{number}"), AttemptOutcome::Placed)).collect();
        let refused = if second < 5 { 4 } else { 30 - second };
        for number in 0..refused {
            let outcome =
                if second < 5 { AttemptOutcome::OverBuyerLimit } else { AttemptOutcome::SoldOut };
            attempts.push((format!("buyer-{}", 40 + second * 7 + number), outcome));
        }
        let attempts: Vec<_> =
            attempts.iter().map(|(buyer, outcome)| (buyer.as_str(), *outcome)).collect();
        demand(log, lamp, second, &attempts);
    }
    for number in 0..4 {
        let at = OPENS_AT + 4_000 + number * 2_000;
        let order = log.place(sofa, &format!("sofa-{number}"), "", &[("north", 1)], at);
        log.pay(&order, "paid", at + 5_000);
    }
    log.expire(&unpaid.unwrap(), OPENS_AT + 61_180);
    let late = log.place(lamp, "buyer-99", "app", &[("north", 1)], OPENS_AT + 62_000);
    demand(log, lamp, 62, &[("buyer-99", AttemptOutcome::Placed)]);
    log.pay(&late, "paid", OPENS_AT + 70_000);
}

/// Adds the attempts of one second to a log.
pub fn demand(log: &mut Log, item: ItemId, second: i64, attempts: &[(&str, AttemptOutcome)]) {
    let mut outcomes: BTreeMap<AttemptOutcome, u32> = BTreeMap::new();
    let mut packed = Vec::new();
    for (place, (buyer, outcome)) in attempts.iter().enumerate() {
        *outcomes.entry(*outcome).or_default() += 1;
        packed.push(PackedAttempt {
            arrival_ms: u16::try_from(place).unwrap() * 10,
            units: 1,
            outcome: *outcome,
            buyer_hash: shopper_hash(buyer),
        });
    }
    let tick = DemandTick {
        second: OPENS_AT / 1_000 + second,
        attempts: u32::try_from(attempts.len()).unwrap(),
        outcomes,
        channels: BTreeMap::new(),
        packed: pack(&packed),
    };
    log.push(StreamName::demand(item), tick);
}

/// A hundred visitors in the five minutes before the opening; every fourth uses the cart.
fn traffic(log: &mut Log) {
    let from = OPENS_AT - 300_000;
    let mut beacons = Vec::new();
    for number in 0..100_u16 {
        let beacon = |action, after_ms| PackedBeacon {
            id: Uuid::from_u128(u128::from(number) * 10 + u128::from(action as u8) + 1),
            after_ms,
            action,
            visitor: number + 1,
            item: 0,
            channel: number % 4,
            page: 0,
            shopper: number % 3,
        };
        let after = u32::from(number) * 2_900;
        beacons.push(beacon(TrafficAction::View, after));
        if number % 4 == 0 {
            beacons.push(beacon(TrafficAction::Cart, after + 400));
        }
    }
    let shopper = |age_band, gender, region: &str| ShopperAttributes {
        age_band: Some(age_band),
        gender: Some(gender),
        region: region.to_owned(),
        spending_tier: None,
    };
    let recorded = TrafficRecorded {
        recording: None,
        sale_id: None,
        from_ms: UnixMs(from),
        beacons: u32::try_from(beacons.len()).unwrap(),
        visitors: (0..100).map(|number| format!("buyer-{number}")).collect(),
        items: Vec::new(),
        channels: vec!["app".to_owned(), "live".to_owned(), HOSTILE.to_owned()],
        pages: Vec::new(),
        shoppers: vec![
            shopper(AgeBand::ALL[1], Gender::ALL[0], "浙江"),
            shopper(AgeBand::ALL[2], Gender::ALL[1], HOSTILE),
        ],
        packed: pack_beacons(&beacons),
    };
    log.push(StreamName::traffic(sale_id()), recorded);
}
