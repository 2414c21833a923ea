//! Recorded traffic: counted exactly, or refused by its line; shares of stock are exact.

use std::{fs, io::Write, path::PathBuf};

use doorbuster::crowd::{
    recording::{Buy, ItemBy, Recording, StockShare},
    traffic::{TrafficError, TrafficReader, TrafficTotals},
};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

/// Five users, three of them buyers; category 7 has five purchases, category 8 one.
pub(super) const ROWS: &str = "\
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

pub(super) fn read(bytes: &[u8], item_by: ItemBy, skip: bool) -> Result<Recording, TrafficError> {
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
    assert!(error.starts_with("line 2: row is not UTF-8: convert"), "{error}");
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
