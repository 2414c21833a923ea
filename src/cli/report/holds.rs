//! `report holds`: holds by item: expiries, time to pay, resold units.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::{
            ALL,
            Column::{self, Number, Share, Text},
        },
        whose::Whose,
    },
    grpc::proto::{
        GetHoldsRequest, GetHoldsResponse, HoldFigures, report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report holds`.
#[derive(Debug, clap::Args)]
pub struct Holds {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetHoldsRequest => ReportServiceClient.get_holds, GetHoldsResponse.items: HoldFigures);

const COLUMNS: &[Column<HoldFigures>] = &[
    Text("SKU", |item| (&item.sku).into()),
    Number("PLACED", |item| item.holds_placed.into()),
    Number("OPEN", |item| item.holds_open.into()),
    Number("PAID", |item| item.holds_paid.into()),
    Number("CANCELLED", |item| item.holds_cancelled.into()),
    Number("EXPIRED", |item| item.holds_expired.into()),
    Share("EXPIRED SHARE", |item| item.expired_share_ppm.into()),
    Number("PAY P50 MS", |item| item.time_to_pay_p50_ms.into()),
    Number("PAY P90 MS", |item| item.time_to_pay_p90_ms.into()),
    Number("PAY P99 MS", |item| item.time_to_pay_p99_ms.into()),
    Number("PAY MAX MS", |item| item.time_to_pay_max_ms.into()),
    Number("UNIT SECONDS HELD", |item| item.unit_seconds_held.into()),
    Number("UNIT SECONDS LOST", |item| item.unit_seconds_lost.into()),
    Number("RELEASED", |item| item.units_released.into()),
    Number("RESOLD", |item| item.units_resold.into()),
    Number("REFUNDS DUE", |item| item.refunds_due.into()),
];

impl Holds {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetHoldsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let total = found.total.clone().map(|total| HoldFigures { sku: ALL.to_owned(), ..total });
        common.show_rows(|| shape(&found), COLUMNS, found.items.iter().chain(&total))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
