//! `report traffic`: beacons and exact distinct visitors, by item, channel or minute.

use std::cmp::Reverse;

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, PAGE, moment, paged},
        rows::{
            ALL,
            Column::{self, Number, Text},
        },
        whose::AnySale,
    },
    grpc::proto::{
        self, GetTrafficRequest, GetTrafficResponse, TrafficFigures, TrafficRow,
        report_service_client::ReportServiceClient,
    },
    reports::TrafficGrouping,
    values::Invalid,
};

/// Arguments of `report traffic`.
#[derive(Debug, clap::Args)]
pub struct Traffic {
    #[command(flatten)]
    sale: AnySale,
    /// Split by none, item, channel or minute
    #[arg(long, value_name = "WHAT", default_value = "none")]
    by: String,
    /// By minute: from this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// By minute: before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetTrafficRequest => ReportServiceClient.get_traffic, GetTrafficResponse.rows: TrafficRow);

fn columns(by: TrafficGrouping) -> [Column<TrafficRow>; 7] {
    [
        Text(of(by), |row| match &row.minute {
            None => (&row.name).into(),
            minute => minute.into(),
        }),
        Number("VIEWS", |row| figures(row).views.into()),
        Number("FAVOURITES", |row| figures(row).favourites.into()),
        Number("CARTS", |row| figures(row).carts.into()),
        Number("SHARES", |row| figures(row).shares.into()),
        Number("PURCHASES", |row| figures(row).buys.into()),
        Number("VISITORS", |row| figures(row).visitors.into()),
    ]
}

impl Traffic {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let by = TrafficGrouping::parse(&self.by).map_err(|e| Invalid::new("--by", e.problem))?;
        let mut found = self.fresh.pages(GetTrafficRequest {
            sale_id: self.sale.sale_id()?,
            by: grouping(by).into(),
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            page_size: PAGE * 4,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        if by != TrafficGrouping::Minute {
            found.rows.sort_by_key(|row| Reverse(figures(row).views));
        }
        let all = TrafficRow { name: ALL.to_owned(), figures: found.total, ..Default::default() };
        common.show_rows(
            || {
                let mut answer = shape(&found);
                answer["by"] = by.name().into();
                answer
            },
            &columns(by),
            found.rows.iter().chain([&all]),
        )?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn grouping(by: TrafficGrouping) -> proto::TrafficGrouping {
    match by {
        TrafficGrouping::None => proto::TrafficGrouping::Unspecified,
        TrafficGrouping::Item => proto::TrafficGrouping::Item,
        TrafficGrouping::Channel => proto::TrafficGrouping::Channel,
        TrafficGrouping::Minute => proto::TrafficGrouping::Minute,
    }
}

fn of(by: TrafficGrouping) -> &'static str {
    match by {
        TrafficGrouping::None => "OF",
        TrafficGrouping::Item => "ITEM",
        TrafficGrouping::Channel => "CHANNEL",
        TrafficGrouping::Minute => "MINUTE",
    }
}

fn figures(row: &TrafficRow) -> TrafficFigures {
    row.figures.unwrap_or_default()
}
