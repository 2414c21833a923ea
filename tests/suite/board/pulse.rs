//! A pulse says what the reports say, from sums instead of rows.

use std::time::Duration;

use doorbuster::{
    actors::{Heads, Latencies},
    events::Position,
    grpc::proto::{self, GetStockCurveRequest},
    reports::{LatencySecond, Pulse, RECENT_SECONDS, Reports},
    values::{SaleId, UnixMs},
};
use tokio::time::timeout;

use super::{Follower, board_node, get};
use crate::support::{Node, OPENS_AT, PATIENCE, beacon, create_sale, item, order, request_id};

#[test]
fn what_a_read_model_lacks_is_as_old_as_the_end_of_the_log_beyond_it() {
    let mut heads = Heads::default();
    for (at, head) in [(1_000, 5), (2_000, 5), (3_000, 9), (4_000, 12)] {
        heads.saw(UnixMs(at), Position(head));
    }
    let age = |position| heads.age_after(Position(position), UnixMs(10_000));
    assert_eq!([3, 5, 8, 9, 11].map(age), [9_000, 7_000, 7_000, 6_000, 6_000]);
    assert_eq!([12, 13].map(age), [0, 0]);
}

/// Seconds with what half took in each, from rounds at those seconds.
fn kept(rounds: &[(i64, Option<i64>)]) -> Vec<(i64, Option<i64>)> {
    let mut latencies = Latencies::default();
    for (second, p50_us) in rounds.iter().copied() {
        latencies.took(LatencySecond { second, p50_us, p99_us: p50_us });
    }
    latencies.seconds().iter().map(|told| (told.second, told.p50_us)).collect()
}

#[test]
fn latency_is_kept_of_every_one_of_the_last_two_minutes_seconds() {
    let first = kept(&[(1_000, Some(7))]);
    assert_eq!(first.len(), RECENT_SECONDS);
    assert_eq!(first[0], (1_000 - 119, None), "nothing is known of what was before");
    assert_eq!(first[119], (1_000, Some(7)));

    let rounds: Vec<_> = (0..500).map(|second| (second, Some(second))).collect();
    let last: Vec<_> = (380..500).map(|second| (second, Some(second))).collect();
    assert_eq!(kept(&rounds), last, "no more than two minutes are kept");
}

#[test]
fn a_late_round_tells_of_the_seconds_it_was_late_for_and_no_orders_stay_none() {
    let end = |rounds: &[(i64, Option<i64>)]| kept(rounds).split_off(RECENT_SECONDS - 4);
    let late = end(&[(1_000, Some(7)), (1_003, Some(9))]);
    assert_eq!(late, [(1_000, Some(7)), (1_001, Some(9)), (1_002, Some(9)), (1_003, Some(9))]);
    let none = end(&[(1_001, Some(7)), (1_002, None), (1_003, Some(9))]);
    assert_eq!(none[1..], [(1_001, Some(7)), (1_002, None), (1_003, Some(9))]);
    let twice = end(&[(1_002, Some(7)), (1_003, Some(8)), (1_003, None)]);
    assert_eq!(twice[2..], [(1_002, Some(7)), (1_003, None)]);
    let long = end(&[(1_000, Some(7)), (9_000, Some(9))]);
    assert_eq!(long[2..], [(8_999, None), (9_000, Some(9))], "no reading for that long");
    let back = kept(&[(1_000, Some(7)), (1_001, Some(8)), (998, Some(9))]);
    assert_eq!(*back.last().unwrap(), (998, Some(9)), "a clock that was set back goes on there");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_the_rows_of_latency_sees_what_an_order_took() {
    let node = board_node().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let mut follower = Follower::of(node.board(), &sale).await;
    let told = async {
        loop {
            // On a machine that stalls an order is ten rounds old before it has been seen.
            node.place(&items[0], "ann", 1).await.unwrap();
            let frame = follower.frame().await;
            let drawn = frame["panels"]["latency"].as_str().unwrap();
            let rows = get(node.board(), &format!("/sales/{sale}/rows?of=latency")).await;
            assert_eq!(rows.status, 200, "{}", rows.body);
            assert_eq!(rows.body.matches("<tr>").count(), 1 + RECENT_SECONDS, "{}", rows.body);
            if drawn.contains("<path class=\"line one\"") && rows.body.contains(" ms</td>") {
                return;
            }
        }
    };
    timeout(PATIENCE, told).await.expect("a line in the chart, and what it was drawn from");
}

/// Ann buys, bob's hold expires, cyd comes too late and later buys, dan asks for too much, eve is
/// refused while the item is paused; there are three visitors, of whom one bought.
async fn eventful_sale() -> (Node, String) {
    let node = board_node().await;
    let items =
        vec![item("phone", &[("shanghai", 2), ("beijing", 1)]), item("case", &[("shanghai", 9)])];
    let mut request = create_sale(items);
    let goals =
        proto::SaleGoals { units: Some(4), revenue_minor: Some(700_000), ..Default::default() };
    request.sale.as_mut().unwrap().goals = Some(goals);
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    let (phone, case) = (sale.items[0].item_id.clone(), sale.items[1].item_id.clone());
    let mut beacons = vec![beacon(&phone, "ann"), beacon(&phone, "ann"), beacon(&case, "flo")];
    beacons
        .push(proto::Beacon { action: proto::TrafficAction::Cart.into(), ..beacon(&case, "gus") });
    node.record(beacons).await.unwrap();
    let ann = order(&node.place(&phone, "ann", 2).await.unwrap());
    order(&node.place(&phone, "bob", 1).await.unwrap());
    node.place(&phone, "cyd", 1).await.unwrap();
    node.place(&case, "dan", 10).await.unwrap();
    node.advance(2);
    node.pay(&ann).await;
    node.advance(60);
    node.item_until(&phone, |item| item.available_units == 1).await;
    let cyd = order(&node.place(&phone, "cyd", 1).await.unwrap());
    node.advance(1);
    node.pay(&cyd).await;
    let pause = proto::PauseItemRequest {
        request_id: request_id(),
        item_id: case.clone(),
        operator: "olga".to_owned(),
        reason: "wrong price".to_owned(),
    };
    node.items().pause_item(pause).await.unwrap();
    node.place(&case, "eve", 1).await.unwrap();
    node.advance(5);
    (node, sale.sale_id)
}

/// The pulse, once all demand is in it.
async fn pulse_with(node: &Node, sale: &str, attempts: i64, now: UnixMs) -> Pulse {
    let reports = Reports::open(node.data());
    let sale = SaleId::parse("sale_id", sale).unwrap();
    let asked = async {
        loop {
            match reports.pulse(sale, now) {
                // The last thing that happened is in all of them by then.
                Ok(pulse) if pulse.totals.attempts == attempts && pulse.totals.visitors > 0 => {
                    let head = pulse.position;
                    let all = [pulse.totals.participants, pulse.totals.paying_buyers];
                    if all != [0, 0] && head.0 > 0 && settled(&reports, sale, now, &pulse) {
                        return pulse;
                    }
                }
                Ok(_) | Err(_) => {}
            }
            // Asking without a pause takes the time from those who write what is waited for.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, asked).await.expect("the pulse of all that happened")
}

/// Whether all read models have come equally far: nothing more is on its way.
fn settled(reports: &Reports, sale: SaleId, now: UnixMs, pulse: &Pulse) -> bool {
    let names = ["catalog", "sales", "timeline", "journeys", "acts", "operations"];
    let all: Vec<_> = names.iter().map(|name| reports.position(name).ok()).collect();
    all.windows(2).all(|pair| pair[0] == pair[1])
        && reports.pulse(sale, now).is_ok_and(|again| again == *pulse)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulse_says_what_the_reports_say() {
    let (node, sale) = eventful_sale().await;
    let now = OPENS_AT.plus(68_000);
    let pulse = pulse_with(&node, &sale, 6, now).await;
    let totals = pulse.totals;

    let request = proto::GetSalesSummaryRequest { sale_id: sale.clone(), ..Default::default() };
    let summary = node.reports().get_sales_summary(request).await.unwrap().into_inner();
    let sold = summary.total.unwrap();
    assert_eq!(totals.units.allocated, sold.allocated_units);
    assert_eq!(totals.orders_placed, sold.orders_placed);
    assert_eq!(totals.orders_paid, sold.orders_paid);
    assert_eq!(totals.orders_cancelled, sold.orders_cancelled);
    assert_eq!(totals.orders_expired, sold.orders_expired);
    assert_eq!(totals.units.sold, sold.units_sold);
    assert_eq!(totals.revenue_minor, sold.revenue.unwrap().amount_minor);
    for (item, told) in pulse.items.iter().zip(&summary.items) {
        assert_eq!(item.sku, told.sku);
        assert_eq!(item.orders_placed, told.orders_placed);
        assert_eq!(item.units.allocated, told.allocated_units);
        assert_eq!(item.units.sold, told.units_sold);
    }

    let request = GetStockCurveRequest { sale_id: sale.clone(), ..Default::default() };
    let curve = node.reports().get_stock_curve(request).await.unwrap().into_inner();
    let last = curve.last.unwrap();
    assert_eq!(totals.units.available, last.available_units);
    assert_eq!(totals.units.held, last.held_units);
    assert_eq!(pulse.whole.last().unwrap().available_units, last.available_units);
    assert_eq!(pulse.recent.last().unwrap().available_units, last.available_units);

    let request = proto::GetGoalAttainmentRequest { sale_id: sale.clone(), ..Default::default() };
    let goals = node.reports().get_goal_attainment(request).await.unwrap().into_inner();
    assert_eq!(totals.paying_buyers, goals.paying_buyers);
    assert_eq!(Some(totals.visitors), goals.visitors);
    assert_eq!(pulse.sale.goals.unwrap().units, Some(4));

    let request = proto::GetRefusalsRequest { sale_id: sale.clone(), ..Default::default() };
    let refusals = node.reports().get_refusals(request).await.unwrap().into_inner();
    let refused = refusals.total.unwrap();
    assert_eq!(totals.attempts, refused.attempts);
    assert_eq!(totals.refused.total(), refused.refused);
    assert_eq!((totals.refused.sold_out, totals.refused.paused), (1, 1));
    assert_eq!(totals.refused.not_enough_units, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulse_counts_people_channels_seconds_and_what_happened() {
    let (node, sale) = eventful_sale().await;
    let now = OPENS_AT.plus(68_000);
    let pulse = pulse_with(&node, &sale, 6, now).await;
    let totals = pulse.totals;
    assert_eq!(totals.participants, 5, "ann, bob, cyd, dan, eve: cyd tried twice");
    assert_eq!((totals.visitors, totals.page_views, totals.carts), (3, 3, 1));
    let channels: Vec<_> = pulse
        .channels
        .iter()
        .map(|row| (row.channel.as_str(), row.attempts, row.orders_placed))
        .collect();
    assert_eq!(channels, [("(direct)", 6, 3)]);
    assert_eq!(totals.oversold_units, 0);

    assert_eq!(pulse.bin_seconds, 1);
    assert_eq!(pulse.whole.len(), 69, "from the opening to now, without gaps");
    assert_eq!(pulse.whole[0].second, OPENS_AT.second());
    assert_eq!(pulse.recent.len(), 120);
    assert_eq!(pulse.recent.last().unwrap().second, now.second());
    for seconds in [&pulse.whole, &pulse.recent] {
        let orders: i64 = seconds.iter().map(|second| second.orders_placed).sum();
        let attempts: i64 = seconds.iter().map(|second| second.attempts).sum();
        assert_eq!((orders, attempts), (totals.orders_placed, totals.attempts));
    }
    let left: Vec<_> = [0, 59, 62].map(|at: usize| pulse.whole[at].available_units).to_vec();
    assert_eq!(left, [9, 9, 9], "all phones are held, then bob's is free and cyd takes it");

    // Items are told at once, so which is first is chance.
    let (phones, others): (Vec<_>, Vec<_>) =
        pulse.items.iter().partition(|item| item.units.sold > 0);
    let phone = phones[0];
    assert_eq!((phone.units_in_ten_seconds, phone.units.sold), (1, 3));
    assert!(others[0].paused);
    let happened: Vec<_> = pulse.happenings.iter().map(|told| told.kind.as_str()).collect();
    assert_eq!(happened, ["ItemPaused", "SoldOut", "SaleCreated", "SoldOut"]);
    // What happened in one moment stands acts first.
    assert_eq!(pulse.happenings[0].operator, "olga");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_sale_is_told_in_few_bins_that_add_up_to_the_same() {
    let (node, sale) = eventful_sale().await;
    pulse_with(&node, &sale, 6, OPENS_AT.plus(68_000)).await;
    let reports = Reports::open(node.data());
    let sale = SaleId::parse("sale_id", &sale).unwrap();
    for (minutes, bin) in [(3, 1), (7, 2), (59, 15)] {
        let pulse = reports.pulse(sale, OPENS_AT.plus(minutes * 60_000)).unwrap();
        assert_eq!(pulse.bin_seconds, bin, "{minutes} minutes");
        assert!(pulse.whole.len() <= doorbuster::reports::BINS_MAX);
        let orders: i64 = pulse.whole.iter().map(|bin| bin.orders_placed).sum();
        assert_eq!(orders, pulse.totals.orders_placed, "{minutes} minutes");
        let left = pulse.whole.last().unwrap().available_units;
        assert_eq!(left, pulse.totals.units.available, "{minutes} minutes");
        assert_eq!(pulse.recent.last().unwrap().available_units, left, "{minutes} minutes");
    }
}
