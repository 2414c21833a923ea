//! `doorbuster item`: show and steer one item.

mod plan;
mod stock;
mod watch;

use std::str::FromStr;

use self::{
    plan::{SetAudience, SetPlan},
    stock::{Allocate, Move, Reserve, Units, Withdraw},
    watch::Watch,
};
use super::{
    item_prices::{Gift, Offer, Price},
    item_steering::{Steer, item_text},
};
use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        json::shape,
        server::Server,
    },
    grpc::{
        proto::{
            CloseItemRequest, GetItemRequest, PauseItemRequest, ResumeItemRequest,
            SetPurchaseLimitRequest, item_service_client::ItemServiceClient,
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
    /// Print the units left of items or of a whole sale whenever they change
    #[command(before_help = "Examples:
  doorbuster item watch 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster item watch --sale 6f1c9e0a-3f1b-5d0c-9a51-6f4f4a1b2c3d --json")]
    Watch(Watch),
    /// Refuse new orders until resumed; held orders can be paid and still expire
    #[command(before_help = "Examples:
  doorbuster item pause 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"price is wrong\"")]
    Pause(Steer),
    /// Take new orders again
    #[command(before_help = "Examples:
  doorbuster item resume 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"price is right\"")]
    Resume(Steer),
    /// Refuse new orders permanently
    #[command(before_help = "Examples:
  doorbuster item close 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"recalled by the maker\"")]
    Close(Steer),
    /// Add units to a warehouse of the item
    #[command(before_help = "Examples:
  doorbuster item allocate 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --warehouse hangzhou --units 500 \\
    --supplier acme --reason \"second delivery\"")]
    Allocate(Allocate),
    /// Move available units to another warehouse of the item
    #[command(before_help = "Examples:
  doorbuster item move 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --from hangzhou --to beijing --units 200 \\
    --reason \"the north buys more\"")]
    Move(Move),
    /// Take available units off the offer
    #[command(before_help = "Examples:
  doorbuster item withdraw 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --warehouse hangzhou --units 30 \\
    --supplier acme --reason \"damaged in transit\"")]
    Withdraw(Withdraw),
    /// Set the reserve of a warehouse to exactly that many units, beside those on offer
    #[command(before_help = "Examples:
  doorbuster item reserve 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --warehouse hangzhou --units 200 \\
    --reason \"for the second hour\"")]
    Reserve(Reserve),
    /// Release units of the reserve: they are on offer at once
    #[command(before_help = "Examples:
  doorbuster item release 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --warehouse hangzhou --units 50 \\
    --reason \"demand is there\"")]
    Release(Units),
    /// Set who may buy
    #[command(before_help = "Examples:
  doorbuster item audience 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --member-tiers gold,platinum \\
    --reason \"members first\"
  doorbuster item audience 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --everybody --reason \"second hour\"")]
    Audience(SetAudience),
    /// Set the plan by which the reserve is released
    #[command(before_help = "Examples:
  doorbuster item reserve-plan 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --step 50:200:release:beijing \\
    --step 50:200:propose --reason \"demand is there\"
  doorbuster item reserve-plan 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --none --reason \"by hand\"")]
    ReservePlan(SetPlan),
    /// Set both purchase limits for orders placed from now on
    #[command(before_help = "Examples:
  doorbuster item limit 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --per-buyer 2 --per-order none \\
    --reason \"resellers\"")]
    Limit(Limit),
    /// Put another ladder of prices in force for orders placed from now on
    #[command(before_help = "Examples:
  doorbuster item price 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --unit-price-minor 1590 \\
    --steps 100:990/400:1290 --reason \"it sells too slowly\"")]
    Price(Price),
    /// Replace the offers for orders placed from now on
    #[command(before_help = "Examples:
  doorbuster item offer 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --file offers.toml \\
    --reason \"the last hour\"
  doorbuster item offer 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --none --reason \"over\"")]
    Offer(Offer),
    /// Set how many units the gift of an offer has in all
    #[command(before_help = "Examples:
  doorbuster item gift 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --offer strap --units 400 \\
    --reason \"more came in\"")]
    Gift(Gift),
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
struct Limit {
    /// Units one buyer may hold or own, at least 1, or none for no limit
    #[arg(long, value_name = "N")]
    per_buyer: Most,
    /// Units in one order, at least 1, or none for no limit
    #[arg(long, value_name = "N")]
    per_order: Most,
    #[command(flatten)]
    steer: Steer,
}

/// A limit as it is written: both must be, so that none is removed by leaving it out.
#[derive(Debug, Clone, Copy)]
struct Most(Option<i64>);

impl FromStr for Most {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        match text.parse() {
            Ok(units) if units >= 1 => Ok(Self(Some(units))),
            _ => Err("must be a whole number of at least 1, or none".to_owned()),
        }
    }
}

/// Runs `item`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Show(show) => show.run(common),
        Verb::Watch(watch) => watch.run(common),
        Verb::Pause(steer) => {
            let request = PauseItemRequest::default();
            steer.run(common, request, async |mut items, request| items.pause_item(request).await)
        }
        Verb::Resume(steer) => {
            let request = ResumeItemRequest::default();
            steer.run(common, request, async |mut items, request| items.resume_item(request).await)
        }
        Verb::Close(steer) => {
            let request = CloseItemRequest::default();
            steer.run(common, request, async |mut items, request| items.close_item(request).await)
        }
        Verb::Allocate(allocate) => allocate.run(common),
        Verb::Move(units) => units.run(common),
        Verb::Withdraw(withdraw) => withdraw.run(common),
        Verb::Audience(audience) => audience.run(common),
        Verb::ReservePlan(plan) => plan.run(common),
        Verb::Reserve(reserve) => reserve.run(common),
        Verb::Release(units) => units.release(common),
        Verb::Limit(limit) => limit.run(common),
        Verb::Price(price) => price.run(common),
        Verb::Offer(offer) => offer.run(common),
        Verb::Gift(gift) => gift.run(common),
    }
}

impl Limit {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { per_buyer, per_order, steer } = self;
        let request = SetPurchaseLimitRequest {
            limit_per_buyer: per_buyer.0,
            limit_per_order: per_order.0,
            ..Default::default()
        };
        steer.run(common, request, async |mut items, request| {
            items.set_purchase_limit(request).await
        })
    }
}

impl Show {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetItemRequest { item_id: ItemId::parse("ITEM", &self.id)?.to_string() };
        let found = self.server.call(async |channel| {
            ItemServiceClient::new(channel).get_item(routed(request.clone())).await
        })?;
        let item = found.item.as_ref();
        let item = item.ok_or_else(|| Failure::new(Code::Failed, "the server sent no item"))?;
        common.show(|| shape(&found), || item_text(item))?;
        Ok(())
    }
}
