//! Goal: the server keeps its contract as a client sees it. Method: a real server on loopback, the
//! generated clients, and a clock that moves only when a test moves it.

mod edges;
mod prices;
mod references;

use doorbuster::{
    clock::{Clock, ManualClock},
    events::{Event, StreamName, encode},
    grpc::proto::{self, RefusalReason, place_orders_response},
    store::{EventStore, Expected, embedded::EmbeddedStore},
    values::{RequestId, SaleId},
};
use std::sync::Arc;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{
    Node, OPENS_AT, PATIENCE, create_sale, item, order, pay, place, refused, request_id, timestamp,
};

pub fn reason(status: &Status) -> String {
    status.get_details_error_info().expect("each status carries an ErrorInfo").reason
}

pub fn field(status: &Status) -> String {
    let details = status.get_details_bad_request().expect("a bad request names its field");
    details.field_violations[0].field.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_paid_and_read_back_at_its_position() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;

    let placed = node.place(&items[0], "ann", 2).await.unwrap();
    let held = order(&placed);
    assert_eq!(held.state(), proto::OrderState::Held);
    assert_eq!(held.total.as_ref().unwrap().amount_minor, 399_800);
    assert_eq!(held.pay_by_time, Some(timestamp(OPENS_AT.plus(60_000))));

    let paid = node.pay(&held).await;
    let listed = node
        .reports()
        .list_orders(proto::ListOrdersRequest {
            buyer: "ann".to_owned(),
            min_position: paid.position,
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.orders.len(), 1);
    let record = &listed.orders[0];
    assert_eq!(record.order.as_ref().unwrap().state(), proto::OrderState::Paid);
    assert_eq!(record.sale_id, sale);
    assert_eq!(record.warehouses[0].warehouse, "shanghai");
    assert!(listed.freshness.unwrap().position >= paid.position);

    let shown = node.item(&items[0]).await;
    assert_eq!((shown.available_units, shown.held_units, shown.sold_units), (1, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_its_first_answer_for_ever() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let request = place(&items[0], "ann", 1);

    let first = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
    let payment = pay(&order(&first));
    let paid = node.purchases().record_payment(payment.clone()).await.unwrap().into_inner();

    let again = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, first, "after the payment");
    node.advance(7200);
    node.restart().await;
    let again = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, first, "after closing and a restart");
    let paid_again = node.purchases().record_payment(payment).await.unwrap().into_inner();
    assert_eq!(paid_again, paid, "a payment too");

    let mut other = request;
    other.units = 2;
    let status = node.purchases().place_order(other).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    assert_eq!(node.item(&items[0]).await.sold_units, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_expires_although_nobody_asks() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let held = order(&node.place(&items[0], "ann", 1).await.unwrap());
    assert_eq!(refused(&node.place(&items[0], "bob", 1).await.unwrap()), RefusalReason::SoldOut);

    node.advance(60);
    node.item_until(&items[0], |item| item.available_units == 1).await;
    order(&node.place(&items[0], "bob", 1).await.unwrap());

    let late = node.pay(&held).await;
    match late.outcome.unwrap() {
        proto::record_payment_response::Outcome::Refusal(refusal) => {
            assert_eq!(refusal.reason(), RefusalReason::OrderExpired);
        }
        proto::record_payment_response::Outcome::Order(order) => panic!("resurrected: {order:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_survive_a_restart_and_need_nobody_to_ask_the_item() {
    let mut node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    order(&node.place(&items[0], "ann", 1).await.unwrap());
    node.restart().await;
    node.advance(61);

    // Only the read model is asked: the item must wake up by itself.
    let released = async {
        loop {
            let request =
                proto::GetStockLevelsRequest { sale_id: sale.clone(), ..Default::default() };
            let levels = node.reports().get_stock_levels(request).await.unwrap().into_inner();
            if levels.levels.first().is_some_and(|level| level.available_units == 1) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, released).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn items_open_and_close_by_their_own_window() {
    let node = Node::start().await;
    let mut late = item("late", &[("shanghai", 1)]);
    late.open_time = Some(timestamp(OPENS_AT.plus(10_000)));
    late.close_time = Some(timestamp(OPENS_AT.plus(20_000)));
    let (_, items) = node.sale(vec![item("now", &[("shanghai", 1)]), late]).await;

    order(&node.place(&items[0], "ann", 1).await.unwrap());
    let early = node.place(&items[1], "ann", 1).await.unwrap();
    assert_eq!(refused(&early), RefusalReason::NotOpenYet);
    node.advance(10);
    order(&node.place(&items[1], "ann", 1).await.unwrap());
    node.advance(10);
    assert_eq!(refused(&node.place(&items[1], "bob", 1).await.unwrap()), RefusalReason::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_pause_resume_add_units_and_close() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let item_id = items[0].clone();
    let pause = proto::PauseItemRequest {
        request_id: request_id(),
        item_id: item_id.clone(),
        operator: "olga".to_owned(),
        reason: "price is wrong".to_owned(),
    };
    node.items().pause_item(pause.clone()).await.unwrap();
    assert_eq!(refused(&node.place(&item_id, "ann", 1).await.unwrap()), RefusalReason::Paused);
    node.items().pause_item(pause).await.expect("repeating it is harmless");
    let resume = proto::ResumeItemRequest {
        request_id: request_id(),
        item_id: item_id.clone(),
        operator: "olga".to_owned(),
        reason: "price is right".to_owned(),
    };
    node.items().resume_item(resume).await.unwrap();
    order(&node.place(&item_id, "ann", 1).await.unwrap());

    let allocate = proto::AllocateStockRequest {
        request_id: request_id(),
        item_id: item_id.clone(),
        warehouse: "guangzhou".to_owned(),
        units: 2,
        operator: "olga".to_owned(),
        reason: "found two more".to_owned(),
        new_warehouse: true,
        supplier: String::new(),
    };
    node.items().allocate_stock(allocate).await.unwrap();
    order(&node.place(&item_id, "bob", 2).await.unwrap());

    let close = proto::CloseSaleRequest {
        request_id: request_id(),
        sale_id: sale.clone(),
        operator: "olga".to_owned(),
        reason: "done".to_owned(),
    };
    let closed = node.sales().close_sale(close).await.unwrap().into_inner();
    assert!(closed.sale.unwrap().closed_time.is_some());
    assert_eq!(refused(&node.place(&item_id, "cat", 1).await.unwrap()), RefusalReason::Closed);
    let listed = node
        .sales()
        .list_sales(proto::ListSalesRequest { min_position: closed.position, ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert!(listed.sales[0].closed && listed.sales[0].sale_id == sale);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field_and_writes_nothing() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let good = place(&items[0], "ann", 1);
    let bad = |change: fn(&mut proto::PlaceOrderRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let cases: [(proto::PlaceOrderRequest, &str); 13] = [
        (proto::PlaceOrderRequest::default(), "request_id"),
        (bad(|r| r.request_id = "x".to_owned()), "request_id"),
        (bad(|r| r.request_id = "00000000-0000-0000-0000-000000000000".to_owned()), "request_id"),
        (bad(|r| r.request_id = r.request_id.replace('-', "")), "request_id"),
        (bad(|r| r.item_id = String::new()), "item_id"),
        (bad(|r| r.item_id = "../../etc/passwd".to_owned()), "item_id"),
        (bad(|r| r.buyer = String::new()), "buyer"),
        (bad(|r| r.buyer = "a".repeat(129)), "buyer"),
        (bad(|r| r.buyer = "ann\u{1b}[2J".to_owned()), "buyer"),
        (bad(|r| r.units = 0), "units"),
        (bad(|r| r.units = -1), "units"),
        (bad(|r| r.units = i64::MAX), "units"),
        (bad(|r| r.channel = "c".repeat(33)), "channel"),
    ];
    for (request, wrong) in cases {
        let status = node.purchases().place_order(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{wrong}: {status}");
        assert_eq!(field(&status), wrong, "{status}");
        assert!(status.message().starts_with(wrong), "{status}");
    }
    let mut unknown = good.clone();
    unknown.item_id = request_id();
    let status = node.purchases().place_order(unknown).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));

    let mut sale = create_sale(vec![item("a", &[("x", 1)]), item("b", &[("x", 1)])]);
    sale.sale.as_mut().unwrap().items[1].unit_price_minor = 0;
    let status = node.sales().create_sale(sale).await.unwrap_err();
    assert_eq!(field(&status), "sale.items[1].unit_price_minor");

    let mut huge = good.clone();
    huge.buyer = "b".repeat(70_000);
    let status = node.purchases().place_order(huge).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");

    let shown = node.item(&items[0]).await;
    assert_eq!((shown.available_units, shown.held_units), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_buyers_order_looks_like_a_missing_one() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1)])]).await;
    let held = order(&node.place(&items[0], "ann", 1).await.unwrap());
    let cancel = |order_id: String, buyer: &str| proto::CancelOrderRequest {
        request_id: request_id(),
        item_id: items[0].clone(),
        order_id,
        buyer: buyer.to_owned(),
    };
    let theirs =
        node.purchases().cancel_order(cancel(held.order_id.clone(), "bob")).await.unwrap_err();
    let missing = node.purchases().cancel_order(cancel(request_id(), "bob")).await.unwrap_err();
    assert_eq!(theirs.code(), Code::NotFound);
    assert_eq!((theirs.code(), theirs.message()), (missing.code(), missing.message()));
    assert_eq!(theirs.details(), missing.details());
    node.purchases().cancel_order(cancel(held.order_id, "ann")).await.unwrap();
    assert_eq!(node.item(&items[0]).await.available_units, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_each_order_once_and_in_order_for_an_item() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("a", &[("x", 500)]), item("b", &[("x", 1000)])]).await;
    let mut requests = Vec::new();
    for tag in 0..2000_u64 {
        let item = &items[usize::try_from(tag % 2).unwrap()];
        let mut command = place(item, &format!("buyer-{tag}"), 1);
        if tag == 100 {
            command.units = 0;
        }
        requests.push(proto::PlaceOrdersRequest { tag, command: Some(command) });
    }
    let stream = tokio_stream::iter(requests);
    let mut answers = node.purchases().place_orders(stream).await.unwrap().into_inner();
    let (mut placed, mut sold_out, mut faults) = (0, 0, 0);
    let mut last = [None, None];
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.result.unwrap() {
            place_orders_response::Result::Answer(found) => {
                let lane = usize::try_from(answer.tag % 2).unwrap();
                assert!(last[lane] < Some(answer.tag), "{} after {:?}", answer.tag, last[lane]);
                last[lane] = Some(answer.tag);
                match found.outcome.unwrap() {
                    proto::place_order_response::Outcome::Order(_) => placed += 1,
                    proto::place_order_response::Outcome::Refusal(refusal) => {
                        assert_eq!(refusal.reason(), RefusalReason::SoldOut);
                        sold_out += 1;
                    }
                }
            }
            place_orders_response::Result::Fault(fault) => {
                assert_eq!((answer.tag, fault.code.as_str()), (100, "INVALID_ARGUMENT"));
                assert_eq!(fault.field, "command.units");
                faults += 1;
            }
        }
    }
    assert_eq!((placed, sold_out, faults), (1500, 499, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_answered_at_once_and_loses_no_accepted_order() {
    let node = Node::start_with(|config| config.waiting_max = 2).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 1000)])]).await;
    let mut storm = tokio::task::JoinSet::new();
    for shopper in 0..256 {
        let mut purchases = node.purchases();
        let request = place(&items[0], &format!("buyer-{shopper}"), 1);
        storm.spawn(async move { purchases.place_order(request).await });
    }
    let (mut accepted, mut shed) = (0, 0);
    while let Some(answer) = storm.join_next().await {
        match answer.unwrap() {
            Ok(answer) => {
                order(&answer.into_inner());
                accepted += 1;
            }
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                assert_eq!(reason(&status), "OVERLOADED");
                assert!(status.get_details_retry_info().is_some());
                shed += 1;
            }
        }
    }
    assert!(accepted > 0 && shed > 0, "{accepted} accepted, {shed} shed");
    assert_eq!(node.item(&items[0]).await.held_units, accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_a_crash_left_half_told_is_carried_out_on_start() {
    let mut node = Node::start().await;
    node.stop();
    // What a crash leaves: the sale's event is in the log, its items' events are not.
    let request = RequestId::parse("request_id", &request_id()).unwrap();
    let draft = doorbuster::domain::sale::Draft {
        name: "Half told".to_owned(),
        currency_code: "CNY".to_owned(),
        opens_at: Some(OPENS_AT),
        closes_at: Some(OPENS_AT.plus(1000)),
        items: vec![doorbuster::domain::sale::DraftItem {
            sku: "phone".to_owned(),
            title: "Phone".to_owned(),
            unit_price_minor: 1,
            time_to_pay_ms: Some(1000),
            units: vec![("shanghai".to_owned(), 5)],
            ..Default::default()
        }],
        ..Default::default()
    };
    let plan = doorbuster::domain::sale::plan(request, draft, "olga".to_owned()).unwrap();
    let sale = SaleId::of_request(request);
    let item_id = plan.items[0].item_id.to_string();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(OPENS_AT));
    let store = EmbeddedStore::open(node.data(), clock).unwrap();
    let event = Event::Sale(doorbuster::events::SaleEvent::Created(plan));
    let event = encode(sale.0, &event, sale.0, request.0);
    store.append(StreamName::sale(sale), Expected::NoStream, vec![event].into()).await.unwrap();
    store.close();
    drop(store);

    node.restart().await;
    // No call for the sale: the server completes it by itself.
    let carried_out = async {
        loop {
            let request = proto::GetItemRequest { item_id: item_id.clone() };
            if let Ok(found) = node.items().get_item(request).await {
                return found.into_inner().item.unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, carried_out).await.unwrap();
    assert_eq!(found.available_units, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_counts_every_attempt_also_the_refused() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let first = place(&items[0], "ann", 1);
    node.purchases().place_order(first.clone()).await.unwrap();
    node.purchases().place_order(first).await.unwrap();
    node.place(&items[0], "bob", 1).await.unwrap();
    node.place(&items[0], "cat", 1).await.unwrap();
    node.advance(1);
    let counted = async {
        loop {
            let request = proto::GetTimelineRequest { sale_id: sale.clone(), ..Default::default() };
            let seconds = node.reports().get_timeline(request).await.unwrap().into_inner().seconds;
            if let Some(second) = seconds.into_iter().find(|second| second.attempts > 0) {
                return second;
            }
            tokio::task::yield_now().await;
        }
    };
    let second = tokio::time::timeout(PATIENCE, counted).await.unwrap();
    assert_eq!(second.second, Some(timestamp(OPENS_AT)));
    assert_eq!((second.attempts, second.orders_placed, second.repeats), (4, 2, 1));
    assert_eq!(second.refusals.len(), 1);
    assert_eq!(second.refusals[0].reason(), RefusalReason::SoldOut);
    assert_eq!(second.refusals[0].attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_cannot_come_so_far_says_so() {
    let node = Node::start_with(|config| config.min_position_wait_ms = 50).await;
    let request = proto::ListSalesRequest { min_position: u64::MAX - 1, ..Default::default() };
    let status = node.sales().list_sales(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "READ_MODEL_BEHIND"));
}
