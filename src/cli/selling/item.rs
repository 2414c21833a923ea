//! `doorbuster item`: show and steer one item.

use std::str::FromStr;

use super::{
    item_prices::{Gift, Offer, Price},
    item_steering::{Steer, Steered, item_text},
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
            AllocateStockRequest, CloseItemRequest, GetItemRequest, PauseItemRequest,
            ReleaseReserveRequest, ResumeItemRequest, SetPurchaseLimitRequest, SetReserveRequest,
            item_service_client::ItemServiceClient,
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
    /// Refuse new orders permanently
    #[command(before_help = "Examples:
  doorbuster item close 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"recalled by the maker\"")]
    Close(Steer),
    /// Add units to a warehouse of the item
    #[command(before_help = "Examples:
  doorbuster item allocate 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --warehouse hangzhou --units 500 \\
    --reason \"second delivery\"")]
    Allocate(Allocate),
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
struct Units {
    /// Name of the warehouse, 1 to 64 characters
    #[arg(long, value_name = "NAME")]
    warehouse: String,
    /// Number of units, at least 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    units: i64,
    #[command(flatten)]
    steer: Steer,
}

#[derive(Debug, clap::Args)]
struct Allocate {
    #[command(flatten)]
    units: Units,
    /// The item does not have this warehouse yet
    #[arg(long)]
    new_warehouse: bool,
}

#[derive(Debug, clap::Args)]
struct Reserve {
    /// Name of the warehouse, 1 to 64 characters
    #[arg(long, value_name = "NAME")]
    warehouse: String,
    /// Units in reserve there afterwards; 0 for none
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    units: i64,
    /// The item does not have this warehouse yet
    #[arg(long)]
    new_warehouse: bool,
    #[command(flatten)]
    steer: Steer,
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
        Verb::Pause(steer) => steer.run(common, async |mut items, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = PauseItemRequest { request_id, item_id, operator, reason };
            items.pause_item(token.on(routed(request))).await
        }),
        Verb::Resume(steer) => steer.run(common, async |mut items, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = ResumeItemRequest { request_id, item_id, operator, reason };
            items.resume_item(token.on(routed(request))).await
        }),
        Verb::Close(steer) => steer.run(common, async |mut items, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = CloseItemRequest { request_id, item_id, operator, reason };
            items.close_item(token.on(routed(request))).await
        }),
        Verb::Allocate(allocate) => allocate.run(common),
        Verb::Reserve(reserve) => reserve.run(common),
        Verb::Release(units) => units.release(common),
        Verb::Limit(limit) => limit.run(common),
        Verb::Price(price) => price.run(common),
        Verb::Offer(offer) => offer.run(common),
        Verb::Gift(gift) => gift.run(common),
    }
}

impl Allocate {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { units: Units { warehouse, units, steer }, new_warehouse } = self;
        steer.run(common, async |mut items, to| {
            let warehouse = warehouse.clone();
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = AllocateStockRequest {
                request_id,
                item_id,
                warehouse,
                units,
                operator,
                reason,
                new_warehouse,
            };
            items.allocate_stock(token.on(routed(request))).await
        })
    }
}

impl Units {
    fn release(self, common: &Common) -> anyhow::Result<()> {
        let Self { warehouse, units, steer } = self;
        steer.run(common, async |mut items, to| {
            let warehouse = warehouse.clone();
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request =
                ReleaseReserveRequest { request_id, item_id, warehouse, units, operator, reason };
            items.release_reserve(token.on(routed(request))).await
        })
    }
}

impl Reserve {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { warehouse, units, new_warehouse, steer } = self;
        steer.run(common, async |mut items, to| {
            let warehouse = warehouse.clone();
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = SetReserveRequest {
                request_id,
                item_id,
                warehouse,
                units,
                operator,
                reason,
                new_warehouse,
            };
            items.set_reserve(token.on(routed(request))).await
        })
    }
}

impl Limit {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { per_buyer, per_order, steer } = self;
        let (limit_per_buyer, limit_per_order) = (per_buyer.0, per_order.0);
        steer.run(common, async |mut items, to| {
            let Steered { request_id, item_id, operator, reason, token } = to;
            let request = SetPurchaseLimitRequest {
                request_id,
                item_id,
                limit_per_buyer,
                limit_per_order,
                operator,
                reason,
            };
            items.set_purchase_limit(token.on(routed(request))).await
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
