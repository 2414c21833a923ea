//! `report compare`: two sales or periods compared.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, moment},
        rows::Column::{self, Number, Share, Text},
        whose::TheSale,
    },
    grpc::proto::{
        CompareSalesRequest, ComparedFigure, report_service_client::ReportServiceClient,
    },
    values::SaleId,
};

/// Arguments of `report compare`.
#[derive(Debug, clap::Args)]
pub struct Compare {
    #[command(flatten)]
    sale: TheSale,
    /// From this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Compare with this sale [default: another period of the same one]
    #[arg(long, value_name = "SALE")]
    baseline: Option<String>,
    /// Compare with what was from this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    baseline_from: Option<String>,
    /// Compare with what was before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    baseline_until: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
}

const COLUMNS: &[Column<ComparedFigure>] = &[
    Text("FIGURE", |figure| (&figure.figure).into()),
    Number("VALUE", |figure| figure.value.into()),
    Number("BASELINE", |figure| figure.baseline.into()),
    Number("DIFFERENCE", |figure| figure.difference.into()),
    Share("CHANGE", |figure| figure.change_ppm.into()),
];

impl Compare {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let baseline = self.baseline.as_deref();
        let baseline = baseline.map(|id| SaleId::parse("--baseline", id)).transpose()?;
        let request = CompareSalesRequest {
            sale_id: self.sale.id()?.to_string(),
            from_time: moment("--from", self.from.as_deref())?,
            until_time: moment("--until", self.until.as_deref())?,
            baseline_sale_id: baseline.map_or_else(String::new, |id| id.to_string()),
            baseline_from_time: moment("--baseline-from", self.baseline_from.as_deref())?,
            baseline_until_time: moment("--baseline-until", self.baseline_until.as_deref())?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let found = self.fresh.server.call(async |channel| {
            ReportServiceClient::new(channel).compare_sales(request.clone()).await
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.figures)?;
        if found.currency_code.is_empty() {
            common.note("the two are in different currencies: revenue is not compared");
        }
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
