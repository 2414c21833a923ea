//! `doorbuster item`: look at one item and steer it.

use serde_json::json;
use tonic::{Response, Status, transport::Channel};

use super::{
    Common,
    failure::{Code, Failure},
    json as shapes,
    output::facts,
    server::{Operator, Server, Token, Write},
};
use crate::{
    grpc::{
        proto::{
            AllocateStockRequest, CloseItemRequest, GetItemRequest, Item, PauseItemRequest,
            Refusal, ResumeItemRequest, allocate_stock_response, close_item_response,
            item_service_client::ItemServiceClient, pause_item_response, resume_item_response,
        },
        routed,
    },
    values::ItemId,
};

/// Arguments of `item`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show an item as it is now
    #[command(before_help = "Examples:
  doorbuster item show 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster item show 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --json")]
    Show(Show),
    /// Refuse new orders until resumed; held orders can be paid and still expire
    #[command(before_help = "Examples:
  doorbuster item pause 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"price is wrong\"")]
    Pause(Steer),
    /// Take new orders again
    #[command(before_help = "Examples:
  doorbuster item resume 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"price is right\"")]
    Resume(Steer),
    /// Refuse new orders for good
    #[command(before_help = "Examples:
  doorbuster item close 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"recalled by the maker\"")]
    Close(Steer),
    /// Add units to a warehouse
    #[command(before_help = "Examples:
  doorbuster item allocate 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --warehouse hangzhou --units 500 \\
    --reason \"second delivery\"")]
    Allocate(Allocate),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The item
    #[arg(value_name = "ITEM")]
    id: String,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Steer {
    /// The item
    #[arg(value_name = "ITEM")]
    id: String,
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Allocate {
    /// Name of the warehouse, 1 to 64 characters
    #[arg(long, value_name = "NAME")]
    warehouse: String,
    /// Units to add, at least 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    units: i64,
    #[command(flatten)]
    steer: Steer,
}

/// Runs `item`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Show(show) => show.run(common),
        Verb::Pause(steer) => steer.run(common, async |channel, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = PauseItemRequest { request_id, item_id, operator, reason };
            let answer =
                ItemServiceClient::new(channel).pause_item(token.on(routed(request))).await?;
            Ok(answered(answer, |answer| {
                let outcome = answer.outcome.map(|outcome| match outcome {
                    pause_item_response::Outcome::Item(item) => Ok(item),
                    pause_item_response::Outcome::Refusal(refusal) => Err(refusal),
                });
                (outcome, answer.revision, answer.position)
            }))
        }),
        Verb::Resume(steer) => steer.run(common, async |channel, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = ResumeItemRequest { request_id, item_id, operator, reason };
            let answer =
                ItemServiceClient::new(channel).resume_item(token.on(routed(request))).await?;
            Ok(answered(answer, |answer| {
                let outcome = answer.outcome.map(|outcome| match outcome {
                    resume_item_response::Outcome::Item(item) => Ok(item),
                    resume_item_response::Outcome::Refusal(refusal) => Err(refusal),
                });
                (outcome, answer.revision, answer.position)
            }))
        }),
        Verb::Close(steer) => steer.run(common, async |channel, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = CloseItemRequest { request_id, item_id, operator, reason };
            let answer =
                ItemServiceClient::new(channel).close_item(token.on(routed(request))).await?;
            Ok(answered(answer, |answer| {
                let outcome = answer.outcome.map(|outcome| match outcome {
                    close_item_response::Outcome::Item(item) => Ok(item),
                    close_item_response::Outcome::Refusal(refusal) => Err(refusal),
                });
                (outcome, answer.revision, answer.position)
            }))
        }),
        Verb::Allocate(Allocate { warehouse, units, steer }) => {
            steer.run(common, async |channel, to| {
                let Steered { request_id, item_id, operator, reason, token } = to;
                let request = AllocateStockRequest {
                    request_id,
                    item_id,
                    warehouse: warehouse.clone(),
                    units,
                    operator,
                    reason,
                };
                let answer = ItemServiceClient::new(channel)
                    .allocate_stock(token.on(routed(request)))
                    .await?;
                Ok(answered(answer, |answer| {
                    let outcome = answer.outcome.map(|outcome| match outcome {
                        allocate_stock_response::Outcome::Item(item) => Ok(item),
                        allocate_stock_response::Outcome::Refusal(refusal) => Err(refusal),
                    });
                    (outcome, answer.revision, answer.position)
                }))
            })
        }
    }
}

/// The fields that all ways of steering have.
#[derive(Clone)]
struct Steered {
    request_id: String,
    item_id: String,
    operator: String,
    reason: String,
    token: Token,
}

/// Item or refusal, revision, position.
type Answer = (Option<Result<Item, Refusal>>, u64, u64);

fn answered<T>(response: Response<T>, read: impl FnOnce(T) -> Answer) -> Response<Answer> {
    response.map(read)
}

impl Show {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetItemRequest { item_id: ItemId::parse("ITEM", &self.id)?.to_string() };
        let found = self.server.call(async |channel| {
            ItemServiceClient::new(channel).get_item(routed(request.clone())).await
        })?;
        let item =
            found.item.ok_or_else(|| Failure::new(Code::Failed, "the server sent no item"))?;
        common.show(
            || json!({ "item": shapes::item(&item), "revision": found.revision }),
            || item_text(&item),
        )?;
        Ok(())
    }
}

impl Steer {
    fn run(
        self,
        common: &Common,
        call: impl AsyncFn(Channel, Steered) -> Result<Response<Answer>, Status>,
    ) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let steered = Steered {
            request_id: request_id.to_string(),
            item_id: ItemId::parse("ITEM", &self.id)?.to_string(),
            operator: self.operator.checked()?,
            reason: self.reason,
            token: self.operator.token()?,
        };
        let (outcome, revision, position) =
            self.server.write(request_id, async |channel| call(channel, steered.clone()).await)?;
        match outcome {
            Some(Ok(item)) => {
                let json = || {
                    json!({
                        "outcome": "item",
                        "item": shapes::item(&item),
                        "revision": revision,
                        "position": position,
                    })
                };
                common.show(json, || item_text(&item))?;
                Ok(())
            }
            Some(Err(refusal)) => Err(common.show_refusal(&refusal, revision, position)?.into()),
            None => Err(Failure::new(Code::Failed, "the server sent no outcome").into()),
        }
    }
}

fn item_text(item: &Item) -> String {
    let limit = |limit: Option<i64>| limit.map_or("none".to_owned(), |units| units.to_string());
    let warehouses = item.available_by_warehouse.iter();
    let warehouses = warehouses.map(|at| format!("{} {}", at.warehouse, at.units));
    facts(&[
        ("item", item.item_id.clone()),
        ("sale", item.sale_id.clone()),
        ("sku", item.sku.clone()),
        ("title", item.title.clone()),
        ("price", shapes::amount(item.unit_price.as_ref())),
        ("phase", shapes::phase_name(item.phase()).to_owned()),
        ("opens", shapes::time(item.open_time.as_ref())),
        ("closes", shapes::time(item.close_time.as_ref())),
        ("allocated", item.allocated_units.to_string()),
        ("available", item.available_units.to_string()),
        ("held", item.held_units.to_string()),
        ("sold", item.sold_units.to_string()),
        ("available in", warehouses.collect::<Vec<_>>().join(", ")),
        ("limit per buyer", limit(item.limit_per_buyer)),
        ("limit per order", limit(item.limit_per_order)),
    ])
}
