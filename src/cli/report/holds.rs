//! `report holds`: holds by item: expiries, time to pay, resold units.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::{
            Cell,
            Column::{Number, Share, Text},
            share,
        },
        whose::Whose,
    },
    grpc::proto::{GetHoldsRequest, HoldFigures, report_service_client::ReportServiceClient},
};

/// Arguments of `report holds`.
#[derive(Debug, clap::Args)]
pub struct Holds {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

impl Holds {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetHoldsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut total = None;
        let (items, freshness) = all_pages(|page_token| {
            let request = GetHoldsRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_holds(request.clone()).await
            })?;
            total = page.total;
            Ok((page.items, page.next_page_token, page.freshness))
        })?;
        let columns = [
            Text("SKU"),
            Number("PLACED"),
            Number("OPEN"),
            Number("PAID"),
            Number("CANCELLED"),
            Number("EXPIRED"),
            Share("EXPIRED SHARE"),
            Number("PAY P50 MS"),
            Number("PAY P90 MS"),
            Number("PAY P99 MS"),
            Number("PAY MAX MS"),
            Number("UNIT SECONDS HELD"),
            Number("UNIT SECONDS LOST"),
            Number("RELEASED"),
            Number("RESOLD"),
            Number("REFUNDS DUE"),
        ];
        common.show_rows(
            || {
                json!({
                    "total": total.as_ref().map(holds),
                    "items": items.iter().map(holds).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || {
                let total = total.iter().map(|total| row("(all)", total));
                items.iter().map(|item| row(&item.sku, item)).chain(total).collect()
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn holds(item: &HoldFigures) -> Value {
    json!({
        "item_id": item.item_id,
        "sku": item.sku,
        "holds_placed": item.holds_placed,
        "holds_open": item.holds_open,
        "holds_paid": item.holds_paid,
        "holds_cancelled": item.holds_cancelled,
        "holds_expired": item.holds_expired,
        "expired_share_ppm": item.expired_share_ppm,
        "time_to_pay_p50_ms": item.time_to_pay_p50_ms,
        "time_to_pay_p90_ms": item.time_to_pay_p90_ms,
        "time_to_pay_p99_ms": item.time_to_pay_p99_ms,
        "time_to_pay_max_ms": item.time_to_pay_max_ms,
        "unit_seconds_held": item.unit_seconds_held,
        "unit_seconds_lost": item.unit_seconds_lost,
        "units_released": item.units_released,
        "units_resold": item.units_resold,
        "refunds_due": item.refunds_due,
    })
}

fn row(sku: &str, item: &HoldFigures) -> [Cell; 16] {
    [
        sku.into(),
        item.holds_placed.into(),
        item.holds_open.into(),
        item.holds_paid.into(),
        item.holds_cancelled.into(),
        item.holds_expired.into(),
        share(item.expired_share_ppm),
        item.time_to_pay_p50_ms.into(),
        item.time_to_pay_p90_ms.into(),
        item.time_to_pay_p99_ms.into(),
        item.time_to_pay_max_ms.into(),
        item.unit_seconds_held.into(),
        item.unit_seconds_lost.into(),
        item.units_released.into(),
        item.units_resold.into(),
        item.refunds_due.into(),
    ]
}
