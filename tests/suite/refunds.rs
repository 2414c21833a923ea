//! Goal: money that is due back is on the list until it is settled, whatever made it due, and each act
//! that cannot be is refused with the field that is wrong.
//!
//! Method: a real server on loopback with a clock that stands still, and the generated clients.

use doorbuster::grpc::proto::{
    self, RefundCause, RefundState, RefusalReason, order_service_client::OrderServiceClient,
    settle_refund_response,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    Channel, Node, OPENS_AT, create_sale, item, order, pay, request_id, timestamp,
};

/// What a phone costs.
const PRICE: i64 = 199_900;

/// A server with a sale of nine phones.
struct Shop {
    node: Node,
    sale: String,
    item: String,
}

impl Shop {
    async fn open() -> Self {
        let node = Node::start().await;
        let (sale, mut items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
        Self { node, sale, item: items.remove(0) }
    }

    fn orders(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.node.channel())
    }

    /// An order that is paid.
    async fn paid(&self, buyer: &str, units: i64) -> proto::Order {
        let placed = order(&self.node.place(&self.item, buyer, units).await.unwrap());
        self.node.pay(&placed).await;
        placed
    }

    fn refund(&self, order: &proto::Order, units: i64) -> proto::RefundOrderRequest {
        proto::RefundOrderRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            order_id: order.order_id.clone(),
            units,
            restock: true,
            operator: "olga".to_owned(),
            reason: "sent back".to_owned(),
        }
    }

    fn settle(&self, due_id: &str, reference: &str) -> proto::SettleRefundRequest {
        proto::SettleRefundRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            due_id: due_id.to_owned(),
            reference: reference.to_owned(),
            operator: "finn".to_owned(),
            reason: "daily run".to_owned(),
        }
    }

    fn extend(&self, order: &proto::Order, until_ms: i64) -> proto::ExtendHoldRequest {
        proto::ExtendHoldRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            order_id: order.order_id.clone(),
            pay_by_time: Some(timestamp(OPENS_AT.plus(until_ms))),
            operator: "olga".to_owned(),
            reason: "the bank is slow".to_owned(),
        }
    }

    async fn due(&self, state: RefundState, as_of: Option<u64>) -> Vec<proto::RefundDue> {
        let moment = as_of.map(proto::as_of::Moment::Position);
        let request = proto::ListRefundsDueRequest {
            sale_id: self.sale.clone(),
            state: state.into(),
            min_position: if as_of.is_some() { 0 } else { u64::MAX },
            as_of: moment.map(|moment| proto::AsOf { moment: Some(moment) }),
            ..Default::default()
        };
        let ask = || async {
            let mut reports = self.node.reports();
            Ok(reports.list_refunds_due(request.clone()).await?.into_inner().refunds)
        };
        crate::support::once_built(ask).await.unwrap()
    }

    async fn report(&self) -> proto::GetRefundReportResponse {
        let request = proto::GetRefundReportRequest {
            sale_id: self.sale.clone(),
            min_position: u64::MAX,
            ..Default::default()
        };
        self.node.reports().get_refund_report(request).await.unwrap().into_inner()
    }
}

fn sum(sum: &Option<proto::RefundSum>) -> (i64, i64) {
    let sum = sum.as_ref().unwrap();
    let amount = sum.amount.as_ref().unwrap();
    assert_eq!(amount.currency_code, "CNY");
    (sum.dues, amount.amount_minor)
}

fn field(status: &Status) -> String {
    let details = status.get_details_bad_request().expect("a bad request names its field");
    details.field_violations[0].field.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_unit_is_due_until_it_is_settled_once() {
    let shop = Shop::open().await;
    let placed = shop.paid("ann", 3).await;
    let refunded = shop.orders().refund_order(shop.refund(&placed, 1)).await.unwrap().into_inner();
    let proto::refund_order_response::Outcome::Order(shown) = refunded.outcome.unwrap() else {
        panic!("refused")
    };
    assert_eq!((shown.refunded_units, shown.refunded_minor), (1, PRICE));

    shop.node.advance(7_200);
    let open = shop.due(RefundState::Open, None).await;
    let expected = proto::RefundDue {
        due_id: shown.dues[0].due_id.clone(),
        item_id: shop.item.clone(),
        sale_id: shop.sale.clone(),
        sku: "phone".to_owned(),
        order_id: placed.order_id.clone(),
        buyer: "ann".to_owned(),
        cause: RefundCause::Refunded.into(),
        units: 1,
        amount: Some(proto::Money { currency_code: "CNY".to_owned(), amount_minor: PRICE }),
        payment_reference: pay(&placed).payment_reference,
        due_time: Some(timestamp(OPENS_AT)),
        age_ms: 7_200_000,
        settle_time: None,
        settle_reference: String::new(),
        settle_operator: String::new(),
    };
    assert_eq!(open, std::slice::from_ref(&expected));
    let report = shop.report().await;
    let [total] = &report.totals[..] else { panic!("{report:?}") };
    assert_eq!((sum(&total.due), sum(&total.settled)), ((1, PRICE), (0, 0)));
    assert_eq!((sum(&total.open), sum(&total.open_1_to_24_hours)), ((1, PRICE), (1, PRICE)));
    assert_eq!((sum(&total.open_below_1_hour), sum(&total.open_older)), ((0, 0), (0, 0)));
    assert_eq!(total.oldest_open_age_ms, 7_200_000);

    let request = shop.settle(&expected.due_id, "transfer-1");
    let settled = shop.orders().settle_refund(request.clone()).await.unwrap().into_inner();
    assert_eq!(shop.due(RefundState::Open, None).await, []);
    let closed = proto::RefundDue {
        settle_time: Some(timestamp(OPENS_AT.plus(7_200_000))),
        settle_reference: "transfer-1".to_owned(),
        settle_operator: "finn".to_owned(),
        ..expected.clone()
    };
    shop.node.advance(60);
    assert_eq!(
        shop.due(RefundState::Settled, None).await,
        std::slice::from_ref(&closed),
        "its age stands still"
    );
    assert_eq!(shop.due(RefundState::All, None).await, [closed]);
    let report = shop.report().await;
    let [cause] = &report.causes[..] else { panic!("{report:?}") };
    assert_eq!(cause.cause(), RefundCause::Refunded);
    assert_eq!((sum(&cause.settled), sum(&cause.open)), ((1, PRICE), (0, 0)));
    assert_eq!((cause.oldest_open_time, cause.oldest_open_age_ms), (None, 0));

    // The same transfer is told once more under another request; another one is refused.
    let again = proto::SettleRefundRequest { request_id: request_id(), ..request.clone() };
    let again = shop.orders().settle_refund(again).await.unwrap().into_inner();
    assert_eq!(again.position, settled.position);
    let other = shop.settle(&expected.due_id, "transfer-2");
    let other = shop.orders().settle_refund(other).await.unwrap().into_inner();
    let Some(settle_refund_response::Outcome::Refusal(refusal)) = other.outcome else {
        panic!("settled twice")
    };
    assert_eq!(refusal.reason(), RefusalReason::AlreadySettled);
    // As of the moment before, it is open.
    let before = shop.due(RefundState::Open, Some(settled.position - 1)).await;
    assert_eq!(before.iter().map(|due| &due.due_id).collect::<Vec<_>>(), [&expected.due_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_buy_nothing_are_due_with_their_reference_oldest_first() {
    let shop = Shop::open().await;
    let paid = shop.paid("bob", 1).await;
    let late = order(&shop.node.place(&shop.item, "cid", 2).await.unwrap());
    let twice = proto::RecordPaymentRequest { payment_reference: "twice".to_owned(), ..pay(&paid) };
    shop.node.purchases().record_payment(twice).await.unwrap();
    shop.node.advance(61);
    shop.node.pay(&late).await;
    let due = shop.due(RefundState::Open, None).await;
    let told: Vec<_> = due
        .iter()
        .map(|due| (due.cause(), due.buyer.as_str(), due.payment_reference.clone(), due.units))
        .collect();
    let late_payment = pay(&late).payment_reference;
    assert_eq!(
        told,
        [
            (RefundCause::AlreadyPaid, "bob", "twice".to_owned(), 0),
            (RefundCause::OrderExpired, "cid", late_payment, 0),
        ]
    );
    assert_eq!(due[1].amount.as_ref().unwrap().amount_minor, 2 * PRICE);
    let request = proto::ListRefundsDueRequest { buyer: "cid".to_owned(), ..Default::default() };
    let of_cid = shop.node.reports().list_refunds_due(request).await.unwrap().into_inner().refunds;
    assert_eq!(of_cid.len(), 1);
    assert_eq!(of_cid[0].due_id, due[1].due_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_payment_within_the_grace_of_its_item_buys_its_units_after_all() {
    let node = Node::start().await;
    let mut phone = item("phone", &[("shanghai", 3)]);
    phone.reinstate_within = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    let created = node.sales().create_sale(create_sale(vec![phone])).await.unwrap().into_inner();
    let sale = created.sale.unwrap();
    let item = sale.items[0].item_id.clone();
    let shop = Shop { node, sale: sale.sale_id, item };
    let late = order(&shop.node.place(&shop.item, "dan", 1).await.unwrap());
    shop.node.advance(61);
    let answer = shop.node.pay(&late).await;
    let Some(proto::record_payment_response::Outcome::Order(paid)) = answer.outcome else {
        panic!("{answer:?}")
    };
    assert_eq!(paid.state(), proto::OrderState::Paid);
    assert_eq!(shop.due(RefundState::All, None).await, []);
    assert_eq!(shop.report().await.totals, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_cannot_be_names_its_field() {
    let shop = Shop::open().await;
    let paid = shop.paid("ann", 3).await;
    let held = order(&shop.node.place(&shop.item, "bob", 1).await.unwrap());
    let mut orders = shop.orders();
    for (units, problem) in [(0, "1 to 1000000"), (4, "is 4, and 3 units of the order are left")] {
        let status = orders.refund_order(shop.refund(&paid, units)).await.unwrap_err();
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "units"));
        assert!(status.message().contains(problem), "{}", status.message());
    }
    let (deadline, days) = (60_000, 24 * 60 * 60 * 1_000);
    for (until_ms, problem) in [(deadline, "lasts until"), (31 * days, "more than 30 days")] {
        let status = orders.extend_hold(shop.extend(&held, until_ms)).await.unwrap_err();
        assert_eq!(
            (status.code(), field(&status).as_str()),
            (Code::InvalidArgument, "pay_by_time")
        );
        assert!(status.message().contains(problem), "{}", status.message());
    }
    let nothing = shop.settle("5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10", "transfer-1");
    let status = orders.settle_refund(nothing).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("due_id"), "{}", status.message());
    let silent = proto::CancelHoldRequest {
        request_id: request_id(),
        item_id: shop.item.clone(),
        order_id: held.order_id.clone(),
        operator: "olga".to_owned(),
        reason: String::new(),
    };
    let status = orders.cancel_hold(silent).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "reason"));
    let mut list = proto::ListRefundsDueRequest { state: 9, ..Default::default() };
    let status = shop.node.reports().list_refunds_due(list.clone()).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "state"));
    list.state = 0;
    list.sale_id = "5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10".to_owned();
    assert_eq!(
        shop.node.reports().list_refunds_due(list).await.unwrap_err().code(),
        Code::NotFound
    );
    // Nothing of it was done.
    assert_eq!(shop.due(RefundState::All, None).await, []);
    let units = shop.node.item(&shop.item).await;
    assert_eq!((units.available_units, units.held_units, units.sold_units), (5, 1, 3));
}
