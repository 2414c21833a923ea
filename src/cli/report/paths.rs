//! `report paths`: the most common sequences of touches.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::Fresh,
        rows::{
            Cell,
            Column::{Number, Share, Text},
            share,
        },
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
        let columns = [Number("SHOPPERS"), Share("SHARE"), Number("BUYERS"), Text("PATH")];
        common.show_rows(
            || {
                json!({
                    "steps_max": answer.steps_max,
                    "shoppers": answer.shoppers,
                    "distinct_paths": answer.distinct_paths,
                    "shoppers_left_out": answer.shoppers_left_out,
                    "paths": answer.rows.iter().map(row).collect::<Value>(),
                    "touches_left_out": answer.touches_left_out,
                    "freshness": shapes::freshness(answer.freshness.as_ref()),
                })
            },
            columns,
            || answer.rows.iter().map(cells).collect(),
        )?;
        common.note_freshness(answer.freshness.as_ref());
        Ok(())
    }
}

fn row(row: &PathRow) -> Value {
    json!({
        "steps": row.steps,
        "shoppers": row.shoppers,
        "shoppers_share_ppm": row.shoppers_share_ppm,
        "buyers": row.buyers,
    })
}

fn cells(row: &PathRow) -> [Cell; 4] {
    [
        row.shoppers.into(),
        share(row.shoppers_share_ppm),
        row.buyers.into(),
        row.steps.join(" > ").into(),
    ]
}
