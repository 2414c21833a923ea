//! An order that a verb is about, and how it is shown.

use crate::{
    cli::{
        Common,
        decided::Decided,
        failure::{Code, Failure},
        json::{amount, short, time},
        output::facts,
        priced,
        server::Server,
        whose::item_id,
    },
    grpc::{
        AT_HEAD,
        proto::{FindOrderRequest, Order, Refusal, order_service_client::OrderServiceClient},
    },
    values::OrderId,
};

/// An order, and the item that it is of.
#[derive(Debug, clap::Args)]
pub(super) struct TheOrder {
    /// The item, or SALE/SKU [default: that of the order, which the server looks up]
    #[arg(long)]
    pub(super) item: Option<String>,
    /// The order
    #[arg(long)]
    pub(super) order: String,
}

impl TheOrder {
    /// The item and the order, checked; the item is empty where it is not named.
    pub(super) fn ids(&self) -> Result<(String, String), Failure> {
        let order = OrderId::parse("--order", &self.order)?;
        Ok((item_id(self.item.as_deref())?, order.to_string()))
    }

    /// The same for calls of shops, which name the item: it is asked for where it is not named.
    pub(super) fn found(&self, server: &Server) -> Result<(String, String), Failure> {
        let (item_id, order_id) = self.ids()?;
        if !item_id.is_empty() {
            return Ok((item_id, order_id));
        }
        let min_position = AT_HEAD;
        let request =
            FindOrderRequest { order_id: order_id.clone(), min_position, ..Default::default() };
        let found = server.call(async |channel| {
            OrderServiceClient::new(channel).find_order(request.clone()).await
        })?;
        match found.orders.into_iter().next().and_then(|record| record.order) {
            Some(order) => Ok((order.item_id, order_id)),
            None => {
                Err(Failure::new(Code::Failed, format!("--order: there is no order {order_id}")))
            }
        }
    }
}

/// Shows what was decided about an order.
pub(super) fn show_decided(
    common: &Common,
    decided: Decided<Order, Refusal>,
) -> anyhow::Result<()> {
    let position = decided.position;
    decided.show(common, "order", |order| order_text(order, Some(position)))
}

pub(super) fn order_text(order: &Order, position: Option<u64>) -> String {
    let mut rows = vec![
        ("order", order.order_id.clone()),
        ("item", order.item_id.clone()),
        ("buyer", order.buyer.clone()),
        ("units", order.units.to_string()),
        ("price", amount(order.unit_price.as_ref())),
        ("total", amount(order.total.as_ref())),
        ("state", short("ORDER_STATE_", order.state().as_str_name()).to_owned()),
        ("placed", time(order.place_time.as_ref())),
        ("pay by", time(order.pay_by_time.as_ref())),
    ];
    rows.extend(priced::order_rows(order));
    rows.extend(position.map(|position| ("position", position.to_string())));
    format!("{}{}", facts(&rows), priced::dues_text(order))
}
