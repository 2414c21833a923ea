//! `report timeline`: counts second by second.

use crate::{
    cli::{
        Common,
        failure::reason_name,
        json::shape,
        question::{Fresh, moment, paged},
        rows::Column::{self, Number, Text},
        whose::Whose,
    },
    grpc::proto::{
        GetTimelineRequest, GetTimelineResponse, TimelineSecond,
        report_service_client::ReportServiceClient,
    },
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

paged!(GetTimelineRequest => ReportServiceClient.get_timeline,
    GetTimelineResponse.seconds: TimelineSecond);

const COLUMNS: &[Column<TimelineSecond>] = &[
    Text("SECOND", |second| (&second.second).into()),
    Number("ATTEMPTS", |second| second.attempts.into()),
    Number("PLACED", |second| second.orders_placed.into()),
    Number("UNITS", |second| second.units_placed.into()),
    Number("PAID", |second| second.orders_paid.into()),
    Number("CANCELLED", |second| second.orders_cancelled.into()),
    Number("EXPIRED", |second| second.orders_expired.into()),
    Number("REPEATS", |second| second.repeats.into()),
    Number("REFUSED", |second| {
        second.refusals.iter().map(|count| count.attempts).sum::<i64>().into()
    }),
    Text("REASONS", |second| reasons(second).into()),
];

impl Timeline {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetTimelineRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.seconds)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn reasons(second: &TimelineSecond) -> String {
    let reasons = second.refusals.iter().map(|count| {
        let reason = reason_name(count.reason());
        format!("{reason} {}", count.attempts)
    });
    reasons.collect::<Vec<_>>().join(", ")
}
