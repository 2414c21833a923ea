//! The list of orders, for `order list` and `report orders`: filters, pages, a table.

use std::io;

use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        json::{shape, short},
        question::{CsvArgs, Fresh, PAGE, moment},
        references::label_text,
        rows::{
            Cell,
            Column::{self, Money, Number, Text},
            CsvRows,
        },
        whose::Filter,
    },
    grpc::proto::{
        self, Freshness, ListOrdersRequest, Order, OrderRecord, OrderState,
        report_service_client::ReportServiceClient,
    },
    reports::CsvManner,
    values::{UNLIMITED, narrow},
};

/// Orders shown without `--limit`.
const SHOWN: u32 = 100;

pub(super) const COLUMNS: &[Column<OrderRecord>] = &[
    Text("ORDER", |record| of(record, |order| (&order.order_id).into())),
    Text("BUYER", |record| of(record, |order| (&order.buyer).into())),
    Number("UNITS", |record| of(record, |order| order.units.into())),
    Money("TOTAL", |record| of(record, |order| (&order.total).into())),
    Text("STATE", |record| {
        of(record, |order| short("ORDER_STATE_", order.state().as_str_name()).into())
    }),
    Text("PLACED", |record| of(record, |order| (&order.place_time).into())),
    Text("SETTLED", |record| (&record.settle_time).into()),
    Money("DISCOUNT", |record| of(record, |order| in_its_currency(order, order.discount_minor))),
    Text("OFFER", |record| of(record, |order| (&order.offer).into())),
    Text("GIFT", |record| {
        of(record, |order| order.gift.as_ref().map_or(Cell::Empty, |gift| (&gift.sku).into()))
    }),
    Number("GIFT UNITS", |record| {
        of(record, |order| order.gift.as_ref().map(|gift| gift.units).into())
    }),
    Number("REFUNDED UNITS", |record| of(record, |order| order.refunded_units.into())),
    Money("REFUNDED", |record| of(record, |order| in_its_currency(order, order.refunded_minor))),
    Number("FAILED PAYMENTS", |record| of(record, |order| i64::from(order.failed_payments).into())),
    Text("REINSTATED", |record| (&record.reinstate_time).into()),
    Text("SHOP ORDER", |record| of(record, |order| (&order.shop_order_id).into())),
    Text("LABELS", |record| of(record, |order| label_text(&order.labels).into())),
];

/// The columns of every table. The others stand in CSV, and in a table of which an order has any.
const PLAIN: usize = 7;

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
    /// Maximum of orders in the answer [default: 100; with CSV all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    fresh: Fresh,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Held,
    Paid,
    Cancelled,
    Expired,
    Refunded,
}

/// Arguments of `order list`: what `report` says for all of its verbs is said here, too.
#[derive(Debug, clap::Args)]
pub struct CsvOrderList {
    #[command(flatten)]
    csv: CsvArgs,
    #[command(flatten)]
    list: OrderList,
}

impl CsvOrderList {
    /// Runs `order list`.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        self.list.run(&self.csv.with(common)?)
    }
}

impl OrderList {
    /// Asks page by page until there are enough.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        if let Some(manner) = common.csv {
            return self.run_csv(manner, common);
        }
        let limit = self.limit.unwrap_or(SHOWN) as usize;
        let mut orders: Vec<OrderRecord> = Vec::new();
        let (more, freshness) = self.each_page(limit, |page| {
            orders.extend(page);
            Ok(())
        })?;
        let columns = columns(&orders);
        common.show_rows(
            || {
                json!({
                    "orders": orders.iter().map(shape).collect::<Value>(),
                    "more": more,
                    "freshness": freshness.as_ref().map(shape),
                })
            },
            columns,
            &orders,
        )?;
        if more && self.limit.is_none() && !common.json {
            // No limit was given.
            common.warn(format_args!("there are more than {limit} orders: ask with --limit"));
        } else if more {
            common.note(format_args!("there are more than {limit} orders: ask with --limit"));
        }
        common.note_freshness(freshness.as_ref());
        Ok(())
    }

    /// All of them, page after page: a sale may have more than fit into memory.
    fn run_csv(self, manner: CsvManner, common: &Common) -> anyhow::Result<()> {
        let mut csv = CsvRows::begin(io::stdout().lock(), manner, COLUMNS)?;
        let limit = narrow(self.limit.map_or(UNLIMITED, u64::from));
        let (more, freshness) =
            self.each_page(limit, |page| page.into_iter().try_for_each(|order| csv.add(order)))?;
        csv.end()?;
        if more {
            common.warn(format_args!(
                "there are more than {limit} orders: all are listed without --limit"
            ));
        }
        common.note_freshness(freshness.as_ref());
        Ok(())
    }

    /// Shows page after page until there are enough; says whether there are more.
    fn each_page(
        &self,
        limit: usize,
        mut show: impl FnMut(Vec<OrderRecord>) -> io::Result<()>,
    ) -> anyhow::Result<(bool, Option<Freshness>)> {
        let mut request = self.request()?;
        let mut shown = 0;
        loop {
            let missing = i32::try_from(limit - shown).unwrap_or(PAGE);
            request.page_size = missing.min(PAGE);
            let page = request.clone();
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).list_orders(page.clone()).await
            })?;
            shown += page.orders.len();
            show(page.orders)?;
            request.page_token = page.next_page_token;
            let more = !request.page_token.is_empty();
            if !more || shown >= limit {
                return Ok((more, page.freshness));
            }
        }
    }

    fn request(&self) -> anyhow::Result<ListOrdersRequest> {
        let state = match self.state {
            None => OrderState::Unspecified,
            Some(State::Held) => OrderState::Held,
            Some(State::Paid) => OrderState::Paid,
            Some(State::Cancelled) => OrderState::Cancelled,
            Some(State::Expired) => OrderState::Expired,
            Some(State::Refunded) => OrderState::Refunded,
        };
        Ok(ListOrdersRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            buyer: self.buyer.clone().unwrap_or_default(),
            state: state.into(),
            placed_from: moment("--from", self.from.as_deref())?,
            placed_until: moment("--until", self.until.as_deref())?,
            page_size: 0,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        })
    }
}

/// The columns of a table of these orders.
pub(super) fn columns(orders: &[OrderRecord]) -> &'static [Column<OrderRecord>] {
    if orders.iter().all(is_plain) { &COLUMNS[..PLAIN] } else { COLUMNS }
}

/// Whether all that is to be told of an order stands in the first columns.
fn is_plain(record: &OrderRecord) -> bool {
    record.order.as_ref().is_none_or(|order| {
        order.offer.is_empty()
            && order.gift.is_none()
            && order.refunded_units == 0
            && order.failed_payments == 0
            && record.reinstate_time.is_none()
            && order.shop_order_id.is_empty()
            && order.labels.is_empty()
    })
}

fn in_its_currency(order: &Order, amount_minor: i64) -> Cell {
    let money = order
        .total
        .as_ref()
        .map(|total| proto::Money { currency_code: total.currency_code.clone(), amount_minor });
    (&money).into()
}

fn of(record: &OrderRecord, cell: fn(&Order) -> Cell) -> Cell {
    record.order.as_ref().map_or(Cell::Empty, cell)
}
