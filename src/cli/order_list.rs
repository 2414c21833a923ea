//! The list of orders, for `order list` and `report orders`: filters, pages, a table.

use serde_json::{Value, json};

use super::{Common, json as shapes, report::Fresh, whose::Filter};
use crate::{
    grpc::proto::{
        ListOrdersRequest, OrderRecord, OrderState, report_service_client::ReportServiceClient,
    },
    values::UnixMs,
};

/// Most orders asked for in one call.
const PAGE: i32 = 1000;

/// Arguments of a list of orders.
#[derive(Debug, clap::Args)]
pub struct OrderList {
    #[command(flatten)]
    whose: Filter,
    /// Of this buyer only
    #[arg(long)]
    buyer: Option<String>,
    /// In this state only
    #[arg(long)]
    state: Option<State>,
    /// Placed at this time (RFC 3339) or later
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Placed before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Orders in the answer at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    fresh: Fresh,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Held,
    Paid,
    Cancelled,
    Expired,
}

impl OrderList {
    /// Asks page by page until there are enough.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let mut request = self.request()?;
        let limit = self.limit as usize;
        let mut orders: Vec<OrderRecord> = Vec::new();
        let freshness = loop {
            let missing = i32::try_from(limit - orders.len()).unwrap_or(PAGE);
            request.page_size = missing.min(PAGE);
            let page = request.clone();
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).list_orders(page.clone()).await
            })?;
            orders.extend(page.orders);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() || orders.len() >= limit {
                break page.freshness;
            }
        };
        common.show_rows(
            || {
                json!({
                    "orders": orders.iter().map(shapes::order_record).collect::<Value>(),
                    "more": !request.page_token.is_empty(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            ["ORDER", "BUYER", "UNITS", "TOTAL", "STATE", "PLACED", "SETTLED"],
            &["UNITS", "TOTAL"],
            || orders.iter().map(row).collect(),
        )?;
        if !request.page_token.is_empty() {
            common.note(format_args!("there are more than {limit} orders: ask with --limit"));
        }
        common.note_freshness(freshness.as_ref());
        Ok(())
    }

    fn request(&self) -> anyhow::Result<ListOrdersRequest> {
        let moment = |flag: &str, text: &Option<String>| {
            text.as_deref().map(|text| UnixMs::parse(flag, text)).transpose()
        };
        let state = match self.state {
            None => OrderState::Unspecified,
            Some(State::Held) => OrderState::Held,
            Some(State::Paid) => OrderState::Paid,
            Some(State::Cancelled) => OrderState::Cancelled,
            Some(State::Expired) => OrderState::Expired,
        };
        Ok(ListOrdersRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            buyer: self.buyer.clone().unwrap_or_default(),
            state: state.into(),
            placed_from: moment("--from", &self.from)?.map(shapes::timestamp),
            placed_until: moment("--until", &self.until)?.map(shapes::timestamp),
            page_size: 0,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        })
    }
}

fn row(record: &OrderRecord) -> [String; 7] {
    let Some(order) = &record.order else { return Default::default() };
    [
        order.order_id.clone(),
        order.buyer.clone(),
        order.units.to_string(),
        shapes::amount(order.total.as_ref()),
        shapes::state_name(order.state()).to_owned(),
        shapes::time(order.place_time.as_ref()),
        shapes::time(record.settle_time.as_ref()),
    ]
}
