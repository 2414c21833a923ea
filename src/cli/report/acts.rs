//! `report acts`: the acts of operators.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::Column::{self, Text},
        whose::Whose,
    },
    grpc::proto::{
        ListActsRequest, ListActsResponse, OperatorAct, report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report acts`.
#[derive(Debug, clap::Args)]
pub struct Acts {
    #[command(flatten)]
    whose: Whose,
    /// Include the items, windows, limits and units planned with the sale
    #[arg(long)]
    planned: bool,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(ListActsRequest => ReportServiceClient.list_acts, ListActsResponse.acts: OperatorAct);

const COLUMNS: &[Column<OperatorAct>] = &[
    Text("TIME", |act| (&act.act_time).into()),
    Text("SKU", |act| (&act.sku).into()),
    Text("ACT", |act| (&act.kind).into()),
    Text("OPERATOR", |act| (&act.operator).into()),
    Text("REASON", |act| (&act.reason).into()),
    Text("CHANGE", |act| (&act.change_json).into()),
];

impl Acts {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(ListActsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            planned: self.planned,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.acts)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
