//! Orders that are found by what is known of them, and the item of an act that names none.

use super::order::OrderApi;
use crate::{
    domain::{item::OrderAction, references::SHOP_REFERENCE_CHARS_MAX},
    grpc::{AT_HEAD, proto, report::order_record, status::CallError},
    projections::{orders, refunds},
    reports::{FindOrderQuery, Paging, ReportError, Reports, Wanted},
    values::{Invalid, ItemId, OrderId, SaleId, known_text},
};

impl OrderApi {
    pub(super) async fn found(
        &self,
        request: proto::FindOrderRequest,
    ) -> Result<proto::FindOrderResponse, CallError> {
        let proto::FindOrderRequest { order_id, shop_order_id, label, sale_id, .. } = request;
        let wanted = wanted(order_id, shop_order_id, label)?;
        let sale = (!sale_id.is_empty()).then(|| SaleId::parse("sale_id", &sale_id));
        let paging = Paging { page_size: request.page_size, page_token: request.page_token };
        let query = FindOrderQuery { wanted, sale_id: sale.transpose()?, paging };
        let asked = self
            .reads
            .ask(orders::NAME, request.min_position, move |reports| reports.find_orders(&query));
        let page = asked.await?;
        Ok(proto::FindOrderResponse {
            orders: page.rows.into_iter().map(order_record).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(orders::NAME, page.checkpoint)),
        })
    }

    /// The item that an act is about. It never changes, so a read model that is behind may tell it; only
    /// what is not found there is looked for at the end of the log.
    pub(super) async fn item_of(&self, action: &OrderAction) -> Result<ItemId, CallError> {
        match *action {
            OrderAction::Cancel(order_id)
            | OrderAction::ExtendHold { order_id, .. }
            | OrderAction::Refund { order_id, .. } => {
                let item = move |reports: &Reports| Ok(reports.order(order_id)?.item_id);
                self.looked_up(orders::NAME, item, "order_id").await
            }
            OrderAction::SettleRefund { due_id, .. } => {
                let item = move |reports: &Reports| reports.item_of_due(due_id);
                self.looked_up(refunds::NAME, item, "due_id").await
            }
        }
    }

    async fn looked_up(
        &self,
        name: &'static str,
        item: impl Fn(&Reports) -> Result<ItemId, ReportError> + Clone + Send + 'static,
        field: &'static str,
    ) -> Result<ItemId, CallError> {
        for min_position in [0, AT_HEAD] {
            let item = item.clone();
            let found = self.reads.ask(name, min_position, move |reports| match item(reports) {
                Ok(item) => Ok(Some(item)),
                Err(ReportError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            });
            if let Some(item) = found.await? {
                return Ok(item);
            }
        }
        Err(CallError::not_found(field))
    }
}

/// What is looked for: exactly one of the three.
fn wanted(
    order_id: String,
    shop_order_id: String,
    label: Option<proto::OrderLabel>,
) -> Result<Wanted, Invalid> {
    match (order_id.as_str(), shop_order_id.as_str(), label) {
        ("", "", None) => Err(Invalid::new("order_id", "or shop_order_id or label is missing")),
        (_, "", None) => Ok(Wanted::Order(OrderId::parse("order_id", &order_id)?)),
        ("", _, None) => {
            known_text("shop_order_id", &shop_order_id, SHOP_REFERENCE_CHARS_MAX)?;
            Ok(Wanted::ShopOrder(shop_order_id))
        }
        ("", "", Some(proto::OrderLabel { name, value })) => {
            known_text("label.name", &name, SHOP_REFERENCE_CHARS_MAX)?;
            known_text("label.value", &value, SHOP_REFERENCE_CHARS_MAX)?;
            Ok(Wanted::Label { name, value })
        }
        (_, _, Some(_)) => {
            Err(Invalid::new("label", "must not be given with order_id or shop_order_id"))
        }
        (_, _, None) => Err(Invalid::new("shop_order_id", "must not be given with order_id")),
    }
}
