//! `report refusals`: refused attempts by reason and item.

use crate::{
    cli::{
        Common,
        failure::reason_name,
        json::shape,
        question::{Fresh, paged},
        rows::{
            ALL,
            Column::{self, Number, Share, Text},
        },
        whose::Whose,
    },
    grpc::proto::{
        GetRefusalsRequest, GetRefusalsResponse, ItemRefusals, RefusalCount,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report refusals`.
#[derive(Debug, clap::Args)]
pub struct Refusals {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetRefusalsRequest => ReportServiceClient.get_refusals,
    GetRefusalsResponse.items: ItemRefusals);

/// An item, and the attempts that were refused for one reason.
const COLUMNS: &[Column<(ItemRefusals, RefusalCount)>] = &[
    Text("SKU", |(item, _)| (&item.sku).into()),
    Number("ATTEMPTS", |(item, _)| item.attempts.into()),
    Number("REFUSED", |(item, _)| item.refused.into()),
    Share("SHARE", |(item, _)| item.refused_share_ppm.into()),
    Text("REASON", |(_, count)| reason_name(count.reason()).into()),
    Number("OF THEM", |(_, count)| count.attempts.into()),
];

impl Refusals {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetRefusalsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let total = found.total.clone().map(|total| ItemRefusals { sku: ALL.to_owned(), ..total });
        let rows = found.items.iter().chain(&total).flat_map(rows);
        common.show_rows(|| shape(&found), COLUMNS, rows)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

/// One row for each reason, or one that says that there was none.
fn rows(item: &ItemRefusals) -> Vec<(ItemRefusals, RefusalCount)> {
    let mut counts = item.by_reason.clone();
    if counts.is_empty() {
        counts.push(RefusalCount::default());
    }
    counts.into_iter().map(|count| (item.clone(), count)).collect()
}
