//! `report curve`: stock second by second, sell-through and sold-out times.

use crate::{
    cli::{
        Common,
        json::{self, shape},
        question::{Fresh, paged},
        rows::{
            Column::{self, Number, Text},
            percent,
        },
        whose::Whose,
    },
    grpc::proto::{
        GetStockCurveRequest, GetStockCurveResponse, StockPoint,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report curve`.
#[derive(Debug, clap::Args)]
pub struct Curve {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetStockCurveRequest => ReportServiceClient.get_stock_curve,
    GetStockCurveResponse.points: StockPoint);

const COLUMNS: &[Column<StockPoint>] = &[
    Text("SECOND", |point| (&point.second).into()),
    Number("ALLOCATED", |point| point.allocated_units.into()),
    Number("AVAILABLE", |point| point.available_units.into()),
    Number("HELD", |point| point.held_units.into()),
    Number("SOLD", |point| point.sold_units.into()),
];

impl Curve {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetStockCurveRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.points)?;
        note(common, &found);
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

/// Says beside the table what is not a point.
fn note(common: &Common, whole: &GetStockCurveResponse) {
    common.note(format_args!("sell-through {}", percent(whole.sell_through_ppm)));
    for reached in &whole.reached {
        let at = |second| match json::time(second) {
            second if second.is_empty() => "never".to_owned(),
            second => second,
        };
        common.note(format_args!(
            "{} taken by {}, sold by {}",
            percent(reached.share_ppm),
            at(reached.taken_second.as_ref()),
            at(reached.sold_second.as_ref())
        ));
    }
    for period in &whole.sold_outs {
        let until = json::time(period.until_time.as_ref());
        let until = if until.is_empty() { "the end".to_owned() } else { until };
        let from = json::time(period.from_time.as_ref());
        common.note(format_args!("{} sold out from {from} to {until}", period.sku));
    }
}
