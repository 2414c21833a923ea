//! Goal: recorded traffic is counted exactly or refused by line; plans keep their promises; the
//! journal notices what it is there to notice; the names that scripts read stay.
//!
//! Method: small files written by hand, plans over many seeds, answers made by hand, and one real
//! server with a small crowd and a small recording, each played to its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{collections::HashSet, fs, io::Write, path::PathBuf, sync::Arc, time::Duration};

use doorbuster::{
    app::App,
    clock::{Clock, WallClock},
    config::Config,
    crowd::{
        caller::{Caller, connect},
        driver::Crowd,
        figures::{Figures, oversold_units},
        journal::Journal,
        plan::{CrowdPlan, CrowdSize, Purpose, Repeat, request_id},
        recording::{Buy, ItemBy, Recording, StockShare},
        sale::{Offer, OnSale, PutUp, Terms, put_up},
        summary::Summary,
        traffic::{TrafficError, TrafficReader, TrafficTotals},
    },
    grpc::proto::{
        Order, PlaceOrderResponse, RecordPaymentResponse, Refusal, RefusalReason, StockLevel,
        place_order_response, record_payment_response,
    },
};
use flate2::{Compression, write::GzEncoder};
use prost_types::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

/// Five users, three of them buyers; category 7 has five purchases, category 8 one.
const ROWS: &str = "\
1,100,7,pv,1000
2,100,7,buy,1001
3,101,7,buy,1001
2,100,7,buy,1003
1,200,8,fav,1003
4,200,8,cart,1004
5,100,7,pv,1004
3,200,8,buy,1005
1,102,7,buy,1006
2,101,7,buy,1010
";

struct File {
    _dir: TempDir,
    path: PathBuf,
}

fn file(bytes: &[u8]) -> File {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("traffic");
    fs::write(&path, bytes).unwrap();
    File { _dir: dir, path }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8], item_by: ItemBy, skip: bool) -> Result<Recording, TrafficError> {
    Recording::read(&file(bytes).path, item_by, skip)
}

#[test]
fn recorded_traffic_is_counted_exactly_plain_and_gzipped() {
    let expected = TrafficTotals { pv: 2, fav: 1, cart: 1, buy: 6, uv: 5, buyers: 3 };
    let plain = read(ROWS.as_bytes(), ItemBy::Category, false).unwrap();
    assert_eq!(plain.totals, expected);
    // Also in two members, as tools that append to a gzip file leave it.
    let (head, tail) = ROWS.split_at(ROWS.find("2,100,7,buy,1003").unwrap());
    let members = [gzipped(head.as_bytes()), gzipped(tail.as_bytes())].concat();
    assert_eq!(read(&members, ItemBy::Category, false).unwrap(), plain);
    assert_eq!(read(&gzipped(ROWS.as_bytes()), ItemBy::Category, false).unwrap(), plain);
    // Line ends of other systems, blank lines and a missing last line end change nothing.
    let windows = ROWS.replace('\n', "\r\n\r\n");
    assert_eq!(read(windows.trim_end().as_bytes(), ItemBy::Category, false).unwrap(), plain);
}

#[test]
fn purchases_of_an_item_keep_the_order_of_the_file() {
    let by_category = read(ROWS.as_bytes(), ItemBy::Category, false).unwrap();
    let seven = &by_category.items[0];
    assert_eq!(seven.id, 7);
    let buy = |user, after_seconds| Buy { user, after_seconds };
    assert_eq!(seven.buys, [buy(2, 1), buy(3, 1), buy(2, 3), buy(1, 6), buy(2, 10)]);
    let ids: Vec<u64> = by_category.items.iter().map(|item| item.id).collect();
    assert_eq!(ids, [7, 8], "items with no purchase are not for sale");

    let by_item = read(ROWS.as_bytes(), ItemBy::Item, false).unwrap();
    let sizes: Vec<(u64, usize)> =
        by_item.items.iter().map(|item| (item.id, item.buys.len())).collect();
    assert_eq!(sizes, [(100, 2), (101, 2), (200, 1), (102, 1)]);
}

#[test]
fn a_row_that_is_earlier_than_the_first_sets_the_start() {
    let rows = b"1,1,1,buy,1000\n2,1,1,pv,990\n";
    let recording = read(rows, ItemBy::Category, false).unwrap();
    assert_eq!(recording.items[0].buys, [Buy { user: 1, after_seconds: 10 }]);
}

#[test]
fn a_bad_row_is_refused_with_its_line_and_field() {
    let long = format!("1,1,1,{},1000", "x".repeat(2_000));
    for (row, problem) in [
        ("1,2,3,pv", "time is missing"),
        ("1", "item is missing"),
        ("1,2,3,pv,4,5", "row has 6 fields"),
        ("user_id,2,3,pv,4", "user is not a whole number"),
        ("1,,3,pv,4", "item is missing"),
        ("1,2,-3,pv,4", "category is not a whole number"),
        ("1,2,3.5,pv,4", "category is not a whole number"),
        ("99999999999999999999,2,3,pv,4", "user is too large"),
        ("1,2,3,steal,4", "action is not one of pv, fav, cart and buy"),
        ("1,2,3,PV,4", "action is not one of"),
        ("1,2,3,,4", "action is missing"),
        ("1,2,3,pv,", "time is missing"),
        ("1,2,3,pv,noon", "time is not a whole number"),
        ("1,2,3,pv,99999999999999", "time is not a Unix time in seconds"),
        (long.as_str(), "row is longer than 1024 bytes"),
    ] {
        let rows = format!("1,1,1,buy,1000\n\n{row}\n1,1,1,buy,1001\n");
        let error = read(rows.as_bytes(), ItemBy::Category, false).unwrap_err().to_string();
        assert!(error.starts_with(&format!("line 3: {problem}")), "{row:.40}: {error}");
        let skipped = read(rows.as_bytes(), ItemBy::Category, true).unwrap();
        assert_eq!((skipped.totals.buy, skipped.rows_skipped), (2, 1), "{row:.40}");
        assert_eq!(skipped.first_skipped, Some(error));
    }
    let not_text = b"1,1,1,buy,1000\n1,2,3,\xff,5\n";
    let error = read(not_text, ItemBy::Category, false).unwrap_err().to_string();
    assert_eq!(error, "line 2: row is not UTF-8");
}

#[test]
fn every_bad_row_that_is_left_out_is_counted() {
    let rows = "x\n1,1,1,buy,1000\n1,1,1,steal,1000\n\n1,1\n2,1,1,pv,1000\n";
    let recording = read(rows.as_bytes(), ItemBy::Item, true).unwrap();
    assert_eq!(recording.rows_skipped, 3);
    assert_eq!((recording.totals.buy, recording.totals.pv, recording.totals.uv), (1, 1, 2));
    assert!(recording.first_skipped.unwrap().starts_with("line 1: "));
}

#[test]
fn a_file_that_breaks_off_is_an_error_also_when_bad_rows_are_left_out() {
    let whole = gzipped(ROWS.repeat(50).as_bytes());
    let broken = &whole[..whole.len() - 12];
    for skip in [false, true] {
        let error = read(broken, ItemBy::Category, skip).unwrap_err();
        assert!(matches!(error, TrafficError::Read { .. }), "{error}");
    }
    // The reader ends after such an error instead of repeating it for ever.
    assert!(TrafficReader::open(&file(broken).path).unwrap().count() < 1_000);
}

#[test]
fn a_recording_with_nothing_to_sell_is_refused() {
    for rows in ["", "\n\n", "1,1,1,pv,1000\n"] {
        let error = read(rows.as_bytes(), ItemBy::Category, false).unwrap_err();
        assert!(matches!(error, TrafficError::Nothing(_)), "{error}");
    }
    let missing = Recording::read(&PathBuf::from("no-such-file"), ItemBy::Item, true).unwrap_err();
    assert!(missing.to_string().starts_with("no-such-file cannot be opened"), "{missing}");
}

#[test]
fn a_stock_share_is_exact_and_rounds_up() {
    for (share, purchases, units) in [
        ("0.6", 5, 3),
        ("0.6", 1, 1),
        ("0.6", 10, 6),
        ("0.60", 15, 9),
        ("0.1", 30, 3),
        ("0.7", 10, 7),
        ("0.29", 100, 29),
        ("0.000000001", 7, 1),
        ("0.333333333", 3, 1),
        ("0.333333334", 3, 2),
        ("1", 9, 9),
        ("1.0", u64::MAX, u64::MAX),
        ("0.5", u64::MAX, 1 << 63),
    ] {
        let parsed: StockShare = share.parse().unwrap();
        assert_eq!(parsed.of(purchases), units, "{share} of {purchases}");
    }
    let six_tenths: StockShare = "0.6".parse().unwrap();
    assert_eq!(read(ROWS.as_bytes(), ItemBy::Category, false).unwrap().units(six_tenths), [3, 1]);
}

#[test]
fn a_stock_share_that_is_no_share_is_refused() {
    for share in [
        "",
        ".",
        "0",
        "0.0",
        "1.1",
        "1.000000001",
        "2",
        "-0.5",
        "+0.5",
        "0,6",
        "60%",
        ".6",
        "1.",
        "1e-1",
        "NaN",
        " 0.6",
        "0.0000000001",
        "99999999999999999999",
    ] {
        assert!(share.parse::<StockShare>().is_err(), "{share:?}");
    }
}

const SIZE: CrowdSize =
    CrowdSize { units: 200, items: 3, shoppers: 2_000, seed: 1, time_to_pay_seconds: 3 };

#[test]
fn the_same_seed_plans_the_same_crowd_and_another_seed_another() {
    assert_eq!(CrowdPlan::new(SIZE).unwrap(), CrowdPlan::new(SIZE).unwrap());
    let other = CrowdPlan::new(CrowdSize { seed: 2, ..SIZE }).unwrap();
    assert_ne!(CrowdPlan::new(SIZE).unwrap().shoppers, other.shoppers);
}

#[test]
fn every_unit_of_every_plan_has_a_shopper_who_pays_and_comes_back_for_it() {
    for (units, items, shoppers) in [(200, 3, 2_000), (7, 7, 7), (1, 1, 1), (1, 1, 50)] {
        for seed in 0..50 {
            let plan = CrowdPlan::new(CrowdSize { units, items, shoppers, seed, ..SIZE }).unwrap();
            assert_eq!(plan.units_by_item.iter().sum::<u32>(), units);
            assert_eq!(plan.shoppers.len(), usize::try_from(shoppers).unwrap());
            for (item, units) in plan.units_by_item.iter().enumerate() {
                assert!(*units >= 1);
                let sure = plan.shoppers.iter().filter(|shopper| {
                    shopper.item == item
                        && shopper.pays_after_ms.is_some_and(|after| after < plan.time_to_pay_ms)
                        && shopper.returns_after_ms.is_some()
                });
                assert!(sure.count() >= usize::try_from(*units).unwrap(), "seed {seed}");
            }
        }
    }
}

#[test]
fn nobody_who_does_not_pay_comes_back() {
    // Otherwise two of them could pass a unit to and fro for ever.
    for seed in 0..50 {
        let plan = CrowdPlan::new(CrowdSize { seed, ..SIZE }).unwrap();
        let mut lazy = plan.shoppers.iter().filter(|shopper| shopper.pays_after_ms.is_none());
        assert!(lazy.all(|shopper| shopper.returns_after_ms.is_none()), "seed {seed}");
    }
}

#[test]
fn a_crowd_arrives_in_order_with_every_kind_of_trouble_in_it() {
    let plan = CrowdPlan::new(SIZE).unwrap();
    assert!(plan.shoppers.is_sorted_by_key(|shopper| shopper.arrives_ms));
    let any = |what: fn(&doorbuster::crowd::plan::Shopper) -> bool| plan.shoppers.iter().any(what);
    assert!(any(|shopper| shopper.repeat == Repeat::AtOnce));
    assert!(any(|shopper| shopper.repeat == Repeat::AfterAnswer));
    assert!(any(|shopper| shopper.greedy));
    assert!(any(|shopper| shopper.pays_after_ms.is_none()));
    let buyers: HashSet<String> = plan.shoppers.iter().map(|shopper| shopper.buyer()).collect();
    assert_eq!(buyers.len(), plan.shoppers.len());
}

#[test]
fn sizes_out_of_bounds_are_refused_by_the_name_of_the_flag() {
    for (size, flag) in [
        (CrowdSize { units: 0, ..SIZE }, "--units"),
        (CrowdSize { units: 100_001, ..SIZE }, "--units"),
        (CrowdSize { items: 0, ..SIZE }, "--items"),
        (CrowdSize { items: 201, ..SIZE }, "--items"),
        (CrowdSize { items: 1_001, ..SIZE }, "--items"),
        (CrowdSize { shoppers: 0, ..SIZE }, "--shoppers"),
        (CrowdSize { shoppers: 199, ..SIZE }, "--shoppers"),
        (CrowdSize { shoppers: 1_000_001, ..SIZE }, "--shoppers"),
        (CrowdSize { time_to_pay_seconds: 0, ..SIZE }, "--time-to-pay-seconds"),
        (CrowdSize { time_to_pay_seconds: 61, ..SIZE }, "--time-to-pay-seconds"),
    ] {
        assert_eq!(CrowdPlan::new(size).unwrap_err().field, flag);
    }
}

#[test]
fn request_ids_are_well_formed_and_never_meet() {
    let mut seen = HashSet::new();
    for seed in [0, 1, u64::MAX] {
        for purpose in [Purpose::Order, Purpose::Payment] {
            for shopper in [0, 1, 65_536, 999_999] {
                for nth in [0, 1, u16::MAX] {
                    let id = request_id(seed, purpose, shopper, nth);
                    assert_eq!(id.get_version_num(), 4);
                    assert!(seen.insert(id), "{id} came twice");
                }
            }
        }
    }
}

fn yes(order_id: u128, placed_at_ms: i64, pay_by_ms: i64) -> PlaceOrderResponse {
    let time = |ms: i64| Timestamp { seconds: ms / 1_000, nanos: (ms % 1_000) as i32 * 1_000_000 };
    let order = Order {
        order_id: Uuid::from_u128(order_id).to_string(),
        units: 1,
        place_time: Some(time(placed_at_ms)),
        pay_by_time: Some(time(pay_by_ms)),
        ..Order::default()
    };
    PlaceOrderResponse {
        outcome: Some(place_order_response::Outcome::Order(order)),
        revision: 1,
        position: 9,
    }
}

fn no(reason: RefusalReason) -> PlaceOrderResponse {
    let refusal = Refusal { reason: reason.into(), ..Refusal::default() };
    PlaceOrderResponse {
        outcome: Some(place_order_response::Outcome::Refusal(refusal)),
        revision: 1,
        position: 9,
    }
}

fn paid() -> RecordPaymentResponse {
    let outcome = Some(record_payment_response::Outcome::Order(Order::default()));
    RecordPaymentResponse { outcome, revision: 2, position: 12 }
}

#[test]
fn the_journal_notices_a_second_order_for_one_request() {
    let mut journal = Journal::new(1).unwrap();
    let request = Uuid::from_u128(1);
    journal.ordered(0, request, yes(10, 0, 100), 5);
    journal.ordered(0, request, yes(10, 0, 100), 5);
    assert_eq!((journal.repeats, journal.conflicts, journal.orders_placed()), (1, 0, 1));
    journal.ordered(0, request, yes(11, 0, 100), 5);
    assert_eq!(journal.conflicts, 1);
    // The other way round: one order for two requests.
    journal.ordered(0, Uuid::from_u128(2), yes(10, 0, 100), 5);
    assert_eq!(journal.conflicts, 2);
}

#[test]
fn the_journal_counts_attempts_refusals_and_payments_once() {
    let mut journal = Journal::new(2).unwrap();
    let request = Uuid::from_u128(1);
    assert!(journal.ordered(1, request, no(RefusalReason::SoldOut), 5).is_none());
    assert!(journal.ordered(1, request, yes(10, 0, 100), 5).is_some());
    journal.ordered(1, Uuid::from_u128(2), no(RefusalReason::OverBuyerLimit), 5);
    assert!(journal.paid(request, paid()));
    assert!(journal.paid(request, paid()));
    assert_eq!(journal.attempts, 3);
    let refused: Vec<(&str, u64)> =
        journal.refused.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(refused, [("OVER_BUYER_LIMIT", 1), ("SOLD_OUT", 1)]);
    assert_eq!(journal.paid_by_item(), [0, 1], "a payment told twice buys nothing twice");
    assert_eq!((journal.position, journal.unanswered()), (12, 0));
    journal.failed(tonic::Code::Unavailable, true);
    assert_eq!((journal.attempts, journal.unanswered()), (4, 1));
}

#[test]
fn sold_out_is_when_the_last_unit_of_the_last_item_was_first_taken() {
    let mut journal = Journal::new(2).unwrap();
    let mut next = 0;
    let mut order = |item, placed_at_ms, pay_by_ms, pays| {
        next += 1;
        let request = Uuid::from_u128(next);
        journal.ordered(item, request, yes(next, placed_at_ms, pay_by_ms), 5);
        if pays {
            journal.paid(request, paid());
        }
    };
    order(0, 1_000, 4_000, true);
    // Item 1: one unit is held and comes back before the other is taken, so it is sold out later.
    order(1, 1_000, 1_500, false);
    order(1, 1_600, 4_600, true);
    order(1, 2_250, 5_250, false);
    order(1, 7_000, 9_000, true);
    assert_eq!(journal.sold_out_at_ms(&[1, 2]), Some(2_250));
    assert_eq!(journal.sold_out_at_ms(&[1, 3]), None);
}

#[test]
fn overselling_is_seen_on_either_side() {
    let sales = PutUp {
        sale_ids: vec!["sale".to_owned()],
        items: vec![
            OnSale { item_id: "a".to_owned(), units: 5 },
            OnSale { item_id: "b".to_owned(), units: 5 },
        ],
    };
    let level = |held_units, sold_units| StockLevel {
        allocated_units: 5,
        held_units,
        sold_units,
        ..StockLevel::default()
    };
    assert_eq!(oversold_units(&[level(0, 5), level(2, 3)], &sales, &[5, 3]), 0);
    assert_eq!(oversold_units(&[level(1, 5), level(0, 3)], &sales, &[5, 3]), 1);
    assert_eq!(oversold_units(&[level(0, 5), level(0, 3)], &sales, &[7, 3]), 2);
}

#[test]
fn the_names_of_the_summary_are_those_that_scripts_read() {
    let summary = Summary {
        units: 0,
        shoppers: 0,
        attempts: 0,
        orders_placed: 0,
        orders_paid: 0,
        orders_expired: 0,
        refused: [("SOLD_OUT".to_owned(), 3)].into(),
        oversold_units: 0,
        duplicate_orders: 0,
        sold_out_seconds: None,
        elapsed_seconds: 0.0,
        orders_per_second: 0.0,
        latency_ms: Default::default(),
        traffic: TrafficTotals::default(),
        log_events: 0,
        verify: Default::default(),
        rebuild_equal: true,
        data_dir: PathBuf::from("data"),
    };
    let json = serde_json::to_value(&summary).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(
        keys(&json),
        "attempts data_dir duplicate_orders elapsed_seconds latency_ms log_events orders_expired \
         orders_paid orders_per_second orders_placed oversold_units rebuild_equal refused shoppers \
         sold_out_seconds traffic units verify"
    );
    assert_eq!(keys(&json["latency_ms"]), "max p50 p99");
    assert_eq!(keys(&json["traffic"]), "buy buyers cart fav pv uv");
    assert_eq!(keys(&json["verify"]), "chains events ok");
    assert_eq!(json["refused"], serde_json::json!({ "SOLD_OUT": 3 }));
}

/// A server on the wall's clock with one sale, and a crowd in front of it.
struct Shop {
    app: App,
    _data: TempDir,
    crowd: Arc<Crowd>,
    sales: PutUp,
    figures: Figures,
}

async fn shop(units: &[u64], limit_per_buyer: Option<i64>, time_to_pay_ms: i64) -> Shop {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    };
    let app = App::start(config, Arc::new(WallClock)).unwrap();
    let address = format!("http://{}", app.address());
    let channel = connect(&address).await.unwrap();
    let offers: Vec<Offer> = (0..)
        .zip(units)
        .map(|(n, units)| Offer { sku: format!("S-{n}"), title: "Thing".to_owned(), units: *units })
        .collect();
    let now = WallClock.now();
    let terms = Terms {
        name: "Crowd test".to_owned(),
        opens_at: now,
        closes_at: now.plus(3_600_000),
        limit_per_buyer,
        time_to_pay_ms,
    };
    let sales = put_up(channel.clone(), &offers, &terms, |nth| {
        Uuid::from_u128(u128::from(nth) + 1).to_string()
    })
    .await
    .unwrap();
    let caller = Caller::connect(&address, 2).await.unwrap();
    let crowd = Crowd::new(1, caller, sales.items.clone()).unwrap();
    Shop { app, _data: data, crowd, sales, figures: Figures::new(channel) }
}

#[tokio::test]
async fn a_simulated_crowd_leaves_nothing_unsold_and_no_request_with_two_orders() {
    let size = CrowdSize { units: 60, items: 2, shoppers: 400, seed: 7, time_to_pay_seconds: 1 };
    let plan = Arc::new(CrowdPlan::new(size).unwrap());
    let Shop { app, crowd, sales, mut figures, _data } = shop(&[30, 30], Some(1), 1_000).await;
    Arc::clone(&crowd).simulate(plan).await.unwrap();
    let position = crowd.journal().position;
    let levels = figures.settled(&sales, position, Duration::from_secs(20)).await.unwrap();
    let totals = figures.totals(&sales, position).await.unwrap();
    let journal = crowd.journal();
    assert_eq!(journal.faults, Default::default());
    assert_eq!(journal.conflicts, 0);
    assert_eq!(journal.paid_by_item(), [30, 30]);
    assert_eq!(oversold_units(&levels, &sales, journal.paid_by_item()), 0);
    assert_eq!(totals.units_sold, 60);
    assert_eq!(totals.orders_placed, journal.orders_placed());
    assert!(journal.repeats > 0 && journal.refused.contains_key("SOLD_OUT"));
    assert!(journal.refused.contains_key("OVER_BUYER_LIMIT"));
    assert!(journal.sold_out_at_ms(&[30, 30]).is_some());
    drop(journal);
    app.stop().unwrap();
}

#[tokio::test]
async fn a_recording_is_played_to_its_end_first_come_first_served() {
    let recording = Arc::new(read(ROWS.as_bytes(), ItemBy::Category, false).unwrap());
    let units = recording.units("0.6".parse().unwrap());
    let Shop { app, crowd, sales, mut figures, _data } = shop(&units, None, 600_000).await;
    Arc::clone(&crowd).play(Arc::clone(&recording), 1_000).await.unwrap();
    let position = crowd.journal().position;
    let totals = figures.totals(&sales, position).await.unwrap();
    let journal = crowd.journal();
    assert_eq!((journal.attempts, journal.orders_placed()), (6, 4));
    assert_eq!((totals.orders_placed, totals.orders_paid, totals.units_sold), (4, 4, 4));
    assert_eq!(journal.refused.get("SOLD_OUT"), Some(&2));
    // Of category 7 the first three purchases got the three units.
    let winners: HashSet<Uuid> =
        (0..3).map(|number| request_id(1, Purpose::Order, number, 0)).collect();
    let of_seven: HashSet<Uuid> = journal
        .orders()
        .iter()
        .filter(|(_, order)| order.item == 0)
        .map(|(request, _)| *request)
        .collect();
    assert_eq!(of_seven, winners);
    drop(journal);
    app.stop().unwrap();
}
