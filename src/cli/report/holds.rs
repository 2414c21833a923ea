//! `report holds`: what holding units for buyers came to, by item.

use serde_json::{Value, json};

use super::{Fresh, PAGE, all_pages, percent};
use crate::{
    cli::{Common, json as shapes, whose::Whose},
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
        let header = [
            "SKU",
            "PLACED",
            "OPEN",
            "PAID",
            "CANCELLED",
            "EXPIRED",
            "EXPIRED SHARE",
            "PAY P50 MS",
            "PAY P90 MS",
            "PAY P99 MS",
            "PAY MAX MS",
            "UNIT SECONDS HELD",
            "UNIT SECONDS LOST",
            "RELEASED",
            "RESOLD",
            "REFUNDS DUE",
        ];
        common.show_rows(
            || {
                json!({
                    "total": total.as_ref().map(holds),
                    "items": items.iter().map(holds).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            header,
            &header[1..],
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

fn row(sku: &str, item: &HoldFigures) -> [String; 16] {
    [
        sku.to_owned(),
        item.holds_placed.to_string(),
        item.holds_open.to_string(),
        item.holds_paid.to_string(),
        item.holds_cancelled.to_string(),
        item.holds_expired.to_string(),
        percent(item.expired_share_ppm),
        item.time_to_pay_p50_ms.to_string(),
        item.time_to_pay_p90_ms.to_string(),
        item.time_to_pay_p99_ms.to_string(),
        item.time_to_pay_max_ms.to_string(),
        item.unit_seconds_held.to_string(),
        item.unit_seconds_lost.to_string(),
        item.units_released.to_string(),
        item.units_resold.to_string(),
        item.refunds_due.to_string(),
    ]
}
