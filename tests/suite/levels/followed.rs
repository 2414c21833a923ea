//! One level holds for all nodes on a store, after a restart, and where read models are behind.

use doorbuster::grpc::proto::ServiceLevel::{Closed, Full};
use tonic::Code;

use super::{level_of, set, set_to, try_set};
use crate::{
    nodes::pair::{Pair, until_answered},
    support::{Node, PATIENCE, create_sale, item, order},
};

/// Asks until a node acts on that level.
async fn acts_on(node: &Node, level: doorbuster::grpc::proto::ServiceLevel) {
    let asked = async {
        while level_of(node).await.node_level() != level {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the node follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_acts_on_a_level_that_another_set_and_what_one_set_the_other_can_undo() {
    let pair = Pair::start().await;
    let create = create_sale(vec![item("phone", &[("east", 9)])]);
    let sale = until_answered!(pair.nodes[0].sales(), create_sale, create).sale.unwrap();
    let item_id = &sale.items[0].item_id;
    let [a, b] = &pair.nodes;
    set(a, Closed).await;
    acts_on(b, Closed).await;
    assert_eq!(b.place(item_id, "ann", 1).await.unwrap_err().code(), Code::Unavailable);
    let up = set_to(Full);
    let answered = loop {
        match try_set(b, up.clone()).await {
            // It heard of the other's change while it decided.
            Err(status) if status.code() == Code::Aborted => {}
            answered => break answered.unwrap(),
        }
    };
    assert_eq!((answered.level(), answered.revision), (Full, 1));
    acts_on(a, Full).await;
    let placed =
        until_answered!(a.purchases(), place_order, crate::support::place(item_id, "ann", 1));
    order(&placed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_knows_the_level_before_it_takes_an_order() {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("east", 9)])]).await;
    set(&node, Closed).await;
    node.restart().await;
    let refused = node.place(&items[0], "ann", 1).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(level_of(&node).await.node_level(), Closed);
}
