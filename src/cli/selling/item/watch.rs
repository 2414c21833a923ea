//! `item watch`: a line for each change of the units left, also over restarts of the server.

use std::{convert::Infallible, time::Duration};

use tonic::Code as GrpcCode;

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        json::{shape, short, time},
        output,
        server::Server,
    },
    crowd::channel::Channel,
    grpc::proto::{WatchStockRequest, WatchStockResponse, item_service_client::ItemServiceClient},
    values::{ItemId, SaleId},
};

/// How long a server that is gone is left alone before it is asked again.
const AWAY_PAUSE: Duration = Duration::from_secs(1);

/// What the names of states begin with in the contract.
const STATES: &str = "STOCK_STATE_";

/// Arguments of `item watch`.
#[derive(Debug, clap::Args)]
pub struct Watch {
    /// The items, of one sale
    #[arg(value_name = "ITEM", required_unless_present = "sale", conflicts_with = "sale")]
    items: Vec<String>,
    /// All items of this sale
    #[arg(long, value_name = "SALE")]
    sale: Option<String>,
    #[command(flatten)]
    server: Server,
}

impl Watch {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let item = |item: &String| ItemId::parse("ITEM", item).map(|item| item.to_string());
        let sale = self.sale.map(|sale| SaleId::parse("--sale", &sale)).transpose()?;
        let request = WatchStockRequest {
            sale_id: sale.map(|sale| sale.to_string()).unwrap_or_default(),
            item_ids: self.items.iter().map(item).collect::<Result<_, _>>()?,
        };
        let never: Infallible = self.server.with_channel(async |channel| {
            loop {
                let why = watch(channel.clone(), &request, common).await?;
                common.note(format_args!("{why}; watching again in a second"));
                tokio::time::sleep(AWAY_PAUSE).await;
            }
        })?;
        match never {}
    }
}

/// Prints what changes; says why the server is gone.
async fn watch(
    channel: Channel,
    request: &WatchStockRequest,
    common: &Common,
) -> Result<String, Failure> {
    let mut told = match ItemServiceClient::new(channel).watch_stock(request.clone()).await {
        Ok(told) => told.into_inner(),
        Err(status) => return Err(Failure::status(&status)),
    };
    loop {
        match told.message().await {
            Ok(Some(response)) => print(&response, common)?,
            Ok(None) => return Ok("the server stops".to_owned()),
            // A connection that breaks is `Unknown`, too.
            Err(status) => match status.code() {
                GrpcCode::Unavailable | GrpcCode::Unknown | GrpcCode::Cancelled => {
                    return Ok(status.message().to_owned());
                }
                _ => return Err(Failure::status(&status)),
            },
        }
    }
}

fn print(response: &WatchStockResponse, common: &Common) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::Failed, error.to_string());
    if common.json {
        return output::answer(shape(response)).map_err(failed);
    }
    let at = time(response.server_time.as_ref());
    for item in &response.items {
        let state = short(STATES, item.state().as_str_name()).to_lowercase();
        let (sku, units, id) = (&item.sku, item.available_units, &item.item_id);
        output::answer(format!("{at}  {sku}  {units}  {state}  {id}")).map_err(failed)?;
    }
    Ok(())
}
