//! What a shop calls its orders, as a client meets it: placed, repeated, found, exported; and items that
//! are named by their sale and SKU, orders without their item.

use doorbuster::grpc::proto::{
    self, FindOrderRequest, OrderLabel, order_service_client::OrderServiceClient,
    place_orders_response, refund_order_response,
};
use tonic::{Code, Status};

use super::{field, reason};
use crate::support::{Node, item, order, pay, place, request_id};

const HEAD: u64 = u64::MAX;

fn label(name: &str, value: &str) -> OrderLabel {
    OrderLabel { name: name.to_owned(), value: value.to_owned() }
}

fn called(item: &str, shop_order_id: &str, labels: &[(&str, &str)]) -> proto::PlaceOrderRequest {
    let labels = labels.iter().map(|(name, value)| label(name, value)).collect();
    let shop_order_id = shop_order_id.to_owned();
    proto::PlaceOrderRequest { shop_order_id, labels, ..place(item, "ann", 2) }
}

async fn placed(node: &Node, request: proto::PlaceOrderRequest) -> Result<proto::Order, Status> {
    Ok(order(&node.purchases().place_order(request).await?.into_inner()))
}

async fn find(node: &Node, request: FindOrderRequest) -> Result<Vec<proto::Order>, Status> {
    let request = FindOrderRequest { min_position: HEAD, ..request };
    let found = OrderServiceClient::new(node.channel()).find_order(request).await?.into_inner();
    Ok(found.orders.into_iter().map(|record| record.order.unwrap()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_has_what_its_shop_calls_it_wherever_it_is_shown() {
    let mut node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let request = called(&items[0], "S-17", &[("store", "浦东"), ("campaign", "1111")]);
    let first = placed(&node, request.clone()).await.unwrap();
    assert_eq!(first.shop_order_id, "S-17");
    assert_eq!(first.labels, [label("campaign", "1111"), label("store", "浦东")], "by name");
    let mut turned = request.clone();
    turned.labels.reverse();
    assert_eq!(placed(&node, turned).await.unwrap(), first, "a sequence says nothing");
    let other = proto::PlaceOrderRequest { labels: vec![label("store", "x")], ..request.clone() };
    let reused = placed(&node, other).await.unwrap_err();
    assert_eq!(
        (reused.code(), reason(&reused).as_str()),
        (Code::AlreadyExists, "REQUEST_ID_REUSED")
    );

    let sent = proto::PlaceOrdersRequest { tag: 7, command: Some(request.clone()) };
    let answers = node.purchases().place_orders(tokio_stream::once(sent)).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(place_orders_response::Result::Answer(answer)) = answer.result else { panic!() };
    assert_eq!(order(&answer), first);

    node.restart().await;
    let asked = proto::GetOrderRequest {
        item_id: items[0].clone(),
        order_id: first.order_id.clone(),
        buyer: "ann".to_owned(),
    };
    let shown = node.purchases().get_order(asked).await.unwrap().into_inner().order.unwrap();
    assert_eq!(shown, first, "after a restart");
    for request in [
        FindOrderRequest { order_id: first.order_id.clone(), ..Default::default() },
        FindOrderRequest { shop_order_id: "S-17".to_owned(), ..Default::default() },
        FindOrderRequest { label: Some(label("store", "浦东")), ..Default::default() },
        FindOrderRequest {
            label: Some(label("campaign", "1111")),
            sale_id: sale.clone(),
            ..Default::default()
        },
    ] {
        assert_eq!(
            find(&node, request.clone()).await.unwrap(),
            std::slice::from_ref(&first),
            "{request:?}"
        );
        let sale_id = request_id();
        let elsewhere = FindOrderRequest { sale_id, ..request };
        assert!(find(&node, elsewhere).await.unwrap().is_empty());
    }
    let asked = proto::ExplainPurchaseRequest {
        item_id: format!("{sale}/phone"),
        buyer: "ann".to_owned(),
        min_position: HEAD,
        ..Default::default()
    };
    let told = node.replays().explain_purchase(asked).await.unwrap().into_inner();
    assert_eq!(
        (&told.orders[0].shop_order_id, &told.orders[0].labels),
        (&first.shop_order_id, &first.labels)
    );
    let sentence = "Its id at the shop is S-17, its labels are campaign=1111; store=浦东.";
    assert!(told.sentences.iter().any(|told| told.ends_with(sentence)), "{:?}", told.sentences);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_reference_is_refused_by_the_name_of_its_field() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let refused = async |request| field(&placed(&node, request).await.unwrap_err());
    let phone = &items[0];
    assert_eq!(refused(called(phone, &"x".repeat(65), &[])).await, "shop_order_id");
    assert_eq!(refused(called(phone, "a\u{0}", &[])).await, "shop_order_id");
    assert_eq!(refused(called(phone, "", &[("a", "1"), ("", "2")])).await, "labels[1].name");
    assert_eq!(refused(called(phone, "", &[("a", "1"), ("a", "2")])).await, "labels[1].name");
    assert_eq!(refused(called(phone, "", &[("a", "")])).await, "labels[0].value");
    assert_eq!(refused(called(phone, "", &[("a", "1"); 11])).await, "labels");
    assert_eq!(node.item(phone).await.available_units, 9, "nothing was placed");

    let wrong = async |request| field(&find(&node, request).await.unwrap_err());
    let (order_id, both) = (request_id(), "S-1".to_owned());
    assert_eq!(wrong(FindOrderRequest::default()).await, "order_id");
    let request = FindOrderRequest { order_id: "7".to_owned(), ..Default::default() };
    assert_eq!(wrong(request).await, "order_id");
    let request = FindOrderRequest { order_id, shop_order_id: both, ..Default::default() };
    assert_eq!(wrong(request.clone()).await, "shop_order_id");
    assert_eq!(wrong(FindOrderRequest { label: Some(label("a", "1")), ..request }).await, "label");
    let half = FindOrderRequest { label: Some(label("a", "")), ..Default::default() };
    assert_eq!(wrong(half.clone()).await, "label.value");
    let sale = FindOrderRequest { sale_id: "x".to_owned(), label: Some(label("a", "1")), ..half };
    assert_eq!(wrong(sale).await, "sale_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_acts_on_an_order_by_its_id_alone() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let bought = order(&node.place(&items[0], "ann", 2).await.unwrap());
    node.pay(&bought).await;
    let mut orders = OrderServiceClient::new(node.channel());
    let refund = |order_id: &str| proto::RefundOrderRequest {
        request_id: request_id(),
        order_id: order_id.to_owned(),
        units: 1,
        restock: true,
        operator: "olga".to_owned(),
        reason: "sent back".to_owned(),
        ..Default::default()
    };
    let answer = orders.refund_order(refund(&bought.order_id)).await.unwrap().into_inner();
    let Some(refund_order_response::Outcome::Order(back)) = answer.outcome else { panic!() };
    assert_eq!((&back.item_id, back.refunded_units), (&items[0], 1));
    let settle = |due_id: &str| proto::SettleRefundRequest {
        request_id: request_id(),
        due_id: due_id.to_owned(),
        reference: "transfer-1".to_owned(),
        operator: "olga".to_owned(),
        reason: "daily run".to_owned(),
        ..Default::default()
    };
    orders.settle_refund(settle(&back.dues[0].due_id)).await.unwrap();
    let unknown = orders.refund_order(refund(&request_id())).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "order_id does not exist"));
    let unknown = orders.settle_refund(settle(&request_id())).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "due_id does not exist"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_named_by_its_sale_and_sku_and_answers_name_its_id() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone/2 黑", &[("shanghai", 9)])]).await;
    let named = format!("{sale}/phone/2 黑");
    let bought = placed(&node, called(&named, "", &[])).await.unwrap();
    assert_eq!(bought.item_id, items[0]);
    assert_eq!(node.item(&named).await.item_id, items[0]);
    let by_name = proto::Order { item_id: named.clone(), ..bought.clone() };
    node.purchases().record_payment(pay(&by_name)).await.unwrap();
    let asked =
        proto::ListOrdersRequest { item_id: named, min_position: HEAD, ..Default::default() };
    assert_eq!(node.reports().list_orders(asked).await.unwrap().into_inner().orders.len(), 1);

    let unknown = placed(&node, called(&format!("{sale}/lamp"), "", &[])).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "item_id does not exist"));
    for (text, said) in [
        (
            "phone".to_owned(),
            "item_id must be a UUID of 36 characters with hyphens, or SALE_ID/SKU",
        ),
        (
            "sale/phone".to_owned(),
            "item_id as SALE_ID/SKU: SALE_ID must be a UUID of 36 characters",
        ),
        (format!("{sale}/"), "item_id as SALE_ID/SKU: SKU is missing"),
        (format!("{sale}/a\n"), "item_id as SALE_ID/SKU: SKU must not"),
        (format!("{sale}/{}", "x".repeat(65)), "item_id as SALE_ID/SKU: SKU must have at most 64"),
    ] {
        let wrong = placed(&node, called(&text, "", &[])).await.unwrap_err();
        assert_eq!(field(&wrong), "item_id");
        assert!(wrong.message().starts_with(said), "{text:?}: {}", wrong.message());
    }
}
