//! What happens after the crowd has left: units come back and are sold again, money goes back, and paid
//! orders are handed to the warehouse. By the same calls as any operator's, and not on the clock of the
//! rush.

use anyhow::{Context, anyhow};
use uuid::Uuid;

use crate::{
    clock::new_request_id,
    crowd::{channel::Channel, driver::Crowd, figures::count, operator::Operator, sale::PutUp},
    grpc::proto::{
        ExportOrdersRequest, Order, RefundOrderRequest, SetPurchaseLimitRequest,
        SettleRefundRequest, export_orders_response, item_service_client::ItemServiceClient,
        order_service_client::OrderServiceClient, refund_order_response, settle_refund_response,
    },
};

/// Units that one buyer may have of the item whose units came back.
const UNITS_PER_BUYER: i64 = 2;

/// An operator at the end of a sale.
pub(super) struct AfterSale<'a> {
    pub channel: Channel,
    pub operator: &'a Operator,
    pub sales: &'a PutUp,
    pub crowd: &'a Crowd,
}

/// A paid order of a buyer.
struct Paid {
    item: usize,
    item_id: String,
    order_id: String,
}

impl AfterSale<'_> {
    /// Exports what was paid. Two buyers return their units; a third one buys both, and returns one of
    /// them, which a fourth one buys. What these are owed is settled. Then all else is exported. Without
    /// an item that sold two units it only exports. The journal has the last position of it.
    ///
    /// # Errors
    /// When the server did not do what was asked of it.
    pub async fn carry_out(&self) -> anyhow::Result<()> {
        self.export("the crowd has left").await?;
        if let Some((item, returned)) = self.returns() {
            for paid in &returned {
                self.take_back(paid, "it does not fit").await?;
            }
            self.limit(item).await?;
            // An operator at the board may have paused the item.
            if let Some(order) = self.crowd.buy_late(0, item, UNITS_PER_BUYER).await {
                let paid = self.paid(item, order.order_id);
                self.take_back(&paid, "one is enough").await?;
                self.crowd.buy_late(1, item, 1).await;
            }
        }
        self.export("returns and late orders").await
    }

    /// The first item of which two orders of one unit are paid, and the last two of these.
    fn returns(&self) -> Option<(usize, [Paid; 2])> {
        let journal = self.crowd.journal();
        (0..self.sales.items.len()).find_map(|item| {
            let orders = journal.orders().values();
            let paid = orders.filter(|order| order.item == item && order.paid && order.units == 1);
            let mut paid: Vec<(i64, Uuid)> =
                paid.map(|order| (order.placed_at_ms, order.order_id)).collect();
            paid.sort_unstable();
            let [.., one, other] = paid.as_slice() else { return None };
            Some((item, [one, other].map(|(_, id)| self.paid(item, id.to_string()))))
        })
    }

    fn paid(&self, item: usize, order_id: String) -> Paid {
        let item_id = self.sales.items.get(item).map(|item| item.item_id.clone());
        Paid { item, item_id: item_id.unwrap_or_default(), order_id }
    }

    /// Takes a unit back, puts it on offer again, and settles what is due for it.
    async fn take_back(&self, paid: &Paid, reason: &str) -> anyhow::Result<()> {
        let mut orders = OrderServiceClient::new(self.channel.clone());
        let request = RefundOrderRequest {
            request_id: new_request_id().0.to_string(),
            item_id: paid.item_id.clone(),
            order_id: paid.order_id.clone(),
            units: 1,
            restock: true,
            operator: self.operator.name.clone(),
            reason: reason.to_owned(),
        };
        let answer = orders.refund_order(request).await;
        let answer = answer.context("a unit cannot be taken back")?.into_inner();
        self.seen(answer.position);
        let order = match answer.outcome {
            Some(refund_order_response::Outcome::Order(order)) => order,
            other => return Err(anyhow!("a unit was not taken back: {other:?}")),
        };
        let due = order.dues.last().ok_or_else(|| anyhow!("nothing is due for a unit"))?;
        let minor = count(due.amount_minor);
        self.crowd.journal().taken_back(paid.item, 1, minor);
        self.settle(paid, &due.due_id, &order).await
    }

    async fn settle(&self, paid: &Paid, due_id: &str, order: &Order) -> anyhow::Result<()> {
        let mut orders = OrderServiceClient::new(self.channel.clone());
        let request = SettleRefundRequest {
            request_id: new_request_id().0.to_string(),
            item_id: paid.item_id.clone(),
            due_id: due_id.to_owned(),
            reference: format!("transfer-{}", order.order_id),
            operator: self.operator.name.clone(),
            reason: "the payment provider has confirmed it".to_owned(),
        };
        let answer = orders.settle_refund(request).await;
        let answer = answer.context("a refund cannot be settled")?.into_inner();
        self.seen(answer.position);
        match answer.outcome {
            Some(settle_refund_response::Outcome::Order(_)) => Ok(()),
            other => Err(anyhow!("a refund was not settled: {other:?}")),
        }
    }

    /// Lets one buyer have more than one unit of an item.
    async fn limit(&self, item: usize) -> anyhow::Result<()> {
        let Some(item) = self.sales.items.get(item) else { return Ok(()) };
        let request = SetPurchaseLimitRequest {
            request_id: new_request_id().0.to_string(),
            item_id: item.item_id.clone(),
            limit_per_buyer: Some(UNITS_PER_BUYER),
            limit_per_order: None,
            operator: self.operator.name.clone(),
            reason: "returned units go to whoever comes".to_owned(),
        };
        let mut items = ItemServiceClient::new(self.channel.clone());
        let answer = items.set_purchase_limit(request).await;
        self.seen(answer.context("the limit cannot be set")?.into_inner().position);
        Ok(())
    }

    /// Exports everything that is in no export yet.
    async fn export(&self, reason: &str) -> anyhow::Result<()> {
        let mut orders = OrderServiceClient::new(self.channel.clone());
        for sale_id in &self.sales.sale_ids {
            loop {
                let request = ExportOrdersRequest {
                    request_id: new_request_id().0.to_string(),
                    sale_id: sale_id.clone(),
                    operator: self.operator.name.clone(),
                    reason: reason.to_owned(),
                };
                let answer = orders.export_orders(request).await;
                let answer = answer.context("orders cannot be exported")?.into_inner();
                let Some(export_orders_response::Outcome::Export(_)) = answer.outcome else {
                    break;
                };
                self.seen(answer.position);
            }
        }
        Ok(())
    }

    fn seen(&self, position: u64) {
        let mut journal = self.crowd.journal();
        journal.position = journal.position.max(position);
    }
}
