//! `report stock`: units allocated, available, held, sold and in reserve, by item and warehouse.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::{
            Cell,
            Column::{Number, Text},
        },
        whose::Filter,
    },
    grpc::proto::{GetStockLevelsRequest, StockLevel, report_service_client::ReportServiceClient},
};

/// Arguments of `report stock`.
#[derive(Debug, clap::Args)]
pub struct Stock {
    #[command(flatten)]
    whose: Filter,
    #[command(flatten)]
    fresh: Fresh,
}

impl Stock {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetStockLevelsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let (levels, freshness) = all_pages(|page_token| {
            let request = GetStockLevelsRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_stock_levels(request.clone()).await
            })?;
            Ok((page.levels, page.next_page_token, page.freshness))
        })?;
        common.show_rows(
            || {
                json!({
                    "levels": levels.iter().map(shapes::stock_level).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            [
                Text("ITEM"),
                Text("SKU"),
                Text("WAREHOUSE"),
                Number("ALLOCATED"),
                Number("AVAILABLE"),
                Number("HELD"),
                Number("SOLD"),
                Number("RESERVE"),
            ],
            || levels.iter().flat_map(stock_rows).collect(),
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn stock_rows(level: &StockLevel) -> Vec<[Cell; 8]> {
    let row = |warehouse: &str, counts: [i64; 5]| {
        let [allocated, available, held, sold, reserve] = counts.map(Cell::from);
        let item = level.item_id.clone().into();
        let sku = level.sku.clone().into();
        [item, sku, warehouse.into(), allocated, available, held, sold, reserve]
    };
    let mut rows = vec![row(
        "(all)",
        [
            level.allocated_units,
            level.available_units,
            level.held_units,
            level.sold_units,
            level.reserve_units,
        ],
    )];
    // One warehouse is all of them.
    if level.warehouses.len() > 1 {
        rows.extend(level.warehouses.iter().map(|at| {
            let counts = [
                at.allocated_units,
                at.available_units,
                at.held_units,
                at.sold_units,
                at.reserve_units,
            ];
            row(&at.warehouse, counts)
        }));
    }
    rows
}
