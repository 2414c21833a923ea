//! `report stock`: units allocated, available, held, sold and in reserve, by item and warehouse.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::{
            ALL,
            Column::{self, Number, Text},
        },
        whose::Filter,
    },
    grpc::proto::{
        GetStockLevelsRequest, GetStockLevelsResponse, StockLevel, WarehouseStock,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report stock`.
#[derive(Debug, clap::Args)]
pub struct Stock {
    #[command(flatten)]
    whose: Filter,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetStockLevelsRequest => ReportServiceClient.get_stock_levels,
    GetStockLevelsResponse.levels: StockLevel);

/// An item, and its units in one warehouse or in all.
const COLUMNS: &[Column<(StockLevel, WarehouseStock)>] = &[
    Text("ITEM", |(item, _)| (&item.item_id).into()),
    Text("SKU", |(item, _)| (&item.sku).into()),
    Text("WAREHOUSE", |(_, at)| (&at.warehouse).into()),
    Number("ALLOCATED", |(_, at)| at.allocated_units.into()),
    Number("AVAILABLE", |(_, at)| at.available_units.into()),
    Number("HELD", |(_, at)| at.held_units.into()),
    Number("SOLD", |(_, at)| at.sold_units.into()),
    Number("RESERVE", |(_, at)| at.reserve_units.into()),
];

impl Stock {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetStockLevelsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, found.levels.iter().flat_map(rows))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn rows(level: &StockLevel) -> Vec<(StockLevel, WarehouseStock)> {
    let mut places = vec![WarehouseStock {
        warehouse: ALL.to_owned(),
        allocated_units: level.allocated_units,
        available_units: level.available_units,
        held_units: level.held_units,
        sold_units: level.sold_units,
        reserve_units: level.reserve_units,
    }];
    // One warehouse is all of them.
    if level.warehouses.len() > 1 {
        places.extend(level.warehouses.clone());
    }
    places.into_iter().map(|at| (level.clone(), at)).collect()
}
