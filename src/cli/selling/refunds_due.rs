//! `order refunds-due`: money that is due back, to be worked off.

use crate::{
    cli::{
        Common,
        json::{shape, short},
        question::{CsvArgs, Fresh, paged},
        rows::Column::{self, Money, Number, Text},
        whose::Filter,
    },
    grpc::proto::{
        ListRefundsDueRequest, ListRefundsDueResponse, RefundDue, RefundState,
        report_service_client::ReportServiceClient,
    },
    pages::{Lang, spoken_span},
    values::OrderId,
};

/// Arguments of `order refunds-due`.
#[derive(Debug, clap::Args)]
pub struct RefundsDue {
    #[command(flatten)]
    whose: Filter,
    /// Of this order only
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Of this buyer only
    #[arg(long)]
    buyer: Option<String>,
    /// In this state only
    #[arg(long, value_enum, default_value_t = State::Open)]
    state: State,
    #[command(flatten)]
    csv: CsvArgs,
    #[command(flatten)]
    fresh: Fresh,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Open,
    Settled,
    All,
}

paged!(ListRefundsDueRequest => ReportServiceClient.list_refunds_due,
    ListRefundsDueResponse.refunds: RefundDue);

const COLUMNS: &[Column<RefundDue>] = &[
    Text("DUE", |due| (&due.due_id).into()),
    Text("ITEM", |due| (&due.item_id).into()),
    Text("ORDER", |due| (&due.order_id).into()),
    Text("BUYER", |due| (&due.buyer).into()),
    Text("CAUSE", |due| short("REFUND_CAUSE_", due.cause().as_str_name()).into()),
    Money("AMOUNT", |due| (&due.amount).into()),
    Text("PAYMENT", |due| (&due.payment_reference).into()),
    Text("SINCE", |due| (&due.due_time).into()),
    Text("AGE", |due| spoken_span(due.age_ms, Lang::English).into()),
    Text("SETTLED BY", |due| (&due.settle_reference).into()),
    Number("AGE MS", |due| due.age_ms.into()),
    Text("SETTLED", |due| (&due.settle_time).into()),
    Text("OPERATOR", |due| (&due.settle_operator).into()),
    Text("SKU", |due| (&due.sku).into()),
    Number("UNITS", |due| due.units.into()),
    Text("SALE", |due| (&due.sale_id).into()),
];

/// The columns of a table; the others stand in CSV.
const PLAIN: usize = 10;

impl RefundsDue {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let common = &self.csv.with(common)?;
        let state = match self.state {
            State::Open => RefundState::Open,
            State::Settled => RefundState::Settled,
            State::All => RefundState::All,
        };
        let order = self.order.as_deref().map(|order| OrderId::parse("--order", order));
        let order = order.transpose()?;
        let found = self.fresh.pages(ListRefundsDueRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            order_id: order.map(|order| order.to_string()).unwrap_or_default(),
            buyer: self.buyer.clone().unwrap_or_default(),
            state: state.into(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let columns = if common.csv.is_some() { COLUMNS } else { &COLUMNS[..PLAIN] };
        common.show_rows(|| shape(&found), columns, &found.refunds)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
