//! Goal: read models are what the log says, whatever happens on the way to them.
//!
//! Method: hand-made logs, folded by the real projections into real files. One scripted sale has
//! every kind of event and known figures; one long random-looking sale is folded in pages of
//! different sizes, with restarts and torn files in between, and compared by digest.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "fold/after_payment.rs"]
mod after_payment;
#[path = "fold/bi.rs"]
mod bi;
#[path = "fold/bounds.rs"]
mod bounds;
#[path = "fold/exports.rs"]
mod exports;
#[path = "fold/found.rs"]
mod found;
#[path = "fold/log.rs"]
pub mod log;
#[path = "fold/questions.rs"]
mod questions;
#[path = "fold/readers.rs"]
mod readers;
#[path = "fold/rebuilds.rs"]
mod rebuilds;
#[path = "fold/refunds.rs"]
mod refunds;
#[path = "fold/steered.rs"]
mod steered;

use std::{collections::BTreeSet, fs, path::Path};

use doorbuster::{
    events::{Event, ItemEvent, OrderEvent, Position, Recorded},
    projections::{ApplyError, Projection, ProjectionError, ReadModel, all, view_path},
};
use log::{Log, busy_sale, cells, scripted_sale};
use rusqlite::Transaction;
use tempfile::tempdir;

/// Applies a log to a read model in pages.
fn feed(model: &mut ReadModel, log: &[(Recorded, Event)], page: usize) {
    for page in log.chunks(page) {
        model.apply_page(page).unwrap();
    }
}

/// Folds a log into all read models of a directory.
pub fn fold_all(data: &Path, log: &[(Recorded, Event)]) {
    for projection in all() {
        feed(&mut ReadModel::open(data, projection).unwrap(), log, 1000);
    }
}

fn named(name: &str) -> Box<dyn Projection> {
    all().into_iter().find(|projection| projection.name() == name).unwrap()
}

#[test]
fn stock_levels_follow_every_unit_through_two_warehouses() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let levels = cells(
        &view_path(data.path(), "stock"),
        "SELECT i.sku, w.warehouse, w.allocated_units, w.available_units, w.held_units, w.sold_units
         FROM items i JOIN warehouses w ON w.item = i.number ORDER BY i.number, w.place",
    );
    let lamp = ["lamp|north|3|0|2|1", "lamp|south|2|0|2|0"];
    assert_eq!(levels, [lamp[0], lamp[1], "sofa|north|7|7|0|0", "sofa|south|2|2|0|0"]);
}

#[test]
fn orders_end_as_their_last_event_says() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let orders = cells(
        &view_path(data.path(), "orders"),
        "SELECT buyer, state, units, warehouse, split, channel, placed_at_ms, settled_at_ms,
         payment_reference FROM orders ORDER BY key",
    );
    let split = r#"[{"warehouse":"north","units":2},{"warehouse":"south","units":1}]"#;
    let later = r#"[{"warehouse":"north","units":2},{"warehouse":"south","units":2}]"#;
    assert_eq!(
        orders,
        [
            "ann|2|1|north||app|1000100|1001200|pay-ann".to_owned(),
            format!("bob|3|3||{split}||1000200|1002300|"),
            "cat|4|1|south||web|1000900|1003000|".to_owned(),
            format!("dan|1|4||{later}||1004000||"),
        ]
    );
}

#[test]
fn sales_figures_add_up_orders_units_and_money() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let figures = cells(
        &view_path(data.path(), "sales"),
        "SELECT sku, allocated_units, available_units, orders_placed, orders_paid,
         orders_cancelled, orders_expired, units_placed, units_sold, revenue_minor,
         refunds_due_minor, sold_out_at_ms FROM items ORDER BY number",
    );
    assert_eq!(figures, ["lamp|5|0|4|1|1|1|9|1|500|500|1004000", "sofa|9|9|0|0|0|0|0|0|0|0|"]);
}

#[test]
fn the_moment_of_selling_out_goes_when_units_come_back_and_comes_again() {
    let data = tempdir().unwrap();
    let mut model = ReadModel::open(data.path(), named("sales")).unwrap();
    let mut moments = Vec::new();
    for event in &scripted_sale().events {
        model.apply_page(std::slice::from_ref(event)).unwrap();
        let moment = cells(
            &view_path(data.path(), "sales"),
            "SELECT coalesce(sold_out_at_ms, 'no') FROM items WHERE sku = 'lamp'",
        );
        moments.extend(moment);
    }
    moments.dedup();
    assert_eq!(moments, ["no", "1000900", "no", "1004000"]);
}

#[test]
fn a_second_told_in_parts_is_added_up_and_orders_count_by_their_own_time() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let seconds = cells(
        &view_path(data.path(), "timeline"),
        "SELECT second, attempts, orders_placed, units_placed, orders_paid, units_paid,
         orders_cancelled, orders_expired, units_released, repeats, refused_sold_out,
         refused_not_enough_units, refused_over_buyer_limit, units_allocated
         FROM seconds ORDER BY item, second",
    );
    assert_eq!(
        seconds,
        [
            "990|0|0|0|0|0|0|0|0|0|0|0|0|5",
            "1000|11|3|5|0|0|0|0|0|1|5|2|0|0",
            "1001|0|0|0|1|1|0|0|0|0|0|0|0|0",
            "1002|0|0|0|0|0|1|0|3|0|0|0|0|0",
            "1003|0|0|0|0|0|0|1|1|0|0|0|0|0",
            "1004|0|1|4|0|0|0|0|0|0|0|0|0|0",
            // The sofa, which has no orders.
            "990|0|0|0|0|0|0|0|0|0|0|0|0|7",
            "1007|0|0|0|0|0|0|0|0|0|0|0|0|2",
        ]
    );
}

#[test]
fn the_catalog_follows_what_operators_do() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let path = view_path(data.path(), "catalog");
    let sales = cells(&path, "SELECT name, currency, items, closed_at_ms FROM sales");
    assert_eq!(sales, ["Autumn|EUR|2|1009000"]);
    let items = cells(
        &path,
        "SELECT sku, opens_at_ms, closes_at_ms, limit_per_buyer, limit_per_order, paused,
         closed_at_ms FROM items ORDER BY number",
    );
    assert_eq!(items, ["lamp|999000|2000000|5|4|0|", "sofa|999000|2500000||2|1|1008000"]);
}

#[test]
fn page_sizes_and_restarts_leave_no_trace_in_the_rows() {
    let log = busy_sale(2_500);
    for projection in all() {
        let name = projection.name();
        let data = tempdir().unwrap();
        let mut straight = ReadModel::open(data.path(), projection).unwrap();
        feed(&mut straight, &log.events, log.events.len());
        let expected = straight.digest().unwrap();
        for page in [1, 7, 1000] {
            let data = tempdir().unwrap();
            // Restarts at odd places, so that they fall between any two events of interest.
            for part in log.events.chunks(613) {
                let mut model = ReadModel::open(data.path(), named(name)).unwrap();
                feed(&mut model, part, page);
            }
            let model = ReadModel::open(data.path(), named(name)).unwrap();
            assert_eq!(model.checkpoint(), straight.checkpoint(), "{name}, pages of {page}");
            assert_eq!(model.digest().unwrap(), expected, "{name}, pages of {page}");
        }
    }
}

#[test]
fn two_logs_that_differ_in_one_unit_give_two_digests() {
    let log = busy_sale(50);
    let mut other = log.events.clone();
    let last = other.iter_mut().rev().find_map(|(_, event)| match event {
        Event::Item(ItemEvent::Order(OrderEvent::Placed(placed))) => Some(placed),
        _ => None,
    });
    last.unwrap().buyer.push('x');
    let digests = [&log.events, &other].map(|log| {
        let data = tempdir().unwrap();
        let mut model = ReadModel::open(data.path(), named("orders")).unwrap();
        feed(&mut model, log, 10);
        model.digest().unwrap()
    });
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn events_that_come_again_are_not_applied_again() {
    let log = busy_sale(300);
    for projection in all() {
        let name = projection.name();
        let data = tempdir().unwrap();
        let mut straight = ReadModel::open(data.path(), projection).unwrap();
        feed(&mut straight, &log.events, 50);
        let data = tempdir().unwrap();
        let mut model = ReadModel::open(data.path(), named(name)).unwrap();
        for (number, page) in log.events.chunks(50).enumerate() {
            model.apply_page(page).unwrap();
            model.apply_page(page).unwrap();
            // A page that overlaps the ones before.
            model.apply_page(&log.events[..number * 50 + 20]).unwrap();
        }
        assert_eq!(model.digest().unwrap(), straight.digest().unwrap(), "{name}");
    }
}

#[test]
fn a_skipped_event_of_any_stream_stops_every_read_model() {
    let log = scripted_sale();
    for projection in all() {
        let name = projection.name();
        let data = tempdir().unwrap();
        let mut model = ReadModel::open(data.path(), projection).unwrap();
        for skipped in 0..log.events.len() {
            let (recorded, _) = &log.events[skipped];
            let later = log.events[skipped + 1..].iter().find(|e| e.0.stream == recorded.stream);
            if let Some((next, _)) = later {
                let mut page = log.events.clone();
                page.remove(skipped);
                let (before, digest) = (model.checkpoint(), model.digest().unwrap());
                match model.apply_page(&page[skipped.saturating_sub(1)..]) {
                    Err(ProjectionError::Gap { position, expected, found, .. }) => {
                        assert_eq!(position, next.position, "{name}");
                        assert_eq!((expected, found), (recorded.revision, next.revision));
                    }
                    // The item's first event is missed before the gap is.
                    Err(ProjectionError::Impossible { .. }) => {
                        assert!(recorded.revision == 0, "{name}");
                    }
                    other => panic!("{name} went on without event {skipped}: {other:?}"),
                }
                assert_eq!(model.checkpoint(), before, "{name}");
                assert_eq!(model.digest().unwrap(), digest, "{name}");
            }
            model.apply_page(&log.events[..=skipped]).unwrap();
        }
    }
}

/// Stops at one position, once: stands for whatever can go wrong in the middle of a page.
struct Stumbling {
    inner: Box<dyn Projection>,
    at: Option<Position>,
}

impl Projection for Stumbling {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn version(&self) -> i64 {
        self.inner.version()
    }

    fn schema(&self) -> &'static str {
        self.inner.schema()
    }

    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        if self.at == Some(recorded.position) {
            self.at = None;
            return Err(ApplyError::Impossible("stumbled".to_owned()));
        }
        self.inner.apply(rows, recorded, fact)
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        self.inner.flush(rows)
    }

    fn forget(&mut self) {
        self.inner.forget();
    }
}

#[test]
fn a_page_that_fails_in_the_middle_leaves_nothing_behind_on_disk_or_in_memory() {
    let log = busy_sale(300);
    for projection in all() {
        let name = projection.name();
        let data = tempdir().unwrap();
        let mut straight = ReadModel::open(data.path(), projection).unwrap();
        feed(&mut straight, &log.events, 100);
        let data = tempdir().unwrap();
        let at = Some(log.events[170].0.position);
        let stumbling = Box::new(Stumbling { inner: named(name), at });
        let mut model = ReadModel::open(data.path(), stumbling).unwrap();
        model.apply_page(&log.events[..100]).unwrap();
        let (checkpoint, digest) = (model.checkpoint(), model.digest().unwrap());
        model.apply_page(&log.events[100..200]).unwrap_err();
        assert_eq!((model.checkpoint(), model.digest().unwrap()), (checkpoint, digest), "{name}");
        feed(&mut model, &log.events[100..], 100);
        assert_eq!(model.digest().unwrap(), straight.digest().unwrap(), "{name}");
    }
}

#[test]
fn a_file_torn_anywhere_still_has_the_rows_of_its_checkpoint() {
    let log = busy_sale(120);
    let whole = tempdir().unwrap();
    let mut straight = ReadModel::open(whole.path(), named("orders")).unwrap();
    let mut digests = vec![(straight.checkpoint(), straight.digest().unwrap())];
    for page in log.events.chunks(20) {
        straight.apply_page(page).unwrap();
        digests.push((straight.checkpoint(), straight.digest().unwrap()));
    }
    // What a kill leaves behind is the file and some prefix of its write-ahead log.
    let path = view_path(whole.path(), "orders");
    let wal = fs::read(path.with_extension("db-wal")).unwrap();
    let mut seen = BTreeSet::new();
    for cut in (0..=wal.len()).rev().step_by(3_001) {
        let torn = tempdir().unwrap();
        let copy = view_path(torn.path(), "orders");
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&path, &copy).unwrap();
        fs::write(copy.with_extension("db-wal"), &wal[..cut]).unwrap();
        let mut model = ReadModel::open(torn.path(), named("orders")).unwrap();
        let found = (model.checkpoint(), model.digest().unwrap());
        assert!(digests.contains(&found), "cut at {cut}: {:?}", found.0);
        seen.insert(found.0.position);
        feed(&mut model, &log.events, 20);
        assert_eq!(model.digest().unwrap(), straight.digest().unwrap(), "cut at {cut}");
    }
    assert!(seen.len() > 3, "the cuts must fall between pages: {seen:?}");
}

#[test]
fn an_order_settled_twice_stops_the_orders_and_the_stock() {
    let mut log = scripted_sale();
    let expired = log.events.iter().find_map(|(recorded, event)| match event {
        Event::Item(event @ ItemEvent::Order(OrderEvent::Expired(_))) => {
            Some((recorded.stream, event.clone()))
        }
        _ => None,
    });
    let (stream, event) = expired.unwrap();
    // Twice more, so that even units held for others do not cover it.
    let first = log.push(stream, event.clone());
    for _ in 0..4 {
        log.push(stream, event.clone());
    }
    for name in ["orders", "stock"] {
        let data = tempdir().unwrap();
        let mut model = ReadModel::open(data.path(), named(name)).unwrap();
        let error = model.apply_page(&log.events).unwrap_err();
        assert!(matches!(error, ProjectionError::Impossible { .. }), "{name}: {error}");
    }
    assert!(first > 0);
}

/// The same projection after a manual change of its rows.
struct Renewed(Box<dyn Projection>);

impl Projection for Renewed {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> i64 {
        self.0.version() + 1
    }

    fn schema(&self) -> &'static str {
        self.0.schema()
    }

    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        self.0.apply(rows, recorded, fact)
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        self.0.flush(rows)
    }
}

#[test]
fn a_new_version_starts_from_zero() {
    let data = tempdir().unwrap();
    let log = scripted_sale();
    fold_all(data.path(), &log.events);
    for projection in all() {
        let name = projection.name();
        let mut model = ReadModel::open(data.path(), Box::new(Renewed(projection))).unwrap();
        assert_eq!(model.checkpoint().position, Position::START, "{name}");
        feed(&mut model, &log.events, 10);
        let end = model.checkpoint();
        drop(model);
        let model = ReadModel::open(data.path(), Box::new(Renewed(named(name)))).unwrap();
        assert_eq!(model.checkpoint(), end, "{name}: only the change of version drops the file");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_dropped_and_built_again() {
    let log = scripted_sale();
    for garbage in [&b"no database at all, but long enough to look into: "[..], b"", b"\0"] {
        let data = tempdir().unwrap();
        fold_all(data.path(), &log.events);
        let path = view_path(data.path(), "stock");
        let expected = ReadModel::open(data.path(), named("stock")).unwrap().digest().unwrap();
        fs::write(&path, garbage.repeat(100)).unwrap();
        let mut model = ReadModel::open(data.path(), named("stock")).unwrap();
        assert_eq!(model.checkpoint().position, Position::START);
        feed(&mut model, &log.events, 3);
        assert_eq!(model.digest().unwrap(), expected);
    }
}

#[test]
fn a_tick_read_before_its_item_counts_once_the_item_is_there() {
    let mut log = Log::default();
    let (sale, item) = log::scripted_ids();
    log.push(doorbuster::events::StreamName::demand(item), log::tick(1000, &[]));
    log.add_item(sale, item, "lamp");
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let query = "SELECT count(*) FROM items WHERE sale_id IS NOT NULL";
    assert_eq!(cells(&view_path(data.path(), "timeline"), query), ["1"]);
}
