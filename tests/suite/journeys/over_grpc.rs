//! The same over gRPC: a real server on loopback, whose orders are shoppers' touches, too.

use doorbuster::grpc::proto::{self, FunnelGrouping};
use prost_types::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{Node, item, once_built, order};

fn field(status: &Status) -> String {
    let details = status.get_details_bad_request().expect("a bad request names its field");
    details.field_violations[0].field.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_in_the_figures_at_their_position() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let held = order(&node.place(&items[0], "ann", 2).await.unwrap());
    order(&node.place(&items[0], "bob", 1).await.unwrap());
    let paid = node.pay(&held).await;
    let request = proto::GetFunnelRequest {
        sale_id: sale.clone(),
        by: FunnelGrouping::Item.into(),
        min_position: paid.position,
        ..Default::default()
    };
    let answer = node.reports().get_funnel(request).await.unwrap().into_inner();
    assert_eq!(answer.window, Some(Duration { seconds: 86_400, nanos: 0 }));
    assert!(answer.freshness.unwrap().position >= paid.position);
    let totals = answer.total.unwrap().totals.unwrap();
    assert_eq!((totals.orders, totals.paid_orders, totals.buyers), (2, 1, 1));
    assert_eq!(totals.revenue.unwrap().amount_minor, 399_800);
    assert_eq!(answer.groups.len(), 1);
    assert_eq!((answer.groups[0].name.as_str(), &answer.groups[0].item_id), ("phone", &items[0]));

    let request = proto::GetAttributionRequest {
        sale_id: sale.clone(),
        min_position: paid.position,
        ..Default::default()
    };
    let answer = node.reports().get_attribution(request).await.unwrap().into_inner();
    assert_eq!(answer.rows.len(), 1);
    assert_eq!(answer.rows[0].channel, "(direct)");
    assert_eq!(answer.rows[0].last_touch.as_ref().unwrap().orders_share_ppm, 1_000_000);

    let request = proto::GetRetentionRequest {
        sale_id: sale,
        min_position: paid.position,
        ..Default::default()
    };
    let answer = node.reports().get_retention(request).await.unwrap().into_inner();
    assert_eq!((answer.buyers, answer.new_buyers, answer.rows.len()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_an_earlier_moment_are_those_of_that_moment() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let placed = node.place(&items[0], "ann", 1).await.unwrap();
    let paid = node.pay(&order(&placed)).await;
    let portrait = async |position| {
        let request = proto::GetPortraitRequest {
            sale_id: sale.clone(),
            as_of: Some(proto::AsOf { moment: Some(proto::as_of::Moment::Position(position)) }),
            ..Default::default()
        };
        let ask = || {
            let (mut reports, request) = (node.reports(), request.clone());
            async move { reports.get_portrait(request).await }
        };
        let answer = once_built(ask).await.unwrap().into_inner();
        (answer.shoppers, answer.buyers)
    };
    assert_eq!(portrait(placed.position).await, (1, 0));
    assert_eq!(portrait(paid.position).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_its_field() {
    let node = Node::start().await;
    let mut reports = node.reports();
    let span = |seconds| Some(Duration { seconds, nanos: 0 });
    for window in [span(0), span(-1), span(i64::MAX)] {
        let request = proto::GetFunnelRequest { window, ..Default::default() };
        let status = reports.get_funnel(request).await.unwrap_err();
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "window"));
    }
    let request = proto::GetFunnelRequest { by: 99, ..Default::default() };
    assert_eq!(field(&reports.get_funnel(request).await.unwrap_err()), "by");
    let request = proto::GetTrafficRequest { by: -1, ..Default::default() };
    assert_eq!(field(&reports.get_traffic(request).await.unwrap_err()), "by");
    let request = proto::GetPortraitRequest { attribute: 17, ..Default::default() };
    assert_eq!(field(&reports.get_portrait(request).await.unwrap_err()), "attribute");
    let request = proto::GetPathsRequest { steps_max: 33, ..Default::default() };
    assert_eq!(field(&reports.get_paths(request).await.unwrap_err()), "steps_max");
    let request = proto::GetPathsRequest { page_size: -1, ..Default::default() };
    assert_eq!(field(&reports.get_paths(request).await.unwrap_err()), "page_size");
    let request = proto::GetRetentionRequest::default();
    assert_eq!(field(&reports.get_retention(request).await.unwrap_err()), "sale_id");
    let sale_id = "0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77".to_owned();
    let request = proto::GetTrafficRequest { sale_id, ..Default::default() };
    let status = reports.get_traffic(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("sale_id"), "{}", status.message());
}
