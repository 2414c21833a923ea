//! `report demand`: demand second by second, met and unmet.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages, moment},
        rows::{
            Cell,
            Column::{Number, Text},
            percent,
        },
        whose::Whose,
    },
    grpc::proto::{
        DemandFigures, DemandSecond, GetDemandRequest, GetDemandResponse,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report demand`.
#[derive(Debug, clap::Args)]
pub struct Demand {
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

impl Demand {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetDemandRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut whole = GetDemandResponse::default();
        let (seconds, freshness) = all_pages(|page_token| {
            let request = GetDemandRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_demand(request.clone()).await
            })?;
            whole = GetDemandResponse { seconds: Vec::new(), ..page.clone() };
            Ok((page.seconds, page.next_page_token, page.freshness))
        })?;
        let total = whole.total.unwrap_or_default();
        let first_sold_out = whole.first_sold_out_time.as_ref().map(|at| shapes::time(Some(at)));
        let columns = [
            Text("SECOND"),
            Number("ATTEMPTS"),
            Number("MET"),
            Number("UNITS MET"),
            Number("REPEATS"),
            Number("UNMET"),
            Number("UNITS UNMET"),
            Number("REFUSED OTHERWISE"),
        ];
        common.show_rows(
            || {
                json!({
                    "seconds": seconds.iter().map(second).collect::<Value>(),
                    "total": figures(&total),
                    "unmet_share_ppm": whole.unmet_share_ppm,
                    "first_sold_out_time": first_sold_out,
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || seconds.iter().map(row).collect(),
        )?;
        common.note(format_args!(
            "{} of {} attempts unmet ({}), {} units; first sold out: {}",
            total.unmet,
            total.attempts,
            percent(whole.unmet_share_ppm),
            total.units_unmet,
            first_sold_out.as_deref().unwrap_or("never")
        ));
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn second(second: &DemandSecond) -> Value {
    let mut json = figures(&second.demand.unwrap_or_default());
    json["second"] = shapes::time(second.second.as_ref()).into();
    json
}

fn figures(demand: &DemandFigures) -> Value {
    json!({
        "attempts": demand.attempts,
        "met": demand.met,
        "units_met": demand.units_met,
        "repeats": demand.repeats,
        "unmet": demand.unmet,
        "units_unmet": demand.units_unmet,
        "refused_otherwise": demand.refused_otherwise,
    })
}

fn row(second: &DemandSecond) -> [Cell; 8] {
    let demand = second.demand.unwrap_or_default();
    [
        shapes::time(second.second.as_ref()).into(),
        demand.attempts.into(),
        demand.met.into(),
        demand.units_met.into(),
        demand.repeats.into(),
        demand.unmet.into(),
        demand.units_unmet.into(),
        demand.refused_otherwise.into(),
    ]
}
