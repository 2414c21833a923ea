//! `report demand`: demand second by second, met and unmet.

use crate::{
    cli::{
        Common,
        json::{shape, time},
        question::{Fresh, moment, paged},
        rows::{
            Column::{self, Number, Text},
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

paged!(GetDemandRequest => ReportServiceClient.get_demand, GetDemandResponse.seconds: DemandSecond);

const COLUMNS: &[Column<DemandSecond>] = &[
    Text("SECOND", |second| (&second.second).into()),
    Number("ATTEMPTS", |second| demand(second).attempts.into()),
    Number("MET", |second| demand(second).met.into()),
    Number("UNITS MET", |second| demand(second).units_met.into()),
    Number("REPEATS", |second| demand(second).repeats.into()),
    Number("UNMET", |second| demand(second).unmet.into()),
    Number("UNITS UNMET", |second| demand(second).units_unmet.into()),
    Number("REFUSED OTHERWISE", |second| demand(second).refused_otherwise.into()),
];

impl Demand {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetDemandRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.seconds)?;
        let total = found.total.unwrap_or_default();
        let first_sold_out = found.first_sold_out_time.as_ref().map(|at| time(Some(at)));
        common.note(format_args!(
            "{} of {} attempts unmet ({}), {} units; first sold out: {}",
            total.unmet,
            total.attempts,
            percent(found.unmet_share_ppm),
            total.units_unmet,
            first_sold_out.as_deref().unwrap_or("never")
        ));
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn demand(second: &DemandSecond) -> DemandFigures {
    second.demand.unwrap_or_default()
}
