//! The verbs of `item` that change the stock of an item.

use crate::{
    cli::{Common, selling::item_steering::Steer},
    grpc::proto::{
        AllocateStockRequest, MoveStockRequest, ReleaseReserveRequest, SetReserveRequest,
        WithdrawStockRequest,
    },
};

#[derive(Debug, clap::Args)]
pub struct Units {
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
pub struct Allocate {
    #[command(flatten)]
    units: Units,
    /// The item does not have this warehouse yet
    #[arg(long)]
    new_warehouse: bool,
    /// Who delivered the units, 1 to 64 characters
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    supplier: String,
}

#[derive(Debug, clap::Args)]
pub struct Withdraw {
    #[command(flatten)]
    units: Units,
    /// Whose units they are, 1 to 64 characters
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    supplier: String,
}

#[derive(Debug, clap::Args)]
pub struct Move {
    /// The warehouse that gives the units
    #[arg(long, value_name = "NAME")]
    from: String,
    /// The warehouse that gets them
    #[arg(long, value_name = "NAME")]
    to: String,
    /// Number of units, at least 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    units: i64,
    /// The item does not have the warehouse of --to yet
    #[arg(long)]
    new_warehouse: bool,
    #[command(flatten)]
    steer: Steer,
}

#[derive(Debug, clap::Args)]
pub struct Reserve {
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

impl Allocate {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { units: Units { warehouse, units, steer }, new_warehouse, supplier } = self;
        let request = AllocateStockRequest {
            warehouse,
            units,
            new_warehouse,
            supplier,
            ..Default::default()
        };
        steer.run(common, request, async |mut items, request| items.allocate_stock(request).await)
    }
}

impl Withdraw {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { units: Units { warehouse, units, steer }, supplier } = self;
        let request = WithdrawStockRequest { warehouse, units, supplier, ..Default::default() };
        steer.run(common, request, async |mut items, request| items.withdraw_stock(request).await)
    }
}

impl Move {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { from: from_warehouse, to: to_warehouse, units, new_warehouse, steer } = self;
        let request = MoveStockRequest {
            from_warehouse,
            to_warehouse,
            units,
            new_warehouse,
            ..Default::default()
        };
        steer.run(common, request, async |mut items, request| items.move_stock(request).await)
    }
}

impl Units {
    pub fn release(self, common: &Common) -> anyhow::Result<()> {
        let Self { warehouse, units, steer } = self;
        let request = ReleaseReserveRequest { warehouse, units, ..Default::default() };
        steer.run(common, request, async |mut items, request| items.release_reserve(request).await)
    }
}

impl Reserve {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { warehouse, units, new_warehouse, steer } = self;
        let request = SetReserveRequest { warehouse, units, new_warehouse, ..Default::default() };
        steer.run(common, request, async |mut items, request| items.set_reserve(request).await)
    }
}
