//! `report sales`: orders, units and revenue of a sale, by item and in total.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::{
            ALL,
            Column::{self, Money, Number, Share, Text},
        },
        whose::TheSale,
    },
    grpc::proto::{
        GetSalesSummaryRequest, GetSalesSummaryResponse, SalesFigures,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report sales`.
#[derive(Debug, clap::Args)]
pub struct Sales {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetSalesSummaryRequest => ReportServiceClient.get_sales_summary,
    GetSalesSummaryResponse.items: SalesFigures);

const COLUMNS: &[Column<SalesFigures>] = &[
    Text("SKU", |item| (&item.sku).into()),
    Number("PLACED", |item| item.orders_placed.into()),
    Number("PAID", |item| item.orders_paid.into()),
    Number("CANCELLED", |item| item.orders_cancelled.into()),
    Number("EXPIRED", |item| item.orders_expired.into()),
    Number("SOLD", |item| item.units_sold.into()),
    Number("OF", |item| item.allocated_units.into()),
    Share("PAID SHARE", |item| item.paid_share_ppm.into()),
    Money("REVENUE", |item| (&item.revenue).into()),
    Money("REFUNDS DUE", |item| (&item.refunds_due).into()),
    Text("SOLD OUT", |item| (&item.sold_out_time).into()),
];

impl Sales {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetSalesSummaryRequest {
            sale_id: self.sale.id()?.to_string(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let total = found.total.clone().map(|total| SalesFigures { sku: ALL.to_owned(), ..total });
        common.show_rows(|| shape(&found), COLUMNS, found.items.iter().chain(&total))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
