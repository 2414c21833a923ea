//! The pure parts: packing beacons into events, and knowing which came before.

use std::collections::{HashMap, HashSet};

use doorbuster::{
    domain::{
        beacon::Beacon,
        seen::{Arrival, FUTURE_MS_MAX, PAST_MS_MAX, SeenBeacons},
        traffic::TrafficBatch,
    },
    events::{BEACONS_PER_EVENT_MAX, Stored, TrafficAction, TrafficItem},
    values::{ItemId, ShopperAttributes, UnixMs},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

const NOW: UnixMs = UnixMs(1_794_355_200_000);

fn beacon(number: u128, at: UnixMs) -> Beacon {
    Beacon {
        id: Uuid::from_u128(number + 1),
        at,
        action: TrafficAction::View,
        visitor: format!("visitor-{number}"),
        item: None,
        channel: String::new(),
        page: String::new(),
        shopper: ShopperAttributes::default(),
    }
}

#[test]
fn a_batch_holds_each_text_once_and_gives_back_what_was_put_in() {
    let item = TrafficItem {
        item_id: ItemId(Uuid::from_u128(9)),
        sku: "S \"1\"".to_owned(),
        category: "shoes".to_owned(),
    };
    let shopper = ShopperAttributes { region: "east".to_owned(), ..Default::default() };
    let beacons: Vec<Beacon> = (0..100)
        .map(|number| Beacon {
            visitor: format!("visitor-{}", number % 7),
            channel: if number % 2 == 0 { "app".to_owned() } else { String::new() },
            page: "/".to_owned(),
            item: (number % 3 == 0).then(|| item.clone()),
            shopper: if number % 5 == 0 { shopper.clone() } else { Default::default() },
            action: TrafficAction::ALL[usize::try_from(number % 5).unwrap()],
            ..beacon(number, NOW.plus(i64::try_from(number).unwrap() * 13 % 50))
        })
        .collect();
    let mut batch = TrafficBatch::live();
    for beacon in &beacons {
        assert_eq!(batch.add(beacon.clone()), None);
    }
    let event = batch.take().unwrap();
    assert!(batch.take().is_none(), "it is empty now");
    assert_eq!((event.visitors.len(), event.items.len(), event.channels.len()), (7, 1, 1));
    assert_eq!((event.pages.len(), event.shoppers.len(), event.from_ms), (1, 1, NOW));
    let row = |number: u16| usize::from(number).checked_sub(1);
    for (packed, was) in event.unpack_beacons().unwrap().iter().zip(&beacons) {
        let found = Beacon {
            id: packed.id,
            at: event.from_ms.plus(packed.after_ms.into()),
            action: packed.action,
            visitor: event.visitors[row(packed.visitor).unwrap()].clone(),
            item: row(packed.item).map(|row| event.items[row].clone()),
            channel: row(packed.channel).map(|row| event.channels[row].clone()).unwrap_or_default(),
            page: row(packed.page).map(|row| event.pages[row].clone()).unwrap_or_default(),
            shopper: row(packed.shopper).map(|row| event.shoppers[row].clone()).unwrap_or_default(),
        };
        assert_eq!(found, *was);
    }
}

#[test]
fn a_batch_is_full_by_beacons_by_bytes_and_by_time() {
    let mut batch = TrafficBatch::live();
    let mut taken = 0;
    while batch.add(beacon(taken, NOW)).is_none() {
        taken += 1;
    }
    assert_eq!(usize::try_from(taken).unwrap(), BEACONS_PER_EVENT_MAX);

    // Giant texts, all different, and quotes that grow in JSON.
    let mut batch = TrafficBatch::live();
    let mut taken = 0;
    let giant = |number: u128| Beacon {
        page: format!("{number}{}", "\"".repeat(250)),
        channel: format!("{number}{}", "永".repeat(60)),
        ..beacon(number, NOW)
    };
    while batch.add(giant(taken)).is_none() {
        taken += 1;
    }
    assert!(taken > 100, "{taken}");
    let bytes = batch.take().unwrap().json().len();
    assert!((200_000..300_000).contains(&bytes), "{bytes} bytes after {taken} beacons");

    let mut batch = TrafficBatch::live();
    assert_eq!(batch.add(beacon(1, NOW)), None);
    assert_eq!(batch.add(beacon(2, NOW.plus(i64::from(u32::MAX)))), None);
    assert!(batch.add(beacon(3, NOW.plus(-1))).is_some());
    assert_eq!(batch.len(), 2);
}

#[test]
fn an_id_counts_once_and_what_is_too_old_or_ahead_is_refused() {
    let mut seen = SeenBeacons::new(1_000);
    let id = Uuid::from_u128(1);
    assert_eq!(seen.arrives(id, NOW, NOW), Arrival::First);
    assert_eq!(seen.arrives(id, NOW, NOW), Arrival::Again);
    assert_eq!(seen.arrives(id, NOW, NOW.plus(PAST_MS_MAX)), Arrival::Again);
    assert_eq!(seen.arrives(id, NOW, NOW.plus(PAST_MS_MAX + 1)), Arrival::OutOfRange);
    let other = Uuid::from_u128(2);
    assert_eq!(seen.arrives(other, NOW.plus(FUTURE_MS_MAX + 1), NOW), Arrival::OutOfRange);
    assert_eq!(seen.arrives(other, NOW.plus(-PAST_MS_MAX - 1), NOW), Arrival::OutOfRange);
    let future = NOW.plus(FUTURE_MS_MAX);
    assert_eq!(seen.arrives(other, future, NOW), Arrival::First);
    let later = NOW.plus(PAST_MS_MAX + FUTURE_MS_MAX);
    assert_eq!(seen.arrives(other, future, later), Arrival::Again, "known as long as it may come");
}

#[test]
fn however_many_ids_come_none_counts_twice() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut seen = SeenBeacons::new(200);
        let mut times: HashMap<Uuid, UnixMs> = HashMap::new();
        let mut counted = HashSet::new();
        let (mut now, mut accepted) = (NOW, 0);
        for step in 0..20_000 {
            now = now.plus(random.random_range(0..400));
            // A beacon keeps its time; every third is one of the last 400 that came before.
            let old = step > 0 && random.random_bool(0.33);
            let back = if old { random.random_range(0..400_u128) } else { 0 };
            let id = Uuid::from_u128(u128::try_from(step).unwrap().saturating_sub(back) + 1);
            let ago = random.random_range(-50_000..=700_000);
            let at = *times.entry(id).or_insert_with(|| now.plus(-ago));
            if seen.arrives(id, at, now) == Arrival::First {
                accepted += 1;
                assert!(counted.insert(id), "seed {seed}: {id} counts twice");
            }
        }
        assert!(accepted > 1_000, "seed {seed}: {accepted} were accepted");
    }
}

#[test]
fn ids_of_the_log_that_find_no_room_push_out_older_ones_and_none_counts_twice() {
    for backwards in [false, true] {
        let mut seen = SeenBeacons::new(8);
        let mut order: Vec<u16> = (0..20).collect();
        if backwards {
            order.reverse();
        }
        // Each was a minute ahead when it arrived.
        let at = |n: u16| NOW.plus(i64::from(n) * 1_000 + FUTURE_MS_MAX);
        for n in order {
            let arrived = at(n).plus(-FUTURE_MS_MAX);
            seen.remember(Uuid::from_u128(u128::from(n) + 1), at(n), arrived);
        }
        let now = at(19);
        let again = |n: u16| Uuid::from_u128(u128::from(n) + 1);
        let told: Vec<_> = (0..20).map(|n| seen.arrives(again(n), at(n), now)).collect();
        assert!(!told.contains(&Arrival::First), "{told:?}");
        assert_eq!(told[16..], [Arrival::Again; 4], "the newest are known: {told:?}");
    }
}
