//! Goal: every figure of a sale is what a person counts by hand, is the same live, from a data
//! directory and from zero, and is the same as of an earlier moment as it was then.
//!
//! Method: one small sale with known figures on a real server whose clock stands still. It is asked
//! over gRPC, through the real binary without a server, and as of every position of its log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "figures/as_of.rs"]
mod as_of;
#[path = "figures/at_rest.rs"]
mod at_rest;
#[path = "figures/bi_files.rs"]
mod bi_files;
#[path = "figures/by_hand.rs"]
mod by_hand;
#[path = "figures/csv_rows.rs"]
mod csv_rows;
#[path = "figures/goods.rs"]
mod goods;
#[path = "figures/goods_shown.rs"]
mod goods_shown;
#[path = "figures/whole_files.rs"]
mod whole_files;

use doorbuster::grpc::proto;
use tokio::time::timeout;

use crate::support::{Node, PATIENCE, create_sale, item, order, request_id};

/// What the small sale left behind.
struct SmallSale {
    node: Node,
    sale: String,
    item: String,
    /// Position of its last event.
    head: u64,
}

/// Three units. Ann, bob and cid hold them at 00 s; dan wants two and is told no. Ann pays at 5 s, bob
/// at 10 s, cid not at all, so eve gets the third unit at 61 s and pays at 62 s. Cid's payment comes
/// too late, and olga pauses the item.
async fn small_sale() -> SmallSale {
    let node = Node::start().await;
    let mut request = create_sale(vec![item("phone", &[("shanghai", 3)])]);
    let goals = proto::SaleGoals {
        units: Some(6),
        revenue_minor: Some(599_700),
        conversion_ppm: Some(100_000),
        new_buyers: Some(2),
    };
    request.sale.as_mut().unwrap().goals = Some(goals);
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    assert_eq!(sale.goals, Some(goals), "a sale shows its goals");
    let phone = sale.items[0].item_id.clone();
    let ann = order(&node.place(&phone, "ann", 1).await.unwrap());
    let bob = order(&node.place(&phone, "=bob()", 1).await.unwrap());
    let cid = order(&node.place(&phone, "cid", 1).await.unwrap());
    node.place(&phone, "dan", 2).await.unwrap();
    node.advance(5);
    node.pay(&ann).await;
    node.advance(5);
    node.pay(&bob).await;
    node.advance(51);
    node.item_until(&phone, |item| item.available_units == 1).await;
    let eve = order(&node.place(&phone, "eve", 1).await.unwrap());
    node.advance(1);
    node.pay(&eve).await;
    node.pay(&cid).await;
    let pause = proto::PauseItemRequest {
        request_id: request_id(),
        item_id: phone.clone(),
        operator: "olga".to_owned(),
        reason: "all is sold".to_owned(),
    };
    node.items().pause_item(pause).await.unwrap();
    node.advance(1);
    let demand = proto::GetDemandRequest { sale_id: sale.sale_id.clone(), ..Default::default() };
    let counted = async {
        loop {
            let found = node.reports().get_demand(demand.clone()).await;
            // Not there before the read model has come to the sale.
            let found = found.map(tonic::Response::into_inner).unwrap_or_default();
            let freshness = found.freshness.unwrap_or_default();
            if found.total.unwrap_or_default().attempts == 5
                && freshness.position == freshness.head_position
            {
                return freshness.position;
            }
            tokio::task::yield_now().await;
        }
    };
    let head = timeout(PATIENCE, counted).await.unwrap();
    all_read_models_reach(&node, &sale.sale_id, head).await;
    SmallSale { node, sale: sale.sale_id, item: phone, head }
}

/// Readers of the files of a running server have to wait for the position.
pub async fn all_read_models_reach(node: &Node, sale: &str, min_position: u64) {
    let sale_id = sale.to_owned();
    let stock = proto::GetStockLevelsRequest { min_position, ..Default::default() };
    node.reports().get_stock_levels(stock).await.unwrap();
    let holds =
        proto::GetHoldsRequest { sale_id: sale_id.clone(), min_position, ..Default::default() };
    node.reports().get_holds(holds).await.unwrap();
    let sales = proto::GetSalesSummaryRequest {
        sale_id: sale_id.clone(),
        min_position,
        ..Default::default()
    };
    node.reports().get_sales_summary(sales).await.unwrap();
    let acts =
        proto::ListActsRequest { sale_id: sale_id.clone(), min_position, ..Default::default() };
    node.reports().list_acts(acts).await.unwrap();
    let goals = proto::GetGoalAttainmentRequest { sale_id, min_position, as_of: None };
    node.reports().get_goal_attainment(goals).await.unwrap();
}
