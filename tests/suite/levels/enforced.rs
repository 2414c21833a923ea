//! What each level leaves out is answered so, at once and counted; what sells and what steers goes
//! on.

use doorbuster::grpc::proto::{
    self, ServiceLevel::*, place_orders_response::Result as StreamResult,
    script_service_client::ScriptServiceClient,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{level_of, service, set, set_to, try_set};
use crate::{
    support::{Node, beacon, item, order, pay, place, request_id},
    web::{ask, figures::Figures},
};

async fn shop() -> (Node, String, String) {
    let node = Node::start_with(|config| config.web = Some(([127, 0, 0, 1], 0).into())).await;
    let (sale, items) = node.sale(vec![item("phone", &[("east", 9)])]).await;
    (node, sale, items[0].clone())
}

/// Reason and level of a failure that says when to come again.
fn reason(status: &Status) -> (Code, String, String) {
    let details = status.get_error_details();
    assert!(details.retry_info().is_some(), "{status:?}");
    let info = details.error_info().unwrap();
    (status.code(), info.reason.clone(), info.metadata.get("level").cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_is_set_shown_and_on_record_with_who_and_why() {
    let (mut node, ..) = shop().await;
    let fresh = level_of(&node).await;
    assert_eq!((fresh.level(), fresh.change), (Full, None));
    let down = set(&node, NoTraffic).await;
    assert_eq!((down.level(), down.revision), (NoTraffic, 0));
    node.advance(60);
    let up = proto::SetLevelRequest { reason: "fast again".to_owned(), ..set_to(Full) };
    let answered = try_set(&node, up.clone()).await.unwrap();
    assert_eq!((answered.level(), answered.revision), (Full, 1));
    assert_eq!(try_set(&node, up.clone()).await.unwrap(), answered, "a repeated request");
    let reused = try_set(&node, proto::SetLevelRequest { level: Closed.into(), ..up }).await;
    assert_eq!(reused.unwrap_err().code(), Code::AlreadyExists);
    let same = set(&node, Full).await;
    assert_eq!((same.level(), same.revision, same.not_expected), (Full, 1, false));
    let raced = proto::SetLevelRequest { expected: NoTraffic.into(), ..set_to(Closed) };
    let raced = try_set(&node, raced).await.unwrap();
    assert_eq!((raced.level(), raced.not_expected), (Full, true));

    let request = proto::ListLevelChangesRequest {
        page_size: 1,
        min_position: answered.position,
        ..Default::default()
    };
    let page = service(&node).list_level_changes(request.clone()).await.unwrap().into_inner();
    let newest = &page.changes[0];
    assert_eq!((newest.level(), newest.before()), (Full, NoTraffic));
    assert_eq!((newest.operator.as_str(), newest.reason.as_str()), ("olga", "fast again"));
    assert_eq!(newest.end_time, None);
    let request = proto::ListLevelChangesRequest { page_token: page.next_page_token, ..request };
    let page = service(&node).list_level_changes(request).await.unwrap().into_inner();
    assert_eq!((page.changes.len(), page.next_page_token.as_str()), (1, ""));
    assert_eq!(page.changes[0].end_time, newest.set_time);

    node.restart().await;
    assert_eq!(level_of(&node).await.change.unwrap().revision, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_refused_by_name() {
    let (node, ..) = shop().await;
    let good = set_to(Closed);
    let wrong = [
        ("level", proto::SetLevelRequest { level: 0, ..good.clone() }),
        ("level", proto::SetLevelRequest { level: 77, ..good.clone() }),
        ("expected", proto::SetLevelRequest { expected: -1, ..good.clone() }),
        ("operator", proto::SetLevelRequest { operator: String::new(), ..good.clone() }),
        ("reason", proto::SetLevelRequest { reason: "a\u{7}b".to_owned(), ..good.clone() }),
        ("alert_id", proto::SetLevelRequest { alert_id: request_id(), ..good.clone() }),
        ("request_id", proto::SetLevelRequest { request_id: String::new(), ..good }),
    ];
    for (field, request) in wrong {
        let status = try_set(&node, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
    assert_eq!(level_of(&node).await.level(), Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_traffic_beacons_are_told_so_and_orders_go_on() {
    let (node, _, item_id) = shop().await;
    set(&node, NoTraffic).await;
    let receipt =
        node.record(vec![beacon(&item_id, "ann"), beacon(&item_id, "bob")]).await.unwrap();
    assert_eq!((receipt.accepted, receipt.shed, receipt.switched_off), (0, 2, 2));
    let body = format!(
        r#"{{"beacons":[{{"beacon_id":"{}","item_id":"{item_id}","action":"cart","visitor":"ann"}}]}}"#,
        request_id()
    );
    let (status, said) = post_traffic(&node, &body).await;
    assert_eq!(status, 503);
    assert!(said.contains("no traffic is taken at the level of the service"), "{said}");
    order(&node.place(&item_id, "ann", 1).await.unwrap());
    node.reports().list_orders(proto::ListOrdersRequest::default()).await.unwrap();
    let figures = Figures::of(&node).await;
    assert_eq!(figures.value("doorbuster_service_level"), 1);
    assert_eq!(figures.value("doorbuster_beacons_total{result=\"switched_off\"}"), 3);
    assert_eq!(figures.value("doorbuster_beacons_total{result=\"shed\"}"), 0);
    assert_eq!(figures.value("doorbuster_left_out_total{part=\"traffic\"}"), 3);

    set(&node, Full).await;
    assert_eq!(node.record(vec![beacon(&item_id, "ann")]).await.unwrap().accepted, 1);
}

/// Status and body of `POST /traffic`.
async fn post_traffic(node: &Node, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let length = body.len();
    let head = format!("POST /traffic HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n");
    let mut stream = tokio::net::TcpStream::connect(node.web()).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn at_core_only_reports_and_replays_say_so_and_selling_and_steering_go_on() {
    let (node, sale_id, item_id) = shop().await;
    set(&node, CoreOnly).await;
    let degraded = (Code::Unavailable, "SERVICE_DEGRADED".to_owned(), "core_only".to_owned());
    let report = node.reports().list_orders(proto::ListOrdersRequest::default()).await;
    assert_eq!(reason(&report.unwrap_err()), degraded);
    let verify = proto::VerifySaleRequest { sale_id: sale_id.clone() };
    let verified = node.replays().verify_sale(verify).await;
    assert_eq!(reason(&verified.unwrap_err()), degraded);
    let mut scripts = ScriptServiceClient::new(node.channel());
    let render = proto::RenderScriptRequest { item_id: item_id.clone(), ..Default::default() };
    assert_eq!(reason(&scripts.render_script(render).await.unwrap_err()), degraded);
    scripts.list_scripts(proto::ListScriptsRequest::default()).await.unwrap();

    let placed = node.place(&item_id, "ann", 1).await.unwrap();
    node.pay(&order(&placed)).await;
    node.item(&item_id).await;
    let pause = proto::PauseItemRequest {
        request_id: request_id(),
        item_id: item_id.clone(),
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
    };
    node.items().pause_item(pause).await.unwrap();
    node.sales().get_sale(proto::GetSaleRequest { sale_id }).await.unwrap();
    node.sales().list_sales(proto::ListSalesRequest::default()).await.unwrap();
    let history = proto::ListLevelChangesRequest::default();
    service(&node).list_level_changes(history).await.unwrap();
    assert_eq!(ask(node.web(), "GET", "/readyz").await.status, 200, "it still wants calls");
    let figures = Figures::of(&node).await;
    assert_eq!(figures.value("doorbuster_left_out_total{part=\"reports\"}"), 3);
    let code = "{method=\"doorbuster.v1.ReportService/ListOrders\",code=\"UNAVAILABLE\"}";
    assert_eq!(figures.value(&format!("doorbuster_grpc_calls_total{code}")), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_closed_no_order_is_taken_and_held_ones_are_paid_cancelled_and_expire() {
    let (node, _, item_id) = shop().await;
    let paid = order(&node.place(&item_id, "ann", 1).await.unwrap());
    let cancelled = order(&node.place(&item_id, "bob", 1).await.unwrap());
    let request = place(&item_id, "cyd", 1);
    let expiring = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
    let expiring = order(&expiring);
    set(&node, Closed).await;
    let closed = (Code::Unavailable, "SERVICE_CLOSED".to_owned(), "closed".to_owned());
    assert_eq!(reason(&node.place(&item_id, "dan", 1).await.unwrap_err()), closed);
    // Also a repeated one: what became of it is asked for by its request id.
    let again = node.purchases().place_order(request.clone()).await;
    assert_eq!(reason(&again.unwrap_err()), closed);
    let asked = proto::GetOutcomeRequest {
        request_id: request.request_id,
        item_id: item_id.clone(),
        buyer: "cyd".to_owned(),
    };
    let outcome = node.purchases().get_outcome(asked).await.unwrap().into_inner();
    assert_eq!(outcome.order.unwrap().order_id, expiring.order_id);

    let payment = node.purchases().record_payment(pay(&paid)).await.unwrap().into_inner();
    let outcome = payment.outcome.unwrap();
    assert!(matches!(outcome, proto::record_payment_response::Outcome::Order(_)), "{outcome:?}");
    let cancel = proto::CancelOrderRequest {
        request_id: request_id(),
        item_id: item_id.clone(),
        order_id: cancelled.order_id,
        buyer: "bob".to_owned(),
    };
    node.purchases().cancel_order(cancel).await.unwrap();
    node.advance(61);
    node.item_until(&item_id, |item| item.held_units == 0).await;
    let item = node.item(&item_id).await;
    assert_eq!((item.available_units, item.sold_units), (8, 1));
    let figures = Figures::of(&node).await;
    assert_eq!(figures.value("doorbuster_left_out_total{part=\"orders\"}"), 2);
    assert_eq!(figures.value("doorbuster_service_level"), 4);

    set(&node, Full).await;
    order(&node.place(&item_id, "dan", 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_stream_that_was_open_before_are_told_one_by_one() {
    let (node, _, item_id) = shop().await;
    let (send, orders) = tokio::sync::mpsc::channel(8);
    let orders = tokio_stream::wrappers::ReceiverStream::new(orders);
    let mut answers = node.purchases().place_orders(orders).await.unwrap().into_inner();
    let one =
        |tag: u64| proto::PlaceOrdersRequest { tag, command: Some(place(&item_id, "ann", 1)) };
    send.send(one(1)).await.unwrap();
    let first = answers.message().await.unwrap().unwrap();
    assert!(matches!(first.result, Some(StreamResult::Answer(_))), "{first:?}");
    set(&node, Closed).await;
    send.send(one(2)).await.unwrap();
    let second = answers.message().await.unwrap().unwrap();
    let Some(StreamResult::Fault(fault)) = second.result else { panic!("{second:?}") };
    assert_eq!((second.tag, fault.reason.as_str()), (2, "SERVICE_CLOSED"));
    assert!(fault.retry_after_ms > 0);
    set(&node, Full).await;
    send.send(one(3)).await.unwrap();
    let third = answers.message().await.unwrap().unwrap();
    assert!(matches!(third.result, Some(StreamResult::Answer(_))), "{third:?}");
}
