//! Coupons as buyers use them: an order gets its discount or is told why not, over the calls and the
//! stream, and many at once never use more than there is.

use doorbuster::{
    grpc::proto::{
        self, CouponChoice, CouponDraft, CouponReason, CouponReturns, GetOutcomeRequest,
        IfCouponDenied, OrderAwaits, OrderState, PlaceOrderRequest, RefusalReason, WriteResponse,
    },
    values::SaleId,
};
use tonic::Code;

use super::served::{batch, claim, claimed, draft, list, sale};
use crate::{
    e2e::{field, reason},
    support::{self, Node, PATIENCE, item, order, pay, place, refused, request_id},
};

const PRICE: i64 = 199_900;

/// The phone and the lamp of a sale.
fn items(sale: &str) -> [String; 2] {
    let sale = SaleId::parse("sale", sale).unwrap();
    ["phone", "lamp"].map(|sku| sale.item_id(sku).to_string())
}

pub fn by_code(code: &str) -> Option<CouponChoice> {
    Some(CouponChoice { code: code.to_owned(), ..Default::default() })
}

pub fn by_id(batch: &str, coupon_id: &str) -> Option<CouponChoice> {
    let (batch, coupon_id) = (batch.to_owned(), coupon_id.to_owned());
    Some(CouponChoice { batch, coupon_id, ..Default::default() })
}

pub fn with(coupon: Option<CouponChoice>, order: PlaceOrderRequest) -> PlaceOrderRequest {
    PlaceOrderRequest { coupon, ..order }
}

pub fn keep(order: PlaceOrderRequest) -> PlaceOrderRequest {
    PlaceOrderRequest { if_denied: IfCouponDenied::Keep.into(), ..order }
}

pub fn coded(name: &str) -> CouponDraft {
    CouponDraft { code: name.to_uppercase(), ..draft(name) }
}

pub async fn placed(node: &Node, request: &PlaceOrderRequest) -> proto::PlaceOrderResponse {
    node.purchases().place_order(request.clone()).await.unwrap().into_inner()
}

async fn outcome(node: &Node, request: &PlaceOrderRequest) -> proto::GetOutcomeResponse {
    let PlaceOrderRequest { request_id, item_id, buyer, .. } = request.clone();
    let get = GetOutcomeRequest { request_id, item_id, buyer };
    node.purchases().get_outcome(get).await.unwrap().into_inner()
}

/// The reason of a coupon that an answer refuses.
fn denied(response: &proto::PlaceOrderResponse) -> CouponReason {
    assert_eq!(refused(response), RefusalReason::CouponRefused);
    let Some(proto::place_order_response::Outcome::Refusal(refusal)) = &response.outcome else {
        panic!("{response:?}")
    };
    refusal.coupon_reason()
}

pub fn total(order: &proto::Order) -> i64 {
    order.total.as_ref().unwrap().amount_minor
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_with_the_discount_of_a_claimed_coupon() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![draft("save20")]).await;
    let items = items(&sale_id);
    let coupon = claimed(&node, claim(&batches[0], "ann")).await.unwrap();
    let coupon = coupon.into_parts().0.unwrap().unwrap().coupon_id;
    for named in [batches[0].as_str(), "save20"] {
        let request = with(by_id(named, &coupon), place(&items[0], "ann", 2));
        let first = placed(&node, &request).await;
        if named == "save20" {
            assert_eq!(denied(&first), CouponReason::Used, "it is bound to the first order");
            continue;
        }
        let bought = order(&first);
        assert_eq!((total(&bought), bought.coupon_discount_minor), (2 * PRICE - 2_000, 2_000));
        assert_eq!((bought.coupon_id.as_str(), bought.awaiting.len()), (coupon.as_str(), 0));
        let again = placed(&node, &request).await;
        assert_eq!(order(&again), bought, "the request again");
        let other = PlaceOrderRequest { coupon: None, ..request.clone() };
        let reused = node.purchases().place_order(other).await.unwrap_err();
        assert_eq!(reason(&reused), "REQUEST_ID_REUSED");

        let whole = proto::Order {
            total: Some(proto::Money { currency_code: "CNY".to_owned(), amount_minor: 2 * PRICE }),
            ..bought.clone()
        };
        let wrong = node.purchases().record_payment(pay(&whole)).await.unwrap().into_inner();
        assert!(format!("{wrong:?}").contains("WrongAmount"), "{wrong:?}");
        node.purchases().record_payment(pay(&bought)).await.unwrap();
        let paid = outcome(&node, &request).await.order.unwrap();
        assert_eq!((paid.state(), total(&paid)), (OrderState::Paid, 2 * PRICE - 2_000));
    }
    let shown = batch(&node, &batches[0]).await;
    assert_eq!((shown.bound_coupons, shown.budget_left_minor), (1, 1_000_000 - 2_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_claims_and_uses_a_coupon_at_once_and_the_next_order_is_told_why_not() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![draft("other"), coded("save20")]).await;
    let items = items(&sale_id);
    let bought = order(&placed(&node, &with(by_code("SAVE20"), place(&items[0], "ann", 1))).await);
    assert_eq!(total(&bought), PRICE - 2_000);
    let listed = list(&node, &sale_id, "ann").await;
    assert_eq!((listed.len(), listed[0].order_id.as_str()), (1, bought.order_id.as_str()));

    let second = with(by_code("SAVE20"), place(&items[0], "ann", 1));
    assert_eq!(denied(&placed(&node, &second).await), CouponReason::Used);
    // It is final: also when the coupon is free again.
    assert_eq!(denied(&placed(&node, &second).await), CouponReason::Used);
    let ended = outcome(&node, &second).await;
    let refusal = ended.refusal.unwrap();
    assert_eq!(refusal.reason(), RefusalReason::CouponRefused);
    assert_eq!(refusal.coupon_reason(), CouponReason::Used);
    let why = "The coupon of the order was refused. The coupon is used for another order.";
    assert_eq!(refusal.message, why);
    assert_eq!(ended.order.unwrap().state(), OrderState::Cancelled);

    let kept = keep(with(by_code("SAVE20"), place(&items[0], "ann", 1)));
    let kept = order(&placed(&node, &kept).await);
    assert_eq!((total(&kept), kept.coupon_denied()), (PRICE, CouponReason::Used));
    assert_eq!(kept.state(), OrderState::Held);

    // A word that is no code of the sale makes no order, whatever is to become of it.
    let before = node.item(&items[0]).await.available_units;
    for request in [
        with(by_code("SAVE21"), place(&items[0], "ann", 1)),
        keep(with(by_code("SAVE21"), place(&items[0], "ann", 1))),
    ] {
        assert_eq!(denied(&placed(&node, &request).await), CouponReason::Unknown);
    }
    assert_eq!(node.item(&items[0]).await.available_units, before);
    assert_eq!(batch(&node, &batches[1]).await.bound_coupons, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_would_cost_more_than_it_may_with_its_coupon_gives_the_coupon_back() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![coded("save20")]).await;
    let items = items(&sale_id);
    let most = |most| PlaceOrderRequest {
        max_total_minor: Some(most),
        ..with(by_code("SAVE20"), place(&items[0], "ann", 1))
    };
    let refused_for = refused(&placed(&node, &most(PRICE - 2_001)).await);
    assert_eq!(refused_for, RefusalReason::PriceChanged);
    assert_eq!(batch(&node, &batches[0]).await.bound_coupons, 0, "given back at once");
    let bought = order(&placed(&node, &most(PRICE - 2_000)).await);
    assert_eq!(total(&bought), PRICE - 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_orders_with_coupons_as_they_wait_and_settles_them() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![coded("save20")]).await;
    let items = items(&sale_id);
    let requests: Vec<_> = (0..5)
        .map(|number| with(by_code("SAVE20"), place(&items[0], &format!("buyer-{number}"), 1)))
        .chain([with(by_code("NONE"), place(&items[0], "ann", 1))])
        .chain([with(by_id("none", &request_id()), place(&items[0], "ann", 1))])
        .collect();
    let sent: Vec<_> = (0..)
        .zip(requests.clone())
        .map(|(tag, command)| proto::PlaceOrdersRequest { tag, command: Some(command) })
        .collect();
    let mut answers =
        node.purchases().place_orders(tokio_stream::iter(sent)).await.unwrap().into_inner();
    let mut waiting = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        use proto::place_orders_response::Result as Answered;
        match (answer.tag, answer.result.unwrap()) {
            (5, Answered::Answer(answer)) => assert_eq!(denied(&answer), CouponReason::Unknown),
            (6, Answered::Fault(fault)) => {
                assert_eq!(
                    (fault.code.as_str(), fault.field.as_str()),
                    ("NOT_FOUND", "command.coupon.batch")
                );
            }
            (_, Answered::Answer(answer)) => {
                let order = order(&answer);
                assert_eq!(order.awaiting().collect::<Vec<_>>(), [OrderAwaits::Coupon]);
                assert_eq!(total(&order), PRICE);
                waiting += 1;
            }
            (tag, other) => panic!("{tag}: {other:?}"),
        }
    }
    assert_eq!(waiting, 5);
    for request in &requests[..5] {
        let settled = async {
            loop {
                // The request again waits for the end of what is under way.
                let order = order(&placed(&node, request).await);
                if order.awaiting.is_empty() {
                    return order;
                }
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await.unwrap();
        assert_eq!(total(&settled), PRICE - 2_000);
    }
    assert_eq!(batch(&node, &batches[0]).await.bound_coupons, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_buyers_at_once_never_use_one_minor_unit_more_than_the_budget() {
    let node = Node::start().await;
    let thrifty = CouponDraft { budget_minor: 3 * 2_000 + 1_999, ..coded("save20") };
    let mut request = support::create_sale(vec![item("phone", &[("east", 200)])]);
    request.sale.as_mut().unwrap().coupons = vec![thrifty];
    let made = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    let items = items(&made.sale_id);
    let orders = (0..100).map(|number| {
        let (mut client, item) = (node.purchases(), items[0].clone());
        tokio::spawn(async move {
            let order = with(by_code("SAVE20"), place(&item, &format!("buyer-{number}"), 1));
            // Every other one stays without a coupon.
            let order = if number % 2 == 0 { keep(order) } else { order };
            client.place_order(order).await.unwrap().into_inner()
        })
    });
    let orders: Vec<_> = orders.collect();
    let (mut with_coupon, mut kept, mut cancelled) = (0, 0, 0);
    for answer in orders {
        match answer.await.unwrap() {
            answer
                if matches!(
                    answer.outcome,
                    Some(proto::place_order_response::Outcome::Refusal(_))
                ) =>
            {
                assert_eq!(denied(&answer), CouponReason::BudgetSpent);
                cancelled += 1;
            }
            answer => {
                let order = order(&answer);
                assert!(order.awaiting.is_empty(), "{order:?}");
                match order.coupon_discount_minor {
                    0 => kept += 1,
                    discount => {
                        assert_eq!((discount, total(&order)), (2_000, PRICE - 2_000));
                        with_coupon += 1;
                    }
                }
            }
        }
    }
    assert_eq!((with_coupon, kept + cancelled), (3, 97));
    let shown = batch(&node, &made.coupons[0].batch_id).await;
    assert_eq!((shown.bound_coupons, shown.budget_left_minor), (3, 1_999));
    assert_eq!(shown.claimed_coupons, 3, "a coupon that is not used is not claimed");
    let held = node.item(&items[0]).await.held_units;
    assert_eq!(held, 3 + kept, "units of cancelled orders are available again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_coupon_is_said_before_anything_is_placed() {
    let node = Node::start().await;
    let (sale_id, batches) = sale(&node, vec![coded("save20")]).await;
    let items = items(&sale_id);
    let choice = |batch: &str, coupon_id: &str, code: &str| {
        Some(CouponChoice {
            batch: batch.to_owned(),
            coupon_id: coupon_id.to_owned(),
            code: code.to_owned(),
        })
    };
    let id = request_id();
    let invalid = Code::InvalidArgument;
    let cases = [
        (choice("", "", ""), invalid, "coupon.coupon_id"),
        (choice(&batches[0], &id, "SAVE20"), invalid, "coupon.code"),
        (choice("", &id, ""), invalid, "coupon.batch"),
        (choice(&batches[0], "x", ""), invalid, "coupon.coupon_id"),
        (choice("", "", &"x".repeat(65)), invalid, "coupon.code"),
        (choice("save21", &id, ""), Code::NotFound, "coupon.batch"),
        (choice(&id, "", "SAVE20"), Code::NotFound, "coupon.batch"),
    ];
    for (coupon, code, named) in cases {
        let request = with(coupon.clone(), place(&items[0], "ann", 1));
        let status = node.purchases().place_order(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{coupon:?}");
        match code {
            Code::NotFound => assert!(status.message().contains(named), "{status:?}"),
            _ => assert_eq!(field(&status), named, "{coupon:?}"),
        }
    }
    for (if_denied, coupon) in [(2, None), (3, by_code("SAVE20")), (-1, None)] {
        let request = PlaceOrderRequest { if_denied, coupon, ..place(&items[0], "ann", 1) };
        let status = node.purchases().place_order(request).await.unwrap_err();
        assert_eq!((status.code(), field(&status).as_str()), (invalid, "if_denied"));
    }
    assert_eq!(node.item(&items[0]).await.available_units, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_is_used_again_after_its_order_was_cancelled_by_the_running_server() {
    let node = Node::start().await;
    let back = CouponDraft { returns: CouponReturns::Refund.into(), ..coded("save20") };
    let (sale_id, batches) = sale(&node, vec![back]).await;
    let items = items(&sale_id);
    let first = order(&placed(&node, &with(by_code("SAVE20"), place(&items[0], "ann", 1))).await);
    let cancel = proto::CancelOrderRequest {
        request_id: request_id(),
        item_id: items[0].clone(),
        order_id: first.order_id.clone(),
        buyer: "ann".to_owned(),
    };
    node.purchases().cancel_order(cancel).await.unwrap();
    let freed = async {
        while batch(&node, &batches[0]).await.bound_coupons > 0 {
            node.advance(1);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the process manager gives it back");
    let second = order(&placed(&node, &with(by_code("SAVE20"), place(&items[0], "ann", 1))).await);
    assert_eq!((total(&second), second.coupon_id), (PRICE - 2_000, first.coupon_id));
}
