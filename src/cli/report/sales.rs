//! `report sales`: orders, units and revenue of a sale, by item and in total.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::{
            Cell,
            Column::{Money, Number, Share, Text},
            money, share,
        },
        whose::TheSale,
    },
    grpc::proto::{
        GetSalesSummaryRequest, SalesFigures, report_service_client::ReportServiceClient,
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

impl Sales {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetSalesSummaryRequest {
            sale_id: self.sale.id()?.to_string(),
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut total = None;
        let (items, freshness) = all_pages(|page_token| {
            let request = GetSalesSummaryRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_sales_summary(request.clone()).await
            })?;
            total = page.total;
            Ok((page.items, page.next_page_token, page.freshness))
        })?;
        let columns = [
            Text("SKU"),
            Number("PLACED"),
            Number("PAID"),
            Number("CANCELLED"),
            Number("EXPIRED"),
            Number("SOLD"),
            Number("OF"),
            Share("PAID SHARE"),
            Money("REVENUE"),
            Money("REFUNDS DUE"),
            Text("SOLD OUT"),
        ];
        common.show_rows(
            || {
                json!({
                    "total": total.as_ref().map(shapes::sales_figures),
                    "items": items.iter().map(shapes::sales_figures).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || {
                let rows = items.iter().map(|item| sales_row(&item.sku, item));
                let total = total.iter().map(|total| sales_row("(all)", total));
                rows.chain(total).collect()
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn sales_row(sku: &str, figures: &SalesFigures) -> [Cell; 11] {
    [
        sku.into(),
        figures.orders_placed.into(),
        figures.orders_paid.into(),
        figures.orders_cancelled.into(),
        figures.orders_expired.into(),
        figures.units_sold.into(),
        figures.allocated_units.into(),
        share(figures.paid_share_ppm),
        money(figures.revenue.as_ref()),
        money(figures.refunds_due.as_ref()),
        shapes::time(figures.sold_out_time.as_ref()).into(),
    ]
}
