//! `report paths`: the most common sequences of touches.

use crate::{
    cli::{
        Common,
        json::shape,
        question::Fresh,
        rows::Column::{self, Number, Share, Text},
        whose::AnySale,
    },
    grpc::proto::{GetPathsRequest, PathRow, report_service_client::ReportServiceClient},
};

/// Arguments of `report paths`.
#[derive(Debug, clap::Args)]
pub struct Paths {
    #[command(flatten)]
    sale: AnySale,
    /// Maximum of steps in a path
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..=32))]
    steps: i32,
    /// Paths in the answer
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i32).range(1..=1000))]
    top: i32,
    #[command(flatten)]
    fresh: Fresh,
}

const COLUMNS: &[Column<PathRow>] = &[
    Number("SHOPPERS", |row| row.shoppers.into()),
    Share("SHARE", |row| row.shoppers_share_ppm.into()),
    Number("BUYERS", |row| row.buyers.into()),
    Text("PATH", |row| row.steps.join(" > ").into()),
];

impl Paths {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetPathsRequest {
            sale_id: self.sale.sale_id()?,
            steps_max: self.steps,
            page_size: self.top,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let answer = self.fresh.server.call(async |channel| {
            ReportServiceClient::new(channel).get_paths(request.clone()).await
        })?;
        common.show_rows(|| shape(&answer), COLUMNS, &answer.rows)?;
        common.note_freshness(answer.freshness.as_ref());
        Ok(())
    }
}
