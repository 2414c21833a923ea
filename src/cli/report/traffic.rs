//! `report traffic`: beacons and exact distinct visitors, by item, channel or minute.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages, moment},
        rows::{
            Cell,
            Column::{Number, Text},
        },
        whose::AnySale,
    },
    grpc::proto::{
        self, GetTrafficRequest, TrafficFigures, TrafficRow,
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

impl Traffic {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let by = TrafficGrouping::parse(&self.by).map_err(|e| Invalid::new("--by", e.problem))?;
        let request = GetTrafficRequest {
            sale_id: self.sale.sale_id()?,
            by: grouping(by).into(),
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            page_size: PAGE * 4,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut total = None;
        let (mut rows, freshness) = all_pages(|page_token| {
            let request = GetTrafficRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_traffic(request.clone()).await
            })?;
            total = page.total;
            Ok((page.rows, page.next_page_token, page.freshness))
        })?;
        let total = total.unwrap_or_default();
        if by != TrafficGrouping::Minute {
            rows.sort_by_key(|row| std::cmp::Reverse(row.figures.map_or(0, |f| f.views)));
        }
        let columns = [
            Text(of(by)),
            Number("VIEWS"),
            Number("FAVOURITES"),
            Number("CARTS"),
            Number("SHARES"),
            Number("PURCHASES"),
            Number("VISITORS"),
        ];
        common.show_rows(
            || {
                let mut answer = figures(&total);
                answer["by"] = by.name().into();
                answer["rows"] = rows.iter().map(row).collect::<Value>();
                answer["freshness"] = shapes::freshness(freshness.as_ref());
                answer
            },
            columns,
            || {
                let rows = rows.iter().map(|row| cells(&name(row), row.figures.as_ref()));
                rows.chain([cells("(all)", Some(&total))]).collect()
            },
        )?;
        common.note_freshness(freshness.as_ref());
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

fn name(row: &TrafficRow) -> String {
    if row.minute.is_some() { shapes::time(row.minute.as_ref()) } else { row.name.clone() }
}

fn row(row: &TrafficRow) -> Value {
    let mut answer = figures(&row.figures.unwrap_or_default());
    if row.minute.is_some() {
        answer["minute"] = name(row).into();
    } else {
        answer["name"] = row.name.clone().into();
    }
    if !row.item_id.is_empty() {
        answer["item_id"] = row.item_id.clone().into();
    }
    answer
}

fn figures(figures: &TrafficFigures) -> Value {
    json!({
        "views": figures.views,
        "favourites": figures.favourites,
        "carts": figures.carts,
        "shares": figures.shares,
        "buys": figures.buys,
        "visitors": figures.visitors,
    })
}

fn cells(name: &str, figures: Option<&TrafficFigures>) -> [Cell; 7] {
    let figures = figures.copied().unwrap_or_default();
    [
        name.into(),
        figures.views.into(),
        figures.favourites.into(),
        figures.carts.into(),
        figures.shares.into(),
        figures.buys.into(),
        figures.visitors.into(),
    ]
}
