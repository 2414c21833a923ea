//! `doorbuster sale reschedule`: gives a sale another window.

use crate::{
    cli::{decided::Decided, json::timestamp, whose::TheSale, write::Steering},
    grpc::proto::{
        Refusal, RescheduleSaleRequest, RescheduleSaleResponse, Sale, SaleNotice,
        reschedule_sale_response::Outcome, sale_service_client::SaleServiceClient,
    },
    values::UnixMs,
};

#[derive(Debug, clap::Args)]
pub struct Reschedule {
    #[command(flatten)]
    sale: TheSale,
    /// The new opening, in RFC 3339: before the sale opens only
    #[arg(long, value_name = "TIME", required_unless_present = "close_time")]
    open_time: Option<String>,
    /// The new closing, in RFC 3339 [default: the sale stays as long as it is]
    #[arg(long, value_name = "TIME")]
    close_time: Option<String>,
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

impl Reschedule {
    /// The answer, and what may be a mistake.
    pub fn send(self) -> anyhow::Result<(Decided<Sale, Refusal>, Vec<SaleNotice>)> {
        let moment = |field: &str, text: &Option<String>| match text {
            Some(text) => UnixMs::parse(field, text).map(|at| Some(timestamp(at))),
            None => Ok(None),
        };
        let request = RescheduleSaleRequest {
            open_time: moment("--open-time", &self.open_time)?,
            close_time: moment("--close-time", &self.close_time)?,
            ..Default::default()
        };
        let sale_id = self.sale.id()?.to_string();
        let answer =
            self.steering.act(&sale_id, &self.reason, request, async |channel, request| {
                SaleServiceClient::new(channel).reschedule_sale(request).await
            })?;
        let RescheduleSaleResponse { outcome, revision, position, notices } = answer;
        let outcome = match outcome {
            Some(Outcome::Sale(sale)) => Some(Ok(sale)),
            Some(Outcome::Refusal(refusal)) => Some(Err(refusal)),
            None => None,
        };
        Ok((Decided { outcome, revision, position }, notices))
    }
}
