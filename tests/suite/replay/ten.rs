//! A sale of ten shoppers and three units that fits on one page.
//!
//! ```text
//!  0.1 .. 0.3   s1, s2, s3 place an order of one unit: sold out
//!  0.4 .. 1.0   s4 .. s10 find it sold out
//!  5            s1 pays
//! 10            s2 cancels
//! 11            s4 comes again and gets that unit; pays at 12
//! 13            s4 wants another one: over the limit of one
//! 60.3          the hold of s3 expires
//! 70            s3 pays too late: a refund is due
//! ```

use std::time::Duration;

use doorbuster::{
    grpc::proto::{self, CancelOrderRequest},
    values::UnixMs,
};

use crate::support::{self, Node, OPENS_AT, PATIENCE};

pub struct Ten {
    pub node: Node,
    pub sale: String,
    pub item: String,
    /// Of s1, s2, s3 and s4.
    pub orders: Vec<proto::Order>,
}

/// Seconds after the opening, in tenths.
pub fn at(tenths: i64) -> UnixMs {
    OPENS_AT.plus(tenths * 100)
}

impl Ten {
    /// The first second: three orders and seven refusals.
    pub async fn opened() -> Self {
        let node = Node::start().await;
        let draft =
            proto::ItemDraft { limit_per_buyer: Some(1), ..support::item("lamp", &[("north", 3)]) };
        let (sale, items) = node.sale(vec![draft]).await;
        let mut ten = Self { node, sale, item: items[0].clone(), orders: Vec::new() };
        for shopper in 1..=10 {
            ten.node.clock.set(at(shopper));
            ten.place(shopper).await;
        }
        ten
    }

    /// The whole story, and the server stopped, so that everything is in the log.
    pub async fn told() -> Self {
        let mut ten = Self::opened().await;
        ten.node.clock.set(at(50));
        ten.node.pay(&ten.orders[0]).await;
        ten.node.clock.set(at(100));
        cancel(&ten.node, &ten.orders[1]).await;
        ten.node.clock.set(at(110));
        ten.place(4).await;
        ten.node.clock.set(at(120));
        ten.node.pay(&ten.orders[3]).await;
        ten.node.clock.set(at(130));
        ten.place(4).await;
        ten.node.clock.set(at(603));
        ten.node.item_until(&ten.item, |item| item.available_units == 1).await;
        ten.node.clock.set(at(700));
        ten.node.pay(&ten.orders[2]).await;
        ten.node.stop();
        ten
    }

    /// The first second, and every order paid for five seconds after it was placed.
    pub async fn all_paid() -> Self {
        let mut ten = Self::opened().await;
        for (order, tenths) in ten.orders.iter().zip(51..) {
            ten.node.clock.set(at(tenths));
            ten.node.pay(order).await;
        }
        ten.node.stop();
        ten
    }

    /// The first second; then a pause, in which all three orders are given up.
    pub async fn given_up_while_paused() -> Self {
        let ten = Self::opened().await;
        let (request_id, item_id) = (support::request_id(), ten.item.clone());
        let (operator, reason) = ("olga".to_owned(), "wrong price".to_owned());
        let pause = proto::PauseItemRequest { request_id, item_id, operator, reason };
        ten.node.clock.set(at(15));
        ten.node.items().pause_item(pause.clone()).await.unwrap();
        for (order, tenths) in ten.orders.iter().zip(50..) {
            ten.node.clock.set(at(tenths));
            cancel(&ten.node, order).await;
        }
        let proto::PauseItemRequest { item_id, operator, reason, .. } = pause;
        let request_id = support::request_id();
        let resume = proto::ResumeItemRequest { request_id, item_id, operator, reason };
        ten.node.clock.set(at(200));
        ten.node.items().resume_item(resume).await.unwrap();
        let mut ten = ten;
        ten.node.stop();
        ten
    }

    async fn place(&mut self, shopper: i64) {
        let placed = self.node.place(&self.item, &format!("s{shopper}"), 1).await.unwrap();
        if let Some(proto::place_order_response::Outcome::Order(order)) = placed.outcome {
            self.orders.push(order);
        }
    }

    /// Waits until the attempts of the seconds that are over are in the log.
    pub async fn until_counted(&self, attempts: i64) {
        self.node.clock.advance(Duration::from_secs(2));
        let request = proto::GetTimelineRequest {
            item_id: self.item.clone(),
            min_position: 0,
            ..Default::default()
        };
        let counted = async {
            loop {
                let seconds = self.node.reports().get_timeline(request.clone()).await;
                let seconds = seconds.map(|found| found.into_inner().seconds).unwrap_or_default();
                if seconds.iter().map(|second| second.attempts).sum::<i64>() == attempts {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.expect("they are counted");
    }
}

/// The buyer gives an order up.
pub async fn cancel(node: &Node, order: &proto::Order) {
    let request = CancelOrderRequest {
        request_id: support::request_id(),
        item_id: order.item_id.clone(),
        order_id: order.order_id.clone(),
        buyer: order.buyer.clone(),
    };
    node.purchases().cancel_order(request).await.unwrap();
}
