//! An hour of recorded traffic, counted again with plain sets.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
};

use doorbuster::{
    crowd::traffic::{Action, Row, TrafficReader},
    events::{StreamName, TrafficAction, TrafficItem},
    reports::{
        FunnelFigures, FunnelGrouping, FunnelQuery, Paging, PathsQuery, Reports, TrafficGrouping,
        TrafficQuery,
    },
    values::SaleId,
};
use tempfile::tempdir;
use uuid::Uuid;

use super::{asked, batch, beacon};
use crate::{fold::log::Log, support::not_verified};

const HOUR: &str = "../shared/data/taobao-2017-11-26-first-hour.csv.gz";

fn hour() -> Option<Vec<Row>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join(HOUR);
    let path = std::env::var_os("DOORBUSTER_RECORDED_HOUR").map_or(beside, PathBuf::from);
    if !path.exists() {
        not_verified("journeys over recorded traffic: there is no recording");
        return None;
    }
    Some(TrafficReader::open(&path).unwrap().map(Result::unwrap).collect())
}

fn log_of(rows: &[Row]) -> Log {
    let recording = SaleId(Uuid::from_u128(0x7a0));
    let mut log = Log::default();
    for rows in rows.chunks(2_000) {
        let beacons = rows.iter().map(|row| {
            let action = match row.action {
                Action::View => TrafficAction::View,
                Action::Favourite => TrafficAction::Favourite,
                Action::Cart => TrafficAction::Cart,
                Action::Buy => TrafficAction::Buy,
            };
            let mut made = beacon(row.at_seconds * 1_000, action, &row.user.to_string());
            made.item = Some(TrafficItem {
                item_id: recording.item_id(&row.item.to_string()),
                sku: row.item.to_string(),
                category: row.category.to_string(),
            });
            made
        });
        log.push(StreamName::traffic(recording), batch(None, &beacons.collect::<Vec<_>>()));
    }
    log
}

/// Totals as seven numbers, counted another way: pv, fav, cart, buy, uv, buyers, and steps.
fn counted<'a>(rows: impl Iterator<Item = &'a Row>, window: i64) -> ([u64; 6], [i64; 5]) {
    let mut totals = [0; 6];
    let mut of_users: HashMap<u64, Vec<(i64, u8)>> = HashMap::new();
    let mut buyers = HashSet::new();
    for row in rows {
        let (place, rank) = match row.action {
            Action::View => (0, 0),
            Action::Favourite => (1, 1),
            Action::Cart => (2, 2),
            Action::Buy => (3, 3),
        };
        totals[place] += 1;
        of_users.entry(row.user).or_default().push((row.at_seconds, rank));
        if row.action == Action::Buy {
            buyers.insert(row.user);
        }
    }
    totals[4] = of_users.len() as u64;
    totals[5] = buyers.len() as u64;
    let mut steps = [0; 5];
    for touches in of_users.values() {
        // Every view, every cart, every purchase: all chains there are.
        let at = |rank: u8| touches.iter().filter(move |(_, r)| *r == rank).map(|(at, _)| *at);
        let viewed = at(0).next().is_some();
        let fits = |from: i64, to: i64| to >= from && to - from <= window;
        let carted = at(0).any(|view| at(2).any(|cart| fits(view, cart)));
        let bought = at(0).any(|view| {
            at(2).any(|cart| fits(view, cart) && at(3).any(|buy| buy >= cart && fits(view, buy)))
        });
        for (step, reached) in steps.iter_mut().zip([viewed, carted, bought, bought, bought]) {
            *step += i64::from(reached);
        }
    }
    (totals, steps)
}

fn said(figures: &FunnelFigures) -> ([u64; 6], [i64; 5]) {
    let t = figures.totals;
    let totals = [t.pv, t.fav, t.cart, t.buy, t.uv, t.buyers];
    (totals.map(|count| u64::try_from(count).unwrap()), figures.steps)
}

fn groups(reports: &Reports, by: FunnelGrouping) -> BTreeMap<String, ([u64; 6], [i64; 5])> {
    let mut groups = BTreeMap::new();
    let mut paging = Paging { page_size: 7_000, ..Paging::default() };
    loop {
        let query = FunnelQuery { sale_id: None, window_ms: None, by, paging: paging.clone() };
        let found = reports.funnel(&query).unwrap();
        for group in found.groups {
            assert!(groups.insert(group.name, said(&group.figures)).is_none());
        }
        if found.next_page_token.is_empty() {
            return groups;
        }
        paging.page_token = found.next_page_token;
    }
}

#[test]
fn the_recorded_hour_has_the_figures_that_plain_sets_count() {
    let Some(rows) = hour() else { return };
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &log_of(&rows));
    let funnel = |window_ms| {
        let (by, paging) = (FunnelGrouping::None, Paging::default());
        reports.funnel(&FunnelQuery { sale_id: None, window_ms, by, paging }).unwrap()
    };
    let found = funnel(None);
    assert_eq!(said(&found.total), counted(rows.iter(), 86_400));
    assert_eq!(said(&found.total).0, [41_890, 1_474, 2_539, 992, 30_837, 964]);
    for seconds in [1, 60, 600] {
        let found = funnel(Some(seconds * 1_000));
        assert_eq!(said(&found.total), counted(rows.iter(), seconds), "{seconds} s");
    }
    for (by, key) in [
        (FunnelGrouping::Category, (|row| row.category) as fn(&Row) -> u64),
        (FunnelGrouping::Item, |row| row.item),
    ] {
        let mut expected: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            expected.entry(key(row)).or_default().push(row);
        }
        let expected: BTreeMap<String, _> = expected
            .into_iter()
            .map(|(key, rows)| (key.to_string(), counted(rows.into_iter(), 86_400)))
            .collect();
        assert_eq!(groups(&reports, by), expected);
    }
    traffic_of_the_hour(&reports, &rows);
    paths_of_the_hour(&reports, &rows);
}

fn traffic_of_the_hour(reports: &Reports, rows: &[Row]) {
    for (by, key) in [
        (TrafficGrouping::Minute, (|row| row.at_seconds / 60) as fn(&Row) -> i64),
        (TrafficGrouping::Item, |row| i64::try_from(row.item).unwrap()),
    ] {
        let mut expected: BTreeMap<i64, (i64, BTreeSet<u64>)> = BTreeMap::new();
        for row in rows {
            let (views, visitors) = expected.entry(key(row)).or_default();
            *views += i64::from(row.action == Action::View);
            visitors.insert(row.user);
        }
        let mut found = BTreeMap::new();
        let mut paging = Paging { page_size: 10_000, ..Paging::default() };
        loop {
            let query =
                TrafficQuery { sale_id: None, by, from: None, until: None, paging: paging.clone() };
            let page = reports.traffic(&query).unwrap();
            for row in page.rows {
                let key = match row.minute {
                    Some(minute) => minute.0 / 60_000,
                    None => row.name.parse().unwrap(),
                };
                found.insert(key, (row.figures.views, row.figures.visitors));
            }
            if page.next_page_token.is_empty() {
                break;
            }
            paging.page_token = page.next_page_token;
        }
        let expected: BTreeMap<i64, (i64, i64)> = expected
            .into_iter()
            .map(|(key, (views, visitors))| (key, (views, visitors.len() as i64)))
            .collect();
        assert_eq!(found, expected);
    }
}

fn paths_of_the_hour(reports: &Reports, rows: &[Row]) {
    let mut of_users: BTreeMap<u64, Vec<(i64, &str, u8)>> = BTreeMap::new();
    for row in rows {
        let (name, rank) = match row.action {
            Action::View => ("view", 0),
            Action::Favourite => ("favourite", 1),
            Action::Cart => ("cart", 2),
            Action::Buy => ("buy", 3),
        };
        of_users.entry(row.user).or_default().push((row.at_seconds, name, rank));
    }
    let mut expected: HashMap<Vec<&str>, i64> = HashMap::new();
    for touches in of_users.values_mut() {
        touches.sort_by_key(|(at, _, rank)| (*at, *rank));
        let mut path: Vec<&str> = touches.iter().map(|(_, name, _)| *name).collect();
        path.dedup();
        path.truncate(8);
        *expected.entry(path).or_default() += 1;
    }
    let paging = Paging { page_size: 1_000, ..Paging::default() };
    let found = reports.paths(&PathsQuery { paging, ..PathsQuery::default() }).unwrap();
    assert_eq!((found.shoppers, found.distinct_paths), (30_837, expected.len() as i64));
    let found: HashMap<Vec<&str>, i64> = found
        .rows
        .iter()
        .map(|row| (row.steps.iter().map(|step| step.name()).collect(), row.shoppers))
        .collect();
    assert_eq!(found, expected);
}
