//! `report attribution`: the channels of buyers, by first and last touch.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged, window},
        rows::{
            ALL,
            Column::{self, Money, Number, Share, Text},
        },
        whose::AnySale,
    },
    grpc::proto::{
        AttributionRow, Credit, GetAttributionRequest, GetAttributionResponse,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report attribution`.
#[derive(Debug, clap::Args)]
pub struct Attribution {
    #[command(flatten)]
    sale: AnySale,
    /// How long before an order a touch counts, for example 30m, 24h or 7d
    #[arg(long, value_name = "SPAN", default_value = "7d", allow_hyphen_values = true)]
    window: String,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetAttributionRequest => ReportServiceClient.get_attribution,
    GetAttributionResponse.rows: AttributionRow);

const COLUMNS: &[Column<AttributionRow>] = &[
    Text("CHANNEL", |row| (&row.channel).into()),
    Number("FIRST ORDERS", |row| first(row).orders.into()),
    Share("FIRST SHARE", |row| first(row).orders_share_ppm.into()),
    Number("FIRST UNITS", |row| first(row).units.into()),
    Money("FIRST REVENUE", |row| (&first(row).revenue).into()),
    Number("LAST ORDERS", |row| last(row).orders.into()),
    Share("LAST SHARE", |row| last(row).orders_share_ppm.into()),
    Number("LAST UNITS", |row| last(row).units.into()),
    Money("LAST REVENUE", |row| (&last(row).revenue).into()),
];

impl Attribution {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetAttributionRequest {
            sale_id: self.sale.sale_id()?,
            window: Some(window("--window", &self.window)?),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let all = AttributionRow {
            channel: ALL.to_owned(),
            first_touch: found.total.clone(),
            last_touch: found.total.clone(),
        };
        common.show_rows(
            || {
                let mut answer = shape(&found);
                answer["window"] = self.window.into();
                answer
            },
            COLUMNS,
            found.rows.iter().chain([&all]),
        )?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn first(row: &AttributionRow) -> Credit {
    row.first_touch.clone().unwrap_or_default()
}

fn last(row: &AttributionRow) -> Credit {
    row.last_touch.clone().unwrap_or_default()
}
