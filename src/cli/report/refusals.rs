//! `report refusals`: refused attempts by reason and item.

use serde_json::{Map, Value, json};

use crate::{
    cli::{
        Common,
        failure::reason_name,
        json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::{
            Cell,
            Column::{Number, Share, Text},
            share,
        },
        whose::Whose,
    },
    grpc::proto::{GetRefusalsRequest, ItemRefusals, report_service_client::ReportServiceClient},
};

/// Arguments of `report refusals`.
#[derive(Debug, clap::Args)]
pub struct Refusals {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

impl Refusals {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetRefusalsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut total = None;
        let (items, freshness) = all_pages(|page_token| {
            let request = GetRefusalsRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_refusals(request.clone()).await
            })?;
            total = page.total;
            Ok((page.items, page.next_page_token, page.freshness))
        })?;
        common.show_rows(
            || {
                json!({
                    "total": total.as_ref().map(refusals),
                    "items": items.iter().map(refusals).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            [
                Text("SKU"),
                Number("ATTEMPTS"),
                Number("REFUSED"),
                Share("SHARE"),
                Text("REASON"),
                Number("OF THEM"),
            ],
            || {
                let total = total.iter().flat_map(|total| rows("(all)", total));
                items.iter().flat_map(|item| rows(&item.sku, item)).chain(total).collect()
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn refusals(item: &ItemRefusals) -> Value {
    let reasons = item.by_reason.iter();
    let reasons: Map<String, Value> = reasons
        .map(|count| (reason_name(count.reason()).to_owned(), json!(count.attempts)))
        .collect();
    json!({
        "item_id": item.item_id,
        "sku": item.sku,
        "attempts": item.attempts,
        "refused": item.refused,
        "refused_share_ppm": item.refused_share_ppm,
        "by_reason": reasons,
    })
}

/// One line for each reason, or one that says that there was none.
fn rows(sku: &str, item: &ItemRefusals) -> Vec<[Cell; 6]> {
    let row = |reason: &str, attempts: i64| {
        [
            sku.into(),
            item.attempts.into(),
            item.refused.into(),
            share(item.refused_share_ppm),
            reason.into(),
            attempts.into(),
        ]
    };
    if item.by_reason.is_empty() {
        return vec![row("", 0)];
    }
    item.by_reason.iter().map(|count| row(reason_name(count.reason()), count.attempts)).collect()
}
