//! Goal: the edges of the contract: what a request id is of, what a repeated answer holds, what is told
//! beside an answer, and bounds that only the item sees. Method: as in `e2e`.

use doorbuster::grpc::proto::{self, RefusalReason};
use tonic::Code;

use super::field;
use crate::support::{Node, OPENS_AT, create_sale, item, order, pay, place, request_id, timestamp};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_of_its_item() {
    let node = Node::start().await;
    let two = vec![item("phone", &[("shanghai", 3)]), item("lamp", &[("shanghai", 3)])];
    let (_, items) = node.sale(two).await;
    let phone = place(&items[0], "ann", 1);
    let lamp = proto::PlaceOrderRequest { item_id: items[1].clone(), ..phone.clone() };
    let first = order(&node.purchases().place_order(phone.clone()).await.unwrap().into_inner());
    let second = order(&node.purchases().place_order(lamp).await.unwrap().into_inner());
    assert_ne!(first.order_id, second.order_id, "at another item it is another request");
    let again = order(&node.purchases().place_order(phone).await.unwrap().into_inner());
    assert_eq!(again, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_refusal_of_a_payment_is_the_first_one_to_the_last_field() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let late = pay(&order(&node.place(&items[0], "ann", 1).await.unwrap()));
    node.advance(61);
    let first = node.purchases().record_payment(late.clone()).await.unwrap().into_inner();
    let proto::record_payment_response::Outcome::Refusal(refusal) = first.outcome.clone().unwrap()
    else {
        panic!("paid")
    };
    assert_eq!(refusal.reason(), RefusalReason::OrderExpired);
    assert_eq!(refusal.available_units, None);
    order(&node.place(&items[0], "bob", 1).await.unwrap());
    let again = node.purchases().record_payment(late.clone()).await.unwrap().into_inner();
    assert_eq!(again, first);
    node.restart().await;
    let again = node.purchases().record_payment(late).await.unwrap().into_inner();
    assert_eq!(again, first, "after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_created_again_is_answered_as_first_whatever_was_sold_since() {
    let mut node = Node::start().await;
    let mut phone = item("phone", &[("shanghai", 3), ("beijing", 1)]);
    phone.reserve = vec![proto::WarehouseUnits { warehouse: "beijing".to_owned(), units: 3 }];
    let request = create_sale(vec![phone, item("lamp", &[("shanghai", 2)])]);
    let first = node.sales().create_sale(request.clone()).await.unwrap().into_inner();
    let id = first.sale.as_ref().unwrap().items[0].item_id.clone();
    order(&node.place(&id, "ann", 1).await.unwrap());
    let again = node.sales().create_sale(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, first);
    node.restart().await;
    let again = node.sales().create_sale(request).await.unwrap().into_inner();
    assert_eq!(again, first, "after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sale_is_told_of_what_may_be_a_mistake() {
    let node = Node::start().await;
    let first = create_sale(vec![item("phone", &[("shanghai", 3)])]);
    let told = node.sales().create_sale(first).await.unwrap().into_inner();
    assert_eq!(told.notices, [], "nothing is odd about it");
    let (first, position) = (told.sale.unwrap().sale_id, told.position);
    let known = proto::ListSalesRequest { min_position: position, ..Default::default() };
    node.sales().list_sales(known).await.unwrap();

    let two = vec![item("lamp", &[("shanghai", 3)]), item("phone", &[("shanghai", 3)])];
    let told = node.sales().create_sale(create_sale(two)).await.unwrap().into_inner().notices;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind(), proto::SaleNoticeKind::SkuInAnotherSale);
    assert_eq!((told[0].sku.as_str(), told[0].sale_id.as_str()), ("phone", first.as_str()));

    let mut later = create_sale(vec![item("phone", &[("shanghai", 3)])]);
    let draft = later.sale.as_mut().unwrap();
    draft.open_time = draft.close_time;
    draft.close_time = Some(timestamp(OPENS_AT.plus(7_200_000)));
    let told = node.sales().create_sale(later).await.unwrap().into_inner().notices;
    assert_eq!(told, [], "one ends when the other begins");

    node.advance(7_200);
    let late = create_sale(vec![item("chair", &[("shanghai", 3)])]);
    let told = node.sales().create_sale(late).await.unwrap().into_inner().notices;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind(), proto::SaleNoticeKind::OverAlready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_that_only_the_item_sees_is_an_invalid_argument_with_its_field() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let allocate = |warehouse: &str, new_warehouse| proto::AllocateStockRequest {
        request_id: request_id(),
        item_id: items[0].clone(),
        warehouse: warehouse.to_owned(),
        units: 7,
        operator: "olga".to_owned(),
        reason: "a lorry came".to_owned(),
        new_warehouse,
        supplier: String::new(),
    };
    let status = node.items().allocate_stock(allocate("main", false)).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "warehouse"));
    assert!(status.message().contains("\"shanghai\""), "{}", status.message());
    assert_eq!(node.item(&items[0]).await.available_units, 3, "nothing is on sale that is nowhere");
    node.items().allocate_stock(allocate("main", true)).await.unwrap();
    assert_eq!(node.item(&items[0]).await.available_units, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn goals_are_judged_once_the_sale_is_over_or_closed() {
    let node = Node::start().await;
    let mut request = create_sale(vec![item("phone", &[("shanghai", 3)])]);
    let goals = proto::SaleGoals { units: Some(3), ..Default::default() };
    request.sale.as_mut().unwrap().goals = Some(goals);
    let over = |sale_id: String, min_position| {
        let mut reports = node.reports();
        async move {
            let asked = proto::GetGoalAttainmentRequest { sale_id, min_position, as_of: None };
            reports.get_goal_attainment(asked).await.unwrap().into_inner().sale_over
        }
    };
    let created = node.sales().create_sale(request.clone()).await.unwrap().into_inner();
    let sale = created.sale.unwrap().sale_id;
    assert!(!over(sale.clone(), created.position).await, "it has just opened");
    node.advance(3_600);
    assert!(over(sale, created.position).await, "its window is over, without an event");

    let open = timestamp(OPENS_AT.plus(7_200_000));
    let draft = request.sale.as_mut().unwrap();
    draft.close_time = Some(open);
    request.request_id = request_id();
    let created = node.sales().create_sale(request).await.unwrap().into_inner();
    let sale_id = created.sale.unwrap().sale_id;
    assert!(!over(sale_id.clone(), created.position).await);
    let close = proto::CloseSaleRequest {
        request_id: request_id(),
        sale_id: sale_id.clone(),
        operator: "olga".to_owned(),
        reason: "all is sold".to_owned(),
    };
    let closed = node.sales().close_sale(close).await.unwrap().into_inner();
    assert!(over(sale_id, closed.position).await, "it was closed by hand");
}
