//! Visitors are counted exactly, whatever the sizes and the pages.

use std::collections::{BTreeMap, HashSet};

use doorbuster::{
    events::{StreamName, TrafficAction},
    reports::{Paging, Reports, TrafficGrouping, TrafficQuery},
    values::SaleId,
};
use proptest::prelude::*;
use tempfile::tempdir;
use uuid::Uuid;

use super::{Beacon, batch, beacon, feed, open};
use crate::fold::log::Log;

fn sale(number: usize) -> SaleId {
    SaleId(Uuid::from_u128(0x77 + number as u128))
}

fn traffic(reports: &Reports, sale_id: Option<SaleId>, by: TrafficGrouping) -> Vec<(String, i64)> {
    let paging = Paging { page_size: 10_000, ..Paging::default() };
    let query = TrafficQuery { sale_id, by, from: None, until: None, paging };
    let found = reports.traffic(&query).unwrap();
    let rows = found.rows.into_iter().map(|row| {
        let name = row.minute.map_or(row.name, |minute| (minute.0 / 60_000).to_string());
        (name, row.figures.visitors)
    });
    let mut rows: Vec<_> = rows.collect();
    rows.push(("all".to_owned(), found.total.visitors));
    rows.sort();
    rows
}

/// The same with plain sets.
fn counted(
    visits: &[(usize, Beacon)],
    of: impl Fn(usize) -> bool,
    key: impl Fn(&Beacon) -> String,
) -> Vec<(String, i64)> {
    let mut sets: BTreeMap<String, HashSet<&str>> = BTreeMap::new();
    sets.entry("all".to_owned()).or_default();
    for (_, beacon) in visits.iter().filter(|(sale, _)| of(*sale)) {
        sets.entry("all".to_owned()).or_default().insert(&beacon.visitor);
        sets.entry(key(beacon)).or_default().insert(&beacon.visitor);
    }
    sets.into_iter().map(|(name, set)| (name, set.len() as i64)).collect()
}

fn channel(beacon: &Beacon) -> String {
    if beacon.channel.is_empty() { "(direct)".to_owned() } else { beacon.channel.clone() }
}

fn minute(beacon: &Beacon) -> String {
    (beacon.at_ms / 60_000).to_string()
}

fn written(visits: &[(usize, Beacon)], events: usize) -> Log {
    let mut log = Log::default();
    for chunk in visits.chunks(events) {
        for number in 0..2 {
            let of_sale = chunk.iter().filter(|(sale, _)| *sale == number);
            let beacons: Vec<Beacon> = of_sale.map(|(_, beacon)| beacon.clone()).collect();
            if !beacons.is_empty() {
                log.push(StreamName::traffic(sale(number)), batch(None, &beacons));
            }
        }
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn visitors_by_channel_and_minute_are_those_of_plain_sets(
        visits in prop::collection::vec((0_usize..2, 0_i64..4, 0_u32..40, 0_usize..4), 1..300),
        events in 1_usize..50,
        page in 1_usize..20,
    ) {
        let visits: Vec<(usize, Beacon)> = visits
            .into_iter()
            .map(|(sale, minute, visitor, channel)| {
                let visitor = format!("v{visitor}");
                let made = beacon(minute * 60_000 + 7, TrafficAction::View, &visitor);
                (sale, made.by(["", "app", "web", "mail"][channel]))
            })
            .collect();
        let data = tempdir().unwrap();
        feed(data.path(), &written(&visits, events).events, page);
        let reports = Reports::open(data.path());
        for number in 0..2 {
            if !visits.iter().any(|(of, _)| *of == number) {
                continue;
            }
            let of = |sale: usize| sale == number;
            let asked = Some(sale(number));
            prop_assert_eq!(
                traffic(&reports, asked, TrafficGrouping::Channel), counted(&visits, of, channel)
            );
            prop_assert_eq!(
                traffic(&reports, asked, TrafficGrouping::Minute), counted(&visits, of, minute)
            );
        }
        let all = |_: usize| true;
        prop_assert_eq!(
            traffic(&reports, None, TrafficGrouping::Channel), counted(&visits, all, channel)
        );
        prop_assert_eq!(
            traffic(&reports, None, TrafficGrouping::Minute), counted(&visits, all, minute)
        );
    }
}

/// More visitors than one part of a set holds, and more in a part than a list of them would be.
#[test]
fn many_visitors_are_counted_exactly_and_pages_leave_no_trace() {
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let visits: Vec<(usize, Beacon)> = (0..200_000)
        .map(|_| {
            let visitor = format!("visitor-{}", random(120_000));
            let at = i64::try_from(random(300_000)).unwrap();
            let made = beacon(at, TrafficAction::View, &visitor);
            (0, made.by(["app", "web"][usize::try_from(random(2)).unwrap()]))
        })
        .collect();
    let log = written(&visits, 500);
    let digests = [1_000, 90, 7].map(|page| {
        let data = tempdir().unwrap();
        feed(data.path(), &log.events, page);
        let reports = Reports::open(data.path());
        for (by, key) in [
            (TrafficGrouping::Channel, channel as fn(&Beacon) -> String),
            (TrafficGrouping::Minute, minute),
        ] {
            assert_eq!(traffic(&reports, Some(sale(0)), by), counted(&visits, |_| true, key));
        }
        open(data.path()).digest().unwrap()
    });
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}
