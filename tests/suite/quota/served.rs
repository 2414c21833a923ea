//! Goal: a buyer who sends many orders at once for two items gets exactly as many units as the sale
//! allows, on one node and on two, and can buy again what came back. Method: real servers, gRPC.

use doorbuster::grpc::proto::{
    self, OrderState, RefusalReason, order_service_client::OrderServiceClient,
};
use futures_util::future::join_all;

use crate::{
    nodes::{cancel, pair::Pair},
    support::{
        Node, assert_read_models_equal_a_rebuild, create_sale, item, order, pay, place, refused,
    },
};

const LIMIT: i64 = 3;

/// The items of a sale of a phone with those units and a lamp with many, and a limit over both.
pub async fn limited(node: &Node, phones: i64) -> Vec<String> {
    let skus =
        [("phone", phones), ("lamp", 500)].map(|(sku, units)| item(sku, &[("north", units)]));
    let mut create = create_sale(skus.to_vec());
    create.sale.as_mut().unwrap().limit_per_buyer = Some(LIMIT);
    let sale = node.sales().create_sale(create).await.unwrap().into_inner().sale.unwrap();
    assert_eq!(sale.limit_per_buyer, Some(LIMIT));
    sale.items.into_iter().map(|item| item.item_id).collect()
}

/// Sends that many orders of one unit at once, in turn to each node and for each item.
async fn storm(nodes: &[&Node], items: &[String], buyer: &str, orders: usize) -> Vec<proto::Order> {
    let calls = (0..orders).map(|number| {
        let request = place(&items[number % items.len()], buyer, 1);
        let mut purchases = nodes[number / 2 % nodes.len()].purchases();
        async move {
            loop {
                match purchases.place_order(request.clone()).await {
                    Ok(answer) => return answer.into_inner(),
                    // Another node wrote first.
                    Err(status) => assert_eq!(status.code(), tonic::Code::Aborted, "{status}"),
                }
            }
        }
    });
    let mut placed = Vec::new();
    for answer in join_all(calls).await {
        match &answer.outcome {
            Some(proto::place_order_response::Outcome::Order(order)) => {
                assert!(order.awaiting.is_empty(), "{order:?}");
                placed.push(order.clone());
            }
            _ => assert_eq!(refused(&answer), RefusalReason::OverSaleLimit),
        }
    }
    placed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_orders_at_once_get_exactly_the_limit() {
    let mut node = Node::start().await;
    let items = limited(&node, 500).await;
    assert_eq!(storm(&[&node], &items, "ann", 100).await.len(), 3);
    let buyers: Vec<String> = (0..20).map(|number| format!("buyer-{number}")).collect();
    let nodes = [&node];
    let all = join_all(buyers.iter().map(|buyer| storm(&nodes, &items, buyer, 5))).await;
    assert!(all.iter().all(|orders| orders.len() == 3), "{all:?}");
    node.stop();
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_can_be_bought_at_once() {
    let node = Node::start().await;
    let items = limited(&node, 500).await;
    let buy = async |item: usize, units: i64| {
        let request = place(&items[item], "ann", units);
        node.purchases().place_order(request).await.unwrap().into_inner()
    };
    let first = order(&buy(0, 2).await);
    let over = buy(1, 2).await;
    assert_eq!(refused(&over), RefusalReason::OverSaleLimit);
    node.purchases().cancel_order(cancel(&first)).await.unwrap();
    let second = order(&buy(1, 3).await);
    assert_eq!(refused(&buy(0, 1).await), RefusalReason::OverSaleLimit);
    node.purchases().record_payment(pay(&second)).await.unwrap();
    let refund = proto::RefundOrderRequest {
        request_id: crate::support::request_id(),
        item_id: items[1].clone(),
        order_id: second.order_id.clone(),
        units: 1,
        restock: true,
        operator: "olga".to_owned(),
        reason: "it broke".to_owned(),
    };
    OrderServiceClient::new(node.channel()).refund_order(refund).await.unwrap();
    let third = order(&buy(0, 1).await);
    assert_eq!(third.state(), OrderState::Held);
    assert_eq!(refused(&buy(0, 1).await), RefusalReason::OverSaleLimit);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_one_store_keep_one_limit() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let items = limited(a, 500).await;
    assert_eq!(storm(&[a, b], &items, "ann", 40).await.len(), 3);
    pair.judge().await;
}
