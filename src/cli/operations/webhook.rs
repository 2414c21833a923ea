//! `doorbuster webhook`: the webhook of order events of one node.

use crate::{
    cli::{
        Common,
        json::{shape, short, time},
        output::table_of,
        rows::Column::{self, Number, Text},
        server::Server,
    },
    crowd::channel::Channel,
    grpc::proto::{
        FailedDelivery, ListFailedDeliveriesRequest, ListWebhooksRequest, OrderWebhook,
        PauseWebhookRequest, ResendDeliveriesRequest, ResumeWebhookRequest,
        webhook_service_client::WebhookServiceClient,
    },
    values::count_of,
};

/// What the names of kinds begin with in the contract.
const KINDS: &str = "ORDER_EVENT_KIND_";

/// Arguments of `webhook`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show how far the webhook of the node has come
    #[command(before_help = "Examples:
  doorbuster webhook list
  doorbuster webhook list --server http://node-1:7420 --json")]
    List(On),
    /// List the deliveries that were set aside
    #[command(before_help = "Examples:
  doorbuster webhook failed --json")]
    Failed(On),
    /// Send deliveries that were set aside again: all, or those of these events and their orders
    #[command(before_help = "Examples:
  doorbuster webhook resend
  doorbuster webhook resend 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Resend(Resend),
    /// Send nothing until resumed; nothing is lost meanwhile
    #[command(before_help = "Examples:
  doorbuster webhook pause")]
    Pause(On),
    /// Continue where it was paused
    #[command(before_help = "Examples:
  doorbuster webhook resume")]
    Resume(On),
}

#[derive(Debug, clap::Args)]
struct On {
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Resend {
    /// The events
    #[arg(value_name = "EVENT")]
    event_ids: Vec<String>,
    #[command(flatten)]
    server: Server,
}

fn client(channel: Channel) -> WebhookServiceClient<Channel> {
    WebhookServiceClient::new(channel)
}

/// Runs `webhook`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::List(on) => {
            let answer = on.server.call(async |channel| {
                client(channel).list_webhooks(ListWebhooksRequest {}).await
            })?;
            common.show(|| shape(&answer), || table_of(WEBHOOKS, answer.webhooks.clone()))?;
        }
        Verb::Failed(on) => {
            let answer = on.server.call(async |channel| {
                client(channel).list_failed_deliveries(ListFailedDeliveriesRequest {}).await
            })?;
            common.show(|| shape(&answer), || table_of(FAILED, answer.deliveries.clone()))?;
        }
        Verb::Resend(Resend { event_ids, server }) => {
            let request = ResendDeliveriesRequest { event_ids };
            let answer = server
                .call(async |channel| client(channel).resend_deliveries(request.clone()).await)?;
            common.show(
                || shape(&answer),
                || format!("{} deliveries are sent again", answer.deliveries),
            )?;
        }
        Verb::Pause(on) => {
            let answer = on.server.call(async |channel| {
                client(channel).pause_webhook(PauseWebhookRequest {}).await
            })?;
            common.show(|| shape(&answer), || table_of(WEBHOOKS, answer.webhook.clone()))?;
        }
        Verb::Resume(on) => {
            let answer = on.server.call(async |channel| {
                client(channel).resume_webhook(ResumeWebhookRequest {}).await
            })?;
            common.show(|| shape(&answer), || table_of(WEBHOOKS, answer.webhook.clone()))?;
        }
    }
    Ok(())
}

const WEBHOOKS: &[Column<OrderWebhook>] = &[
    Text("TO", |webhook| (&webhook.origin).into()),
    Number("POSITION", |webhook| count_of(webhook.position).into()),
    Number("DELIVERED", |webhook| count_of(webhook.delivered).into()),
    Number("SET ASIDE", |webhook| webhook.failed.into()),
    Text("PAUSED", |webhook| (&webhook.paused).into()),
    Text("FAILING SINCE", |webhook| time(webhook.failing_since_time.as_ref()).into()),
    Text("WHY", |webhook| (&webhook.last_error).into()),
];

const FAILED: &[Column<FailedDelivery>] = &[
    Text("EVENT", |failed| (&failed.event_id).into()),
    Number("POSITION", |failed| count_of(failed.position).into()),
    Text("KIND", |failed| short(KINDS, failed.kind().as_str_name()).to_lowercase().into()),
    Text("ORDER", |failed| (&failed.order_id).into()),
    Text("SINCE", |failed| time(failed.fail_time.as_ref()).into()),
    Text("WHY", |failed| (&failed.error).into()),
];
