//! `order follow`: a line for each thing that happens to an order, also over restarts of the server.

use std::{convert::Infallible, str::FromStr, time::Duration};

use tonic::{Code as GrpcCode, Status};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        json::{amount, shape, short, time},
        output,
        server::Server,
        whose::Filter,
    },
    crowd::channel::Channel,
    grpc::proto::{
        FollowOrdersRequest, FollowOrdersResponse, OrderEvent, OrderEventKind,
        order_service_client::OrderServiceClient,
    },
};

/// How long a server that is gone is left alone before it is asked again.
const AWAY_PAUSE: Duration = Duration::from_secs(1);

/// What the names of kinds begin with in the contract.
const KINDS: &str = "ORDER_EVENT_KIND_";

/// Arguments of `order follow`.
#[derive(Debug, clap::Args)]
pub struct Follow {
    #[command(flatten)]
    whose: Filter,
    /// Events of these kinds only, for example paid,expired
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Begin after this position of the log, 0 for its start [default: now]
    #[arg(long, value_name = "POSITION", conflicts_with = "token")]
    after: Option<u64>,
    /// Go on behind the line that had this resume_token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// A kind of event by its name in lower case.
#[derive(Debug, Clone, Copy)]
struct Kind(OrderEventKind);

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || (1..).map_while(|number| OrderEventKind::try_from(number).ok());
        let named = known().find(|known| kind(*known) == text);
        named.map(Self).ok_or_else(|| {
            let names: Vec<String> = known().map(kind).collect();
            format!("known kinds are {}", names.join(", "))
        })
    }
}

impl Follow {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let mut request = FollowOrdersRequest {
            resume_token: self.token.unwrap_or_default(),
            after_position: self.after,
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            kinds: self.kinds.iter().map(|kind| kind.0.into()).collect(),
        };
        let never: Infallible = self.server.with_channel(async |channel| {
            loop {
                let why = follow(channel.clone(), &mut request, common).await?;
                common.note(format_args!("{why}; following again in a second"));
                tokio::time::sleep(AWAY_PAUSE).await;
            }
        })?;
        match never {}
    }
}

/// Prints what happens, and keeps in the request where it goes on; says why the server is gone.
async fn follow(
    channel: Channel,
    request: &mut FollowOrdersRequest,
    common: &Common,
) -> Result<String, Failure> {
    let told = OrderServiceClient::new(channel).follow_orders(request.clone()).await;
    let mut told = match told {
        Ok(told) => told.into_inner(),
        Err(status) => return away(request, &status),
    };
    loop {
        let response = match told.message().await {
            Ok(Some(response)) => response,
            Ok(None) => return Ok("the server stops".to_owned()),
            Err(status) => return away(request, &status),
        };
        print(&response, common)?;
        request.after_position = None;
        request.resume_token = response.resume_token;
    }
}

/// Whether it is worth following again: only then is the place known where it goes on.
fn away(request: &FollowOrdersRequest, status: &Status) -> Result<String, Failure> {
    let begun = !request.resume_token.is_empty() || request.after_position.is_some();
    match status.code() {
        // A connection that breaks is `Unknown`, too.
        GrpcCode::Unavailable | GrpcCode::Unknown | GrpcCode::Cancelled if begun => {
            Ok(status.message().to_owned())
        }
        _ => Err(Failure::status(status)),
    }
}

fn print(response: &FollowOrdersResponse, common: &Common) -> Result<(), Failure> {
    let printed = match (common.json, &response.event) {
        (true, _) => output::answer(shape(response)),
        (false, Some(event)) => output::answer(line(event)),
        (false, None) => return Ok(()),
    };
    printed.map_err(|error| Failure::new(Code::Failed, error.to_string()))
}

fn line(event: &OrderEvent) -> String {
    let record = event.order.as_ref();
    let order = record.and_then(|record| record.order.as_ref());
    let mut words =
        vec![time(event.event_time.as_ref()), kind(event.kind()), event.order_id.clone()];
    words.extend(order.map(|order| order.buyer.clone()));
    words.extend((event.units > 0).then(|| event.units.to_string()));
    words.extend(event.amount.as_ref().map(|money| amount(Some(money))));
    words.extend((!event.reference.is_empty()).then(|| event.reference.clone()));
    words.join("  ")
}

fn kind(kind: OrderEventKind) -> String {
    short(KINDS, kind.as_str_name()).to_lowercase()
}
