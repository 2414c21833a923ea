//! `report prices`: units and revenue by step and time price.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::{
            ALL, Cell,
            Column::{self, Money, Number, Text},
        },
        whose::Whose,
    },
    grpc::proto::{
        GetPriceFiguresRequest, GetPriceFiguresResponse, PriceFigures,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report prices`.
#[derive(Debug, clap::Args)]
pub struct Prices {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetPriceFiguresRequest => ReportServiceClient.get_price_figures,
    GetPriceFiguresResponse.prices: PriceFigures);

const COLUMNS: &[Column<PriceFigures>] = &[
    Text("SKU", |price| (&price.sku).into()),
    Number("LADDER", |price| of_price(price, price.ladder.into())),
    Number("STEP", |price| price.step.map(i64::from).into()),
    Number("TIME PRICE", |price| price.time_price.map(i64::from).into()),
    Money("PRICE", |price| (&price.unit_price).into()),
    Number("ORDERS", |price| of_price(price, price.orders_placed)),
    Number("PLACED", |price| price.units_placed.into()),
    Number("PAID", |price| price.units_paid.into()),
    Money("AMOUNT", |price| (&price.amount).into()),
    Number("OF", |price| price.step_units.into()),
    Number("LEFT", |price| price.step_left_units.into()),
    Text("FILLED", |price| (&price.filled_time).into()),
    Money("DISCOUNT", |price| (&price.discount).into()),
    Money("REVENUE", |price| (&price.revenue).into()),
];

/// A number that the total does not have.
fn of_price(price: &PriceFigures, number: i64) -> Cell {
    (!price.item_id.is_empty()).then_some(number).into()
}

impl Prices {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetPriceFiguresRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let total = found.total.clone().map(|total| PriceFigures { sku: ALL.to_owned(), ..total });
        common.show_rows(|| shape(&found), COLUMNS, found.prices.iter().chain(&total))?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
