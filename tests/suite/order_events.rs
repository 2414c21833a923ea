//! Goal: a shop that follows its orders is told of each event once in each call, in the order of the log
//! and with the order as it then stands, and goes on from any message it has seen, also after a restart.
//!
//! Method: a real server on loopback with a clock that stands still, and the generated clients.

use doorbuster::grpc::{
    AT_HEAD,
    proto::{
        self, FollowOrdersRequest, FollowOrdersResponse, OrderEvent, OrderEventKind as Kind,
        OrderState, order_service_client::OrderServiceClient,
    },
};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::support::{Channel, Node, PATIENCE, item, order, pay, request_id};

/// What a phone costs.
const PRICE: i64 = 199_900;

/// A server with a sale of nine phones and nine cases.
struct Shop {
    node: Node,
    sale: String,
    phone: String,
    case: String,
}

fn from_the_start() -> FollowOrdersRequest {
    FollowOrdersRequest { after_position: Some(0), ..Default::default() }
}

fn behind(token: &str) -> FollowOrdersRequest {
    FollowOrdersRequest { resume_token: token.to_owned(), ..Default::default() }
}

/// The next message.
async fn next(told: &mut Streaming<FollowOrdersResponse>) -> FollowOrdersResponse {
    let next = timeout(PATIENCE, told.message()).await.expect("something is told");
    next.unwrap().expect("it goes on")
}

/// The next so many events.
async fn events(told: &mut Streaming<FollowOrdersResponse>, count: usize) -> Vec<OrderEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        events.extend(next(told).await.event);
    }
    events
}

/// What a follower can go by, beside ids and moments.
fn gist(event: &OrderEvent) -> (Kind, i64, i64, &str, OrderState) {
    let record = event.order.as_ref().unwrap();
    let order = record.order.as_ref().unwrap();
    assert_eq!((&order.order_id, &order.item_id), (&event.order_id, &event.item_id));
    let amount = event.amount.as_ref().map_or(0, |amount| amount.amount_minor);
    (event.kind(), event.units, amount, &event.reference, order.state())
}

fn reason(status: &Status) -> (Code, String, String) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    (status.code(), info.reason.clone(), info.metadata.get("field").cloned().unwrap_or_default())
}

impl Shop {
    async fn open() -> Self {
        let node = Node::start().await;
        let drafts = vec![item("phone", &[("shanghai", 9)]), item("case", &[("shanghai", 9)])];
        let (sale, items) = node.sale(drafts).await;
        let [phone, case] = items.try_into().unwrap();
        Self { node, sale, phone, case }
    }

    fn orders(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.node.channel())
    }

    async fn follow(&self, request: FollowOrdersRequest) -> Streaming<FollowOrdersResponse> {
        self.orders().follow_orders(request).await.unwrap().into_inner()
    }

    async fn refused(&self, request: FollowOrdersRequest) -> (Code, String, String) {
        let told = self.orders().follow_orders(request).await;
        reason(&told.expect_err("the call fails"))
    }

    /// An order that is paid, of which a unit comes back, one that is cancelled, and one that is paid too
    /// late: nine events.
    async fn sell(&self) {
        let ann = order(&self.node.place(&self.phone, "ann", 2).await.unwrap());
        self.node.pay(&ann).await;
        let refund = proto::RefundOrderRequest {
            request_id: request_id(),
            item_id: self.phone.clone(),
            order_id: ann.order_id.clone(),
            units: 1,
            restock: true,
            operator: "olga".to_owned(),
            reason: "sent back".to_owned(),
        };
        let refunded = self.orders().refund_order(refund).await.unwrap().into_inner();
        let Some(proto::refund_order_response::Outcome::Order(refunded)) = refunded.outcome else {
            panic!("refused")
        };
        let settle = proto::SettleRefundRequest {
            request_id: request_id(),
            item_id: self.phone.clone(),
            due_id: refunded.dues[0].due_id.clone(),
            reference: "transfer-1".to_owned(),
            operator: "finn".to_owned(),
            reason: "daily run".to_owned(),
        };
        self.orders().settle_refund(settle).await.unwrap();
        let bob = order(&self.node.place(&self.case, "bob", 1).await.unwrap());
        let cancel = proto::CancelOrderRequest {
            request_id: request_id(),
            item_id: self.case.clone(),
            order_id: bob.order_id.clone(),
            buyer: "bob".to_owned(),
        };
        self.node.purchases().cancel_order(cancel).await.unwrap();
        let cid = order(&self.node.place(&self.phone, "cid", 1).await.unwrap());
        self.node.advance(61);
        self.node.pay(&cid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_told_in_order_with_what_it_means_and_continued_from_any_token() {
    let mut shop = Shop::open().await;
    shop.sell().await;
    // The read models have come as far, so that each order is told as it is now.
    let all = proto::ListOrdersRequest { min_position: AT_HEAD, ..Default::default() };
    shop.node.reports().list_orders(all).await.unwrap();
    let mut told = shop.follow(from_the_start()).await;
    let mut messages = Vec::new();
    for _ in 0..9 {
        messages.push(next(&mut told).await);
    }
    let events: Vec<&OrderEvent> =
        messages.iter().map(|told| told.event.as_ref().unwrap()).collect();
    let gists: Vec<_> = events.iter().map(|event| gist(event)).collect();
    let reference = pay(&events[0].order.clone().unwrap().order.unwrap()).payment_reference;
    let late = pay(&events[6].order.clone().unwrap().order.unwrap()).payment_reference;
    assert_eq!(
        gists,
        [
            (Kind::Placed, 2, 2 * PRICE, "", OrderState::Paid),
            (Kind::Paid, 2, 2 * PRICE, reference.as_str(), OrderState::Paid),
            (Kind::Refunded, 1, PRICE, "", OrderState::Paid),
            (Kind::RefundSettled, 0, PRICE, "transfer-1", OrderState::Paid),
            (Kind::Placed, 1, PRICE, "", OrderState::Cancelled),
            (Kind::Cancelled, 1, 0, "", OrderState::Cancelled),
            (Kind::Placed, 1, PRICE, "", OrderState::Expired),
            (Kind::Expired, 1, 0, "", OrderState::Expired),
            (Kind::RefundDue, 0, PRICE, late.as_str(), OrderState::Expired),
        ]
    );
    assert!(events.is_sorted_by_key(|event| event.position));
    assert_eq!(events[2].due_id, events[3].due_id);
    assert!(!events[8].due_id.is_empty());
    assert!(events.iter().all(|event| event.order.as_ref().unwrap().sale_id == shop.sale));

    // Whoever goes on from a message hears what comes next, also from a server that was started again.
    shop.node.restart().await;
    for at in 0..8 {
        let mut resumed = shop.follow(behind(&messages[at].resume_token)).await;
        assert_eq!(next(&mut resumed).await, messages[at + 1]);
    }
    // At the end it waits for what happens then.
    let mut resumed = shop.follow(behind(&messages[8].resume_token)).await;
    let dan = order(&shop.node.place(&shop.case, "dan", 3).await.unwrap());
    let told = next(&mut resumed).await.event.unwrap();
    assert_eq!(
        (gist(&told), told.order_id.clone()),
        ((Kind::Placed, 3, 3 * PRICE, "", OrderState::Held), dan.order_id)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_asked_for_is_told() {
    let shop = Shop::open().await;
    shop.sell().await;
    let of = |change: fn(&mut FollowOrdersRequest, &Shop)| {
        let mut request = from_the_start();
        change(&mut request, &shop);
        request
    };
    let mut told = shop.follow(of(|request, shop| request.item_id = shop.case.clone())).await;
    let kinds: Vec<Kind> = events(&mut told, 2).await.iter().map(OrderEvent::kind).collect();
    assert_eq!(kinds, [Kind::Placed, Kind::Cancelled]);
    let mut told = shop
        .follow(of(|request, shop| {
            request.sale_id = shop.sale.clone();
            request.kinds = vec![Kind::RefundDue.into(), Kind::Expired.into()];
        }))
        .await;
    let kinds: Vec<Kind> = events(&mut told, 2).await.iter().map(OrderEvent::kind).collect();
    assert_eq!(kinds, [Kind::Expired, Kind::RefundDue]);

    // Nothing of another sale: what comes next is not told, and then what is asked for is.
    let (other, mut items) = shop.node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let mut told = shop.follow(FollowOrdersRequest { sale_id: other, ..from_the_start() }).await;
    shop.node.place(&shop.phone, "eve", 1).await.unwrap();
    let placed = order(&shop.node.place(&items.remove(0), "eve", 1).await.unwrap());
    assert_eq!(events(&mut told, 1).await[0].order_id, placed.order_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_now_has_a_token_before_anything_happens() {
    let mut shop = Shop::open().await;
    shop.sell().await;
    // What has happened so far is in the read model.
    let mut told = shop.follow(from_the_start()).await;
    events(&mut told, 9).await;
    let mut told = shop.follow(FollowOrdersRequest::default()).await;
    let first = next(&mut told).await;
    assert_eq!(first.event, None);
    let placed = order(&shop.node.place(&shop.phone, "eve", 1).await.unwrap());
    assert_eq!(events(&mut told, 1).await[0].order_id, placed.order_id);
    // The connection breaks before that: nothing is missed.
    shop.node.restart().await;
    let mut resumed = shop.follow(behind(&first.resume_token)).await;
    assert_eq!(events(&mut resumed, 1).await[0].order_id, placed.order_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_without_an_error_when_the_server_stops() {
    let mut shop = Shop::open().await;
    let mut told = shop.follow(FollowOrdersRequest::default()).await;
    next(&mut told).await;
    let ended = tokio::spawn(async move { timeout(PATIENCE, told.message()).await });
    shop.node.restart().await;
    assert_eq!(ended.await.unwrap().expect("it ends").unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_are_not_in_the_log_and_bad_fields_are_named() {
    let (shop, other) = (Shop::open().await, Shop::open().await);
    shop.sell().await;
    let mut told = shop.follow(from_the_start()).await;
    let token = next(&mut told).await.resume_token;
    let changed = (Code::FailedPrecondition, "LOG_CHANGED".to_owned(), "resume_token".to_owned());
    assert_eq!(other.refused(behind(&token)).await, changed);
    // Another event at the same position is another log, too.
    let (head, id) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", request_id());
    assert_ne!(forged, format!("{head}.{id}"));
    assert_eq!(shop.refused(behind(&forged)).await, changed);

    let invalid =
        |field: &str| (Code::InvalidArgument, "INVALID_ARGUMENT".to_owned(), field.to_owned());
    for rubbish in ["x", "1.2.3", "1.2.item-x.0.y", &format!("{token} "), &format!("0{token}")] {
        assert_eq!(shop.refused(behind(rubbish)).await, invalid("resume_token"), "{rubbish:?}");
    }
    let request = |change: fn(&mut FollowOrdersRequest)| {
        let mut request = from_the_start();
        change(&mut request);
        request
    };
    let both = FollowOrdersRequest { resume_token: token, ..from_the_start() };
    assert_eq!(shop.refused(both).await, invalid("after_position"));
    let beyond = request(|request| request.after_position = Some(1 << 40));
    assert_eq!(shop.refused(beyond).await, invalid("after_position"));
    let sale = request(|request| request.sale_id = "x".to_owned());
    assert_eq!(shop.refused(sale).await, invalid("sale_id"));
    let item = request(|request| request.item_id = "x".to_owned());
    assert_eq!(shop.refused(item).await, invalid("item_id"));
    for kind in [0, 15] {
        let kinds = FollowOrdersRequest { kinds: vec![1, kind], ..from_the_start() };
        assert_eq!(shop.refused(kinds).await, invalid("kinds[1]"));
    }
}

/// Kind, order and position of what is told.
fn what(event: &OrderEvent) -> (Kind, &str, u64) {
    (event.kind(), event.order_id.as_str(), event.position)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_sold_out_each_time_its_last_unit_is_taken() {
    let mut node = Node::start().await;
    let drafts = vec![item("phone", &[("shanghai", 2), ("beijing", 1)])];
    let (sale, mut items) = node.sale(drafts).await;
    let phone = items.remove(0);
    order(&node.place(&phone, "ann", 1).await.unwrap());
    let bob = order(&node.place(&phone, "bob", 2).await.unwrap());
    // The holds end, and their units are sold again: all of them to one buyer.
    node.advance(61);
    node.item_until(&phone, |item| item.available_units == 3).await;
    let cid = order(&node.place(&phone, "cid", 1).await.unwrap());
    let withdraw = |warehouse: &str, units| proto::WithdrawStockRequest {
        request_id: request_id(),
        item_id: phone.clone(),
        warehouse: warehouse.to_owned(),
        units,
        operator: "olga".to_owned(),
        reason: "damaged".to_owned(),
        ..Default::default()
    };
    let left = node.item(&phone).await;
    for at in left.available_by_warehouse.iter().filter(|at| at.units > 0) {
        node.items().withdraw_stock(withdraw(&at.warehouse, at.units)).await.unwrap();
    }

    let mut orders = OrderServiceClient::new(node.channel());
    let request = FollowOrdersRequest { item_id: phone.clone(), ..from_the_start() };
    let mut told = orders.follow_orders(request).await.unwrap().into_inner();
    let mut messages = Vec::new();
    for _ in 0..7 {
        messages.push(next(&mut told).await);
    }
    let events: Vec<&OrderEvent> = messages.iter().map(|m| m.event.as_ref().unwrap()).collect();
    let kinds: Vec<Kind> = events.iter().map(|event| event.kind()).collect();
    assert_eq!(
        kinds,
        [
            Kind::Placed,
            Kind::Placed,
            Kind::SoldOut,
            Kind::Expired,
            Kind::Expired,
            Kind::Placed,
            Kind::SoldOut
        ]
    );
    // The first by the order that took the last unit, right behind it; the second by an operator.
    assert_eq!(what(events[2]), (Kind::SoldOut, bob.order_id.as_str(), events[1].position));
    assert_eq!(events[2].order, events[1].order);
    assert_eq!((what(events[6]).1, events[6].order.as_ref()), ("", None));
    assert_eq!(events[5].order_id, cid.order_id);
    assert!(events.iter().all(|event| event.sale_id == sale && event.item_id == phone));
    assert!(events.iter().all(|event| event.event_time.is_some()));
    let ids: std::collections::HashSet<&str> =
        events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids.len(), events.len());

    // Between an order and the sold-out behind it nothing is lost: the order is told again.
    node.restart().await;
    let mut orders = OrderServiceClient::new(node.channel());
    for (at, from) in [(0, 1), (1, 1), (2, 3), (5, 6)] {
        let request = behind(&messages[at].resume_token);
        let mut resumed = orders.follow_orders(request).await.unwrap().into_inner();
        for message in &messages[from..] {
            assert_eq!(next(&mut resumed).await, *message, "behind {at}");
        }
    }
    // Also where the stream begins in the middle of the log.
    let first = events[0].position;
    let request = FollowOrdersRequest { after_position: Some(first), ..Default::default() };
    let mut told = orders.follow_orders(request).await.unwrap().into_inner();
    assert_eq!(next(&mut told).await, messages[1]);
    // Only sold-outs.
    let request = FollowOrdersRequest {
        kinds: vec![Kind::SoldOut.into()],
        sale_id: sale.clone(),
        ..from_the_start()
    };
    let mut told = orders.follow_orders(request).await.unwrap().into_inner();
    assert_eq!(
        [next(&mut told).await, next(&mut told).await],
        [&messages[2], &messages[6]].map(Clone::clone)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_the_reserve_plan_adds_at_once_leave_no_item_sold_out() {
    let node = Node::start().await;
    let mut draft = item("phone", &[("shanghai", 1)]);
    draft.reserve = draft.units.clone();
    draft.reserve_plan =
        vec![proto::ReserveStep { below_units: 1, release_units: 1, ..Default::default() }];
    let (_, items) = node.sale(vec![draft]).await;
    let ann = order(&node.place(&items[0], "ann", 1).await.unwrap());
    let bob = order(&node.place(&items[0], "bob", 1).await.unwrap());
    let mut orders = OrderServiceClient::new(node.channel());
    let mut told = orders.follow_orders(from_the_start()).await.unwrap().into_inner();
    let told = events(&mut told, 3).await;
    let told: Vec<_> = told.iter().map(|event| (event.kind(), event.order_id.as_str())).collect();
    let bob = bob.order_id.as_str();
    assert_eq!(
        told,
        [(Kind::Placed, ann.order_id.as_str()), (Kind::Placed, bob), (Kind::SoldOut, bob)]
    );
}
