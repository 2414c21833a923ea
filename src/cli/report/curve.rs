//! `report curve`: stock second by second, sell-through and sold-out times.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::{
            Cell,
            Column::{Number, Text},
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

impl Curve {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetStockCurveRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut whole = GetStockCurveResponse::default();
        let (points, freshness) = all_pages(|page_token| {
            let request = GetStockCurveRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_stock_curve(request.clone()).await
            })?;
            whole = GetStockCurveResponse { points: Vec::new(), ..page.clone() };
            Ok((page.points, page.next_page_token, page.freshness))
        })?;
        let columns = [
            Text("SECOND"),
            Number("ALLOCATED"),
            Number("AVAILABLE"),
            Number("HELD"),
            Number("SOLD"),
        ];
        common.show_rows(
            || {
                json!({
                    "points": points.iter().map(point).collect::<Value>(),
                    "last": whole.last.as_ref().map(point),
                    "sell_through_ppm": whole.sell_through_ppm,
                    "reached": reached(&whole),
                    "sold_outs": sold_outs(&whole),
                    "sold_outs_count": whole.sold_outs_count,
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || points.iter().map(row).collect(),
        )?;
        note(common, &whole);
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

/// Says beside the table what is not a point.
fn note(common: &Common, whole: &GetStockCurveResponse) {
    common.note(format_args!("sell-through {}", percent(whole.sell_through_ppm)));
    for reached in &whole.reached {
        let at = |second| match shapes::time(second) {
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
        let until = shapes::time(period.until_time.as_ref());
        let until = if until.is_empty() { "the end".to_owned() } else { until };
        let from = shapes::time(period.from_time.as_ref());
        common.note(format_args!("{} sold out from {from} to {until}", period.sku));
    }
}

fn point(point: &StockPoint) -> Value {
    json!({
        "second": shapes::time(point.second.as_ref()),
        "allocated_units": point.allocated_units,
        "available_units": point.available_units,
        "held_units": point.held_units,
        "sold_units": point.sold_units,
    })
}

fn reached(whole: &GetStockCurveResponse) -> Value {
    let each = whole.reached.iter().map(|reached| {
        json!({
            "share_ppm": reached.share_ppm,
            "taken_second": reached.taken_second.as_ref().map(|at| shapes::time(Some(at))),
            "sold_second": reached.sold_second.as_ref().map(|at| shapes::time(Some(at))),
        })
    });
    each.collect()
}

fn sold_outs(whole: &GetStockCurveResponse) -> Value {
    let each = whole.sold_outs.iter().map(|period| {
        json!({
            "item_id": period.item_id,
            "sku": period.sku,
            "from_time": shapes::time(period.from_time.as_ref()),
            "until_time": period.until_time.as_ref().map(|at| shapes::time(Some(at))),
        })
    });
    each.collect()
}

fn row(point: &StockPoint) -> [Cell; 5] {
    [
        shapes::time(point.second.as_ref()).into(),
        point.allocated_units.into(),
        point.available_units.into(),
        point.held_units.into(),
        point.sold_units.into(),
    ]
}
