//! Goods that change their category: each touch counts for the one that was said of it.

use doorbuster::{
    events::{StreamName, TrafficAction},
    reports::{FunnelGrouping, FunnelQuery, Paging, Reports},
    values::SaleId,
};
use tempfile::tempdir;
use uuid::Uuid;

use super::{asked, batch, beacon, feed};
use crate::fold::log::Log;

/// Views, carts, purchases, and shoppers at the steps view and cart, by category.
fn by_category(reports: &Reports) -> Vec<(String, [i64; 5])> {
    let paging = Paging { page_size: 100, ..Paging::default() };
    let query =
        FunnelQuery { sale_id: None, window_ms: None, by: FunnelGrouping::Category, paging };
    let groups = reports.funnel(&query).unwrap().groups.into_iter().map(|group| {
        let (t, steps) = (group.figures.totals, group.figures.steps);
        (group.name, [t.pv, t.cart, t.buy, steps[0], steps[1]])
    });
    groups.collect()
}

fn moving() -> Log {
    let recording = SaleId(Uuid::from_u128(0xca7));
    let goods = recording.item_id("A");
    let at = |seconds: i64| 1_700_000_000_000 + seconds * 1_000;
    let mut log = Log::default();
    let said = [
        vec![
            beacon(at(0), TrafficAction::View, "u1").on(goods, "c1"),
            beacon(at(10), TrafficAction::Cart, "u1").on(goods, "c2"),
        ],
        vec![
            beacon(at(20), TrafficAction::Buy, "u1").on(goods, "c2"),
            // Nothing said: the first category that was.
            beacon(at(30), TrafficAction::View, "u2").on(goods, ""),
            beacon(at(40), TrafficAction::View, "u3").on(goods, "c2"),
            beacon(at(41), TrafficAction::Cart, "u3").on(goods, "c2"),
        ],
    ];
    for beacons in said {
        log.push(StreamName::traffic(recording), batch(None, &beacons));
    }
    log
}

#[test]
fn goods_that_change_their_category_count_for_the_one_that_each_row_says() {
    let data = tempdir().unwrap();
    let expected = [("c1".to_owned(), [2, 0, 0, 2, 0]), ("c2".to_owned(), [1, 2, 1, 1, 1])];
    assert_eq!(by_category(&asked(data.path(), &moving())), expected);
    // The same when the read model is opened anew for each event.
    let cut = tempdir().unwrap();
    for event in moving().events {
        feed(cut.path(), &[event], 1);
    }
    assert_eq!(by_category(&Reports::open(cut.path())), expected);
}
