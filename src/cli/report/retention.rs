//! `report retention`: new, returning and repeat buyers of a sale, and their other sales.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::{
            Cell,
            Column::{self, Number, Share, Text},
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

paged!(GetRetentionRequest => ReportServiceClient.get_retention,
    GetRetentionResponse.rows: RetentionRow);

/// Another sale, or what is known of the buyers in the sale itself: these did not visit another one.
const COLUMNS: &[Column<(RetentionRow, bool)>] = &[
    Text("SALE", |(row, _)| (&row.sale_id).into()),
    Text("NAME", |(row, _)| (&row.name).into()),
    Number("VISITED", |(row, other)| if *other { row.visited.into() } else { Cell::Empty }),
    Share(
        "OF BUYERS",
        |(row, other)| {
            if *other { row.visited_share_ppm.into() } else { Cell::Empty }
        },
    ),
    Number("BOUGHT", |(row, _)| row.bought.into()),
    Share("OF BUYERS TOO", |(row, _)| row.bought_share_ppm.into()),
];

impl Retention {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let sale_id = self.sale.id()?.to_string();
        let found = self.fresh.pages(GetRetentionRequest {
            sale_id: sale_id.clone(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        let others = found.rows.iter().map(|row| (row.clone(), true));
        common.show_rows(
            || {
                let mut answer = shape(&found);
                answer["sale_id"] = sale_id.clone().into();
                answer
            },
            COLUMNS,
            buyers(&sale_id, &found).into_iter().chain(others),
        )?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

/// The rows of the sale itself, before those of other sales.
fn buyers(sale_id: &str, found: &GetRetentionResponse) -> [(RetentionRow, bool); 4] {
    let rows = [
        ("(buyers)", found.buyers),
        ("(new buyers)", found.new_buyers),
        ("(returning buyers)", found.returning_buyers),
        ("(two purchases or more)", found.repeat_buyers),
    ];
    rows.map(|(name, bought)| {
        let row = RetentionRow {
            sale_id: sale_id.to_owned(),
            name: name.to_owned(),
            bought,
            bought_share_ppm: share_ppm(bought, found.buyers),
            ..Default::default()
        };
        (row, false)
    })
}
