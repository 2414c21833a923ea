//! `order find`: orders by what is known of them.

use super::references::Label;
use crate::{
    cli::{
        Common,
        json::shape,
        order_list::{COLUMNS, columns},
        question::{CsvArgs, paged},
        server::Server,
        since::Since,
        whose::AnySale,
    },
    grpc::proto::{
        FindOrderRequest, FindOrderResponse, OrderRecord, order_service_client::OrderServiceClient,
    },
    values::OrderId,
};

/// Arguments of `order find`.
#[derive(Debug, clap::Args)]
pub struct Find {
    #[command(flatten)]
    sale: AnySale,
    #[command(flatten)]
    known: Known,
    #[command(flatten)]
    csv: CsvArgs,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

/// What is known of an order.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Known {
    /// Its id
    #[arg(long)]
    order: Option<String>,
    /// The shop's own id of it
    #[arg(long, value_name = "TEXT")]
    shop_order_id: Option<String>,
    /// One of its labels
    #[arg(long, value_name = "NAME=VALUE")]
    label: Option<Label>,
}

paged!(FindOrderRequest => OrderServiceClient.find_order, FindOrderResponse.orders: OrderRecord);

impl Find {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let common = &self.csv.with(common)?;
        let Known { order, shop_order_id, label } = self.known;
        let order = order.map(|order| OrderId::parse("--order", &order)).transpose()?;
        let found = self.server.pages(FindOrderRequest {
            order_id: order.map(|order| order.to_string()).unwrap_or_default(),
            shop_order_id: shop_order_id.unwrap_or_default(),
            label: label.map(|Label(label)| label),
            sale_id: self.sale.sale_id()?,
            min_position: self.since.min_position(),
            ..Default::default()
        })?;
        let columns = if common.csv.is_some() { COLUMNS } else { columns(&found.orders) };
        common.show_rows(|| shape(&found), columns, &found.orders)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
