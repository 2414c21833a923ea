//! `report sales`: orders, units and revenue of a sale, by item and in total.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::{
            ALL, Cell,
            Column::{self, Money, Number, Share, Text},
        },
        whose::TheSale,
    },
    grpc::proto::{
        self, GetSalesSummaryRequest, GetSalesSummaryResponse, SalesFigures,
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
    Number("REFUNDED UNITS", |item| item.units_refunded.into()),
    Money("REFUNDED", |item| (&item.refunded).into()),
    Money("GROSS", gross),
    Money("REFUNDS SETTLED", |item| (&item.refunds_settled).into()),
];

/// The columns of every table. The others stand in CSV, and in a table of a sale with refunds.
const PLAIN: usize = 11;

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
        let settled = |total: &SalesFigures| amount_minor(&total.refunds_settled) != 0;
        let plain = total.as_ref().is_none_or(|sum| sum.units_refunded == 0 && !settled(sum));
        let columns = if plain && common.csv.is_none() { &COLUMNS[..PLAIN] } else { COLUMNS };
        common.show_rows(|| shape(&found), columns, found.items.iter().chain(&total))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

/// Revenue before anything of it was refunded.
fn gross(item: &SalesFigures) -> Cell {
    let gross = item.revenue.as_ref().map(|revenue| proto::Money {
        currency_code: revenue.currency_code.clone(),
        amount_minor: revenue.amount_minor.saturating_add(amount_minor(&item.refunded)),
    });
    (&gross).into()
}

fn amount_minor(money: &Option<proto::Money>) -> i64 {
    money.as_ref().map_or(0, |money| money.amount_minor)
}
