//! Each report of the small sale against figures that were counted by hand.

use doorbuster::grpc::proto::{self, GoalKind, RefusalReason};

use super::{SmallSale, small_sale};
use crate::support::{OPENS_AT, timestamp};

fn at(second: i64) -> Option<prost_types::Timestamp> {
    Some(timestamp(OPENS_AT.plus(second * 1000)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_what_a_person_counts() {
    let sale = small_sale().await;
    the_stock_curve(&sale).await;
    demand_and_refusals(&sale).await;
    holds(&sale).await;
    acts(&sale).await;
    goals(&sale).await;
    comparison(&sale).await;
}

async fn the_stock_curve(SmallSale { node, sale, item, head }: &SmallSale) {
    let request = proto::GetStockCurveRequest {
        sale_id: sale.clone(),
        min_position: *head,
        ..Default::default()
    };
    let curve = node.reports().get_stock_curve(request).await.unwrap().into_inner();
    let points: Vec<_> = curve
        .points
        .iter()
        .map(|point| {
            let second = point.second.unwrap().seconds - OPENS_AT.second();
            let stock = [point.available_units, point.held_units, point.sold_units];
            assert_eq!(stock.iter().sum::<i64>(), point.allocated_units, "second {second}");
            (second, stock)
        })
        .collect();
    let by_hand =
        [(0, [0, 3, 0]), (5, [0, 2, 1]), (10, [0, 1, 2]), (61, [0, 1, 2]), (62, [0, 0, 3])];
    assert_eq!(points, by_hand);
    assert_eq!(curve.sell_through_ppm, 1_000_000);
    let half = &curve.reached[0];
    assert_eq!((half.share_ppm, half.taken_second, half.sold_second), (500_000, at(0), at(10)));
    let all = &curve.reached[2];
    assert_eq!((all.share_ppm, all.taken_second, all.sold_second), (1_000_000, at(0), at(62)));
    let sold_outs: Vec<_> =
        curve.sold_outs.iter().map(|period| (period.from_time, period.until_time)).collect();
    assert_eq!(sold_outs, [(at(0), at(61)), (at(61), None)]);
    assert_eq!(curve.sold_outs_count, 2);

    // Page by page it is the same curve.
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = proto::GetStockCurveRequest {
            item_id: item.clone(),
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = node.reports().get_stock_curve(request).await.unwrap().into_inner();
        paged.extend(page.points);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, curve.points);
}

async fn demand_and_refusals(SmallSale { node, sale, .. }: &SmallSale) {
    let request = proto::GetDemandRequest { sale_id: sale.clone(), ..Default::default() };
    let demand = node.reports().get_demand(request).await.unwrap().into_inner();
    let by_hand = proto::DemandFigures {
        attempts: 5,
        met: 4,
        units_met: 4,
        repeats: 0,
        unmet: 1,
        units_unmet: 2,
        refused_otherwise: 0,
    };
    assert_eq!(demand.total, Some(by_hand));
    assert_eq!(demand.unmet_share_ppm, 200_000);
    assert_eq!(demand.first_sold_out_time, at(0));

    let request = proto::GetRefusalsRequest { sale_id: sale.clone(), ..Default::default() };
    let refusals = node.reports().get_refusals(request).await.unwrap().into_inner();
    let total = refusals.total.unwrap();
    assert_eq!((total.attempts, total.refused, total.refused_share_ppm), (5, 1, 200_000));
    assert_eq!(refusals.items[0].by_reason[0].reason(), RefusalReason::SoldOut);
    assert_eq!(refusals.items[0].by_reason, total.by_reason);
}

async fn holds(SmallSale { node, sale, head, .. }: &SmallSale) {
    let request =
        proto::GetHoldsRequest { sale_id: sale.clone(), min_position: *head, ..Default::default() };
    let holds = node.reports().get_holds(request).await.unwrap().into_inner();
    let by_hand = proto::HoldFigures {
        item_id: String::new(),
        sku: String::new(),
        holds_placed: 4,
        holds_open: 0,
        holds_paid: 3,
        holds_cancelled: 0,
        holds_expired: 1,
        expired_share_ppm: 250_000,
        time_to_pay_p50_ms: 5_000,
        time_to_pay_p90_ms: 10_000,
        time_to_pay_p99_ms: 10_000,
        time_to_pay_max_ms: 10_000,
        // Ann 5, bob 10, eve 1, and cid 61, who was noticed a second late.
        unit_seconds_held: 77,
        unit_seconds_lost: 61,
        units_released: 1,
        units_resold: 1,
        refunds_due: 1,
    };
    assert_eq!(holds.total, Some(by_hand));
    assert_eq!(holds.items.len(), 1);
}

async fn acts(SmallSale { node, sale, item, head }: &SmallSale) {
    let mut request =
        proto::ListActsRequest { sale_id: sale.clone(), min_position: *head, ..Default::default() };
    let acts = node.reports().list_acts(request.clone()).await.unwrap().into_inner().acts;
    let told: Vec<_> = acts
        .iter()
        .map(|act| (act.kind.as_str(), act.operator.as_str(), act.reason.as_str()))
        .collect();
    assert_eq!(told, [("SaleCreated", "olga", "created"), ("ItemPaused", "olga", "all is sold")]);
    assert_eq!((&acts[1].item_id, acts[1].act_time), (item, at(62)));
    request.planned = true;
    let acts = node.reports().list_acts(request).await.unwrap().into_inner().acts;
    let planned: Vec<_> =
        acts.iter().filter(|act| act.planned).map(|act| act.kind.as_str()).collect();
    assert!(planned.contains(&"StockAllocated") && planned.contains(&"ItemAdded"), "{planned:?}");
}

async fn goals(SmallSale { node, sale, head, .. }: &SmallSale) {
    let request =
        proto::GetGoalAttainmentRequest { sale_id: sale.clone(), min_position: *head, as_of: None };
    let found = node.reports().get_goal_attainment(request).await.unwrap().into_inner();
    let goals: Vec<_> = found
        .goals
        .iter()
        .map(|goal| (goal.kind(), goal.target, goal.result, goal.attainment_ppm))
        .collect();
    let by_hand = [
        (GoalKind::Units, 6, Some(3), 500_000),
        (GoalKind::Revenue, 599_700, Some(599_700), 1_000_000),
        // No traffic was recorded.
        (GoalKind::Conversion, 100_000, None, 0),
        (GoalKind::NewBuyers, 2, Some(3), 1_500_000),
    ];
    assert_eq!(goals, by_hand);
    assert_eq!((found.paying_buyers, found.visitors), (3, None));
    assert!(!found.sale_over, "the window is an hour long: nothing is missed yet");
}

async fn comparison(SmallSale { node, sale, head, .. }: &SmallSale) {
    let request = proto::CompareSalesRequest {
        sale_id: sale.clone(),
        from_time: at(60),
        baseline_until_time: at(60),
        min_position: *head,
        ..Default::default()
    };
    let found = node.reports().compare_sales(request).await.unwrap().into_inner();
    assert_eq!(found.currency_code, "CNY");
    let figure = |name: &str| {
        let found = found.figures.iter().find(|figure| figure.figure == name).unwrap();
        (found.value, found.baseline, found.difference, found.change_ppm)
    };
    assert_eq!(figure("orders_placed"), (1, 3, -2, Some(-666_666)));
    assert_eq!(figure("revenue_minor"), (199_900, 399_800, -199_900, Some(-500_000)));
    assert_eq!(figure("orders_expired"), (1, 0, 1, None));

    let request = proto::CompareSalesRequest { sale_id: sale.clone(), ..Default::default() };
    let status = node.reports().compare_sales(request).await.unwrap_err();
    assert!(status.message().contains("baseline_sale_id"), "{status}");
}
