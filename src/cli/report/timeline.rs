//! `report timeline`: counts second by second.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        failure::reason_name,
        json as shapes,
        question::{Fresh, PAGE, all_pages, moment},
        rows::{
            Cell,
            Column::{Number, Text},
        },
        whose::Whose,
    },
    grpc::proto::{GetTimelineRequest, TimelineSecond, report_service_client::ReportServiceClient},
};

/// Arguments of `report timeline`.
#[derive(Debug, clap::Args)]
pub struct Timeline {
    #[command(flatten)]
    whose: Whose,
    /// From this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
}

impl Timeline {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetTimelineRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let (seconds, freshness) = all_pages(|page_token| {
            let request = GetTimelineRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_timeline(request.clone()).await
            })?;
            Ok((page.seconds, page.next_page_token, page.freshness))
        })?;
        let columns = [
            Text("SECOND"),
            Number("ATTEMPTS"),
            Number("PLACED"),
            Number("UNITS"),
            Number("PAID"),
            Number("CANCELLED"),
            Number("EXPIRED"),
            Number("REPEATS"),
            Number("REFUSED"),
            Text("REASONS"),
        ];
        common.show_rows(
            || {
                json!({
                    "seconds": seconds.iter().map(shapes::timeline_second).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || seconds.iter().map(second_row).collect(),
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn second_row(second: &TimelineSecond) -> [Cell; 10] {
    let refusals = second.refusals.iter().map(|count| {
        let reason = reason_name(count.reason());
        format!("{reason} {}", count.attempts)
    });
    [
        shapes::time(second.second.as_ref()).into(),
        second.attempts.into(),
        second.orders_placed.into(),
        second.units_placed.into(),
        second.orders_paid.into(),
        second.orders_cancelled.into(),
        second.orders_expired.into(),
        second.repeats.into(),
        second.refusals.iter().map(|count| count.attempts).sum::<i64>().into(),
        refusals.collect::<Vec<_>>().join(", ").into(),
    ]
}
