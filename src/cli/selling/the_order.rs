//! An order that a verb is about, and how it is shown.

use crate::{
    cli::{
        Common,
        decided::Decided,
        json::{amount, short, time},
        output::facts,
        priced,
    },
    grpc::proto::{Order, Refusal},
    values::{Invalid, ItemId, OrderId},
};

/// An order, and the item that it is of.
#[derive(Debug, clap::Args)]
pub(super) struct TheOrder {
    /// The item
    #[arg(long)]
    pub(super) item: String,
    /// The order
    #[arg(long)]
    pub(super) order: String,
}

impl TheOrder {
    /// The item and the order, checked.
    pub(super) fn ids(&self) -> Result<(String, String), Invalid> {
        let item = ItemId::parse("--item", &self.item)?;
        let order = OrderId::parse("--order", &self.order)?;
        Ok((item.to_string(), order.to_string()))
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
