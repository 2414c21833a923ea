//! `report acts`: the acts of operators.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::Column::Text,
        whose::Whose,
    },
    grpc::proto::{ListActsRequest, OperatorAct, report_service_client::ReportServiceClient},
};

/// Arguments of `report acts`.
#[derive(Debug, clap::Args)]
pub struct Acts {
    #[command(flatten)]
    whose: Whose,
    /// Include the items, windows, limits and units planned with the sale
    #[arg(long)]
    planned: bool,
    #[command(flatten)]
    fresh: Fresh,
}

impl Acts {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = ListActsRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            planned: self.planned,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let (acts, freshness) = all_pages(|page_token| {
            let request = ListActsRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).list_acts(request.clone()).await
            })?;
            Ok((page.acts, page.next_page_token, page.freshness))
        })?;
        common.show_rows(
            || {
                json!({
                    "acts": acts.iter().map(act).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            ["TIME", "SKU", "ACT", "OPERATOR", "REASON", "CHANGE"].map(Text),
            || acts.iter().map(row).collect(),
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn act(act: &OperatorAct) -> Value {
    json!({
        "sale_id": act.sale_id,
        "item_id": act.item_id,
        "sku": act.sku,
        "kind": act.kind,
        "act_time": shapes::time(act.act_time.as_ref()),
        "operator": act.operator,
        "reason": act.reason,
        "planned": act.planned,
        "change": serde_json::from_str::<Value>(&act.change_json).unwrap_or_default(),
        "revision": act.revision,
    })
}

fn row(act: &OperatorAct) -> [String; 6] {
    [
        shapes::time(act.act_time.as_ref()),
        act.sku.clone(),
        act.kind.clone(),
        act.operator.clone(),
        act.reason.clone(),
        act.change_json.clone(),
    ]
}
