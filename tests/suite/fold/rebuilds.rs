//! Goal: a rebuild from zero gives the same read models and never leaves less than it found.
//!
//! Method: rebuilds and comparisons over hand-made logs, with the leftovers of crashes put into the
//! directory by hand.

use std::{convert::Infallible, fs, io};

use doorbuster::{
    events::{Position, Recorded},
    projections::{ReadModel, RebuildError, all, compare, rebuild, view_path},
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::tempdir;

use super::{
    fold_all,
    log::{Log, busy_sale},
    named,
};

/// Pages of a log, as a store gives them.
fn pages(log: &Log, size: usize) -> impl FnMut(Position) -> Result<Vec<Recorded>, Infallible> {
    move |after| {
        let later = log.events.iter().map(|(recorded, _)| recorded);
        Ok(later.filter(|r| r.position > after).take(size).cloned().collect())
    }
}

fn digests(data: &std::path::Path) -> Vec<String> {
    all()
        .into_iter()
        .map(|projection| ReadModel::open(data, projection).unwrap().digest().unwrap())
        .collect()
}

fn names(data: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(data).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_rebuild_equals_what_was_in_use_and_takes_its_place() {
    let log = busy_sale(400);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let expected = digests(data.path());
    let path = view_path(data.path(), "orders");
    Connection::open(&path).unwrap().execute("DELETE FROM orders", []).unwrap();
    let mut told = Vec::new();
    let end = rebuild(data.path(), pages(&log, 97), |progress| told.push(progress)).unwrap();
    assert_eq!(end.events, log.events.len() as u64);
    assert_eq!(told.last(), Some(&end));
    assert_eq!(names(data.path()), ["views"]);
    assert_eq!(digests(data.path()), expected);
}

#[test]
fn a_rebuild_that_fails_changes_nothing() {
    let log = busy_sale(100);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let expected = digests(data.path());
    let mut pages = pages(&log, 50);
    let broken = |after: Position| match after {
        Position::START => pages(after).map_err(|never| match never {}),
        _ => Err(io::Error::other("the disk is gone")),
    };
    let error = rebuild(data.path(), broken, |_| ()).unwrap_err();
    assert!(matches!(error, RebuildError::Log(_)), "{error}");
    assert_eq!(digests(data.path()), expected);
    assert_eq!(names(data.path()), ["views"], "what was begun is removed when it is opened");
}

#[test]
fn an_event_nobody_knows_stops_a_rebuild() {
    let mut log = busy_sale(20);
    log.events.last_mut().unwrap().0.kind = "OrderTeleported".to_owned();
    let data = tempdir().unwrap();
    let error = rebuild(data.path(), pages(&log, 5), |_| ()).unwrap_err();
    assert!(error.to_string().contains("OrderTeleported"), "{error}");
}

#[test]
fn a_crash_in_the_middle_of_putting_in_place_is_finished_or_undone() {
    let log = busy_sale(100);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let expected = digests(data.path());
    let at = |name: &str| data.path().join(name);
    // Crashed while building.
    fs::create_dir(at("views.building")).unwrap();
    assert_eq!(digests(data.path()), expected);
    // Crashed after the old ones were moved away and before the new ones were moved in.
    fs::rename(at("views"), at("views.fresh")).unwrap();
    fs::create_dir(at("views.old")).unwrap();
    assert_eq!(digests(data.path()), expected);
    // Crashed before the old ones were moved away.
    fs::create_dir(at("views.fresh")).unwrap();
    fs::create_dir(at("views.comparing-1-1")).unwrap();
    assert_eq!(digests(data.path()), expected);
    assert_eq!(names(data.path()), ["views"]);
}

#[test]
fn a_comparison_finds_the_one_read_model_that_differs() {
    let log = busy_sale(200);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let verdicts = compare(data.path(), pages(&log, 64), |_| ()).unwrap();
    let names_of_all: Vec<_> = all().iter().map(|projection| projection.name()).collect();
    let equal: Vec<_> = names_of_all.iter().map(|name| (*name, true)).collect();
    assert_eq!(verdicts, equal);

    let changed = "UPDATE items SET revenue_minor = revenue_minor + 1 WHERE number = 2";
    let path = view_path(data.path(), "sales");
    assert_eq!(Connection::open(path).unwrap().execute(changed, []).unwrap(), 1);
    let verdicts = compare(data.path(), pages(&log, 64), |_| ()).unwrap();
    let differ: Vec<_> =
        verdicts.iter().filter(|(_, equal)| !equal).map(|(name, _)| *name).collect();
    assert_eq!(differ, ["sales"]);
    assert_eq!(names(data.path()), ["views"]);
}

#[test]
fn a_comparison_goes_no_further_than_each_read_model_has_come() {
    let log = busy_sale(200);
    let data = tempdir().unwrap();
    // One is behind, one has not started, one was never made.
    let mut behind = ReadModel::open(data.path(), named("orders")).unwrap();
    behind.apply_page(&log.events[..77]).unwrap();
    let _unstarted = ReadModel::open(data.path(), named("stock")).unwrap();
    let verdicts = compare(data.path(), pages(&log, 50), |_| ()).unwrap();
    assert_eq!(verdicts, [("stock", true), ("orders", true)]);
}

/// Files of a version are read as that version: they are never looked at again.
#[test]
fn the_tables_of_the_timeline_are_byte_for_byte_those_of_its_version() {
    let timeline = all().into_iter().find(|projection| projection.name() == "timeline").unwrap();
    let sum: String =
        Sha256::digest(timeline.schema()).iter().map(|b| format!("{b:02x}")).collect();
    let known = "76138681a6adaa032d448a659c9953204cc0972c8e2e9e2bebdbca5791c1d599";
    assert_eq!((timeline.version(), sum.as_str()), (6, known));
}
