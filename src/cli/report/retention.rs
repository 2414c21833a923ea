//! `report retention`: new, returning and repeat buyers of a sale, and their other sales.

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
        whose::TheSale,
    },
    grpc::proto::{
        GetRetentionRequest, GetRetentionResponse, RetentionRow,
        report_service_client::ReportServiceClient,
    },
    reports::share_ppm,
};

/// Arguments of `report retention`.
#[derive(Debug, clap::Args)]
pub struct Retention {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    fresh: Fresh,
}

impl Retention {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetRetentionRequest {
            sale_id: self.sale.id()?.to_string(),
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let mut last = None;
        let (rows, freshness) = all_pages(|page_token| {
            let request = GetRetentionRequest { page_token, ..request.clone() };
            let mut page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_retention(request.clone()).await
            })?;
            let rows = std::mem::take(&mut page.rows);
            let (next, freshness) = (page.next_page_token.clone(), page.freshness);
            last = Some(page);
            Ok((rows, next, freshness))
        })?;
        let last = last.unwrap_or_default();
        let columns = [
            Text("SALE"),
            Text("NAME"),
            Number("VISITED"),
            Share("OF BUYERS"),
            Number("BOUGHT"),
            Share("OF BUYERS TOO"),
        ];
        common.show_rows(
            || {
                json!({
                    "sale_id": request.sale_id,
                    "buyers": last.buyers,
                    "new_buyers": last.new_buyers,
                    "returning_buyers": last.returning_buyers,
                    "repeat_buyers": last.repeat_buyers,
                    "repeat_share_ppm": last.repeat_share_ppm,
                    "others": rows.iter().map(row).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || buyers(&request.sale_id, &last).into_iter().chain(rows.iter().map(cells)).collect(),
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

/// What is known of the buyers in the sale itself, before the rows of other sales.
fn buyers(sale_id: &str, answer: &GetRetentionResponse) -> Vec<[Cell; 6]> {
    let rows = [
        ("(buyers)", answer.buyers),
        ("(new buyers)", answer.new_buyers),
        ("(returning buyers)", answer.returning_buyers),
        ("(two purchases or more)", answer.repeat_buyers),
    ];
    let rows = rows.map(|(name, bought)| {
        let of_buyers = share(share_ppm(bought, answer.buyers));
        [sale_id.into(), name.into(), Cell::Empty, Cell::Empty, bought.into(), of_buyers]
    });
    rows.into()
}

fn row(row: &RetentionRow) -> Value {
    json!({
        "sale_id": row.sale_id,
        "name": row.name,
        "visited": row.visited,
        "visited_share_ppm": row.visited_share_ppm,
        "bought": row.bought,
        "bought_share_ppm": row.bought_share_ppm,
    })
}

fn cells(row: &RetentionRow) -> [Cell; 6] {
    [
        row.sale_id.clone().into(),
        row.name.clone().into(),
        row.visited.into(),
        share(row.visited_share_ppm),
        row.bought.into(),
        share(row.bought_share_ppm),
    ]
}
