//! `report attribution`: the channels of buyers, by first and last touch.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages, window},
        rows::{
            Cell,
            Column::{Money, Number, Share, Text},
            money, share,
        },
        whose::AnySale,
    },
    grpc::proto::{
        AttributionRow, Credit, GetAttributionRequest, report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report attribution`.
#[derive(Debug, clap::Args)]
pub struct Attribution {
    #[command(flatten)]
    sale: AnySale,
    /// How long before an order a touch counts, for example 30m, 24h or 7d
    #[arg(long, value_name = "SPAN", default_value = "7d", allow_hyphen_values = true)]
    window: String,
    #[command(flatten)]
    fresh: Fresh,
}

impl Attribution {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetAttributionRequest {
            sale_id: self.sale.sale_id()?,
            window: Some(window("--window", &self.window)?),
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let (mut total, mut left_out) = (None, 0);
        let (rows, freshness) = all_pages(|page_token| {
            let request = GetAttributionRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_attribution(request.clone()).await
            })?;
            (total, left_out) = (page.total, page.touches_left_out);
            Ok((page.rows, page.next_page_token, page.freshness))
        })?;
        let columns = [
            Text("CHANNEL"),
            Number("FIRST ORDERS"),
            Share("FIRST SHARE"),
            Number("FIRST UNITS"),
            Money("FIRST REVENUE"),
            Number("LAST ORDERS"),
            Share("LAST SHARE"),
            Number("LAST UNITS"),
            Money("LAST REVENUE"),
        ];
        common.show_rows(
            || {
                json!({
                    "window": self.window,
                    "total": total.as_ref().map(credit),
                    "rows": rows.iter().map(row).collect::<Value>(),
                    "touches_left_out": left_out,
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || {
                let all = AttributionRow {
                    channel: "(all)".to_owned(),
                    first_touch: total.clone(),
                    last_touch: total.clone(),
                };
                rows.iter().chain([&all]).map(cells).collect()
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn row(row: &AttributionRow) -> Value {
    json!({
        "channel": row.channel,
        "first_touch": row.first_touch.as_ref().map(credit),
        "last_touch": row.last_touch.as_ref().map(credit),
    })
}

fn credit(credit: &Credit) -> Value {
    let answer = json!({
        "orders": credit.orders,
        "orders_share_ppm": credit.orders_share_ppm,
        "units": credit.units,
    });
    shapes::with(answer, [("revenue", shapes::money(credit.revenue.as_ref()))])
}

fn cells(row: &AttributionRow) -> [Cell; 9] {
    let side = |credit: Option<&Credit>| {
        let credit = credit.cloned().unwrap_or_default();
        [
            credit.orders.into(),
            share(credit.orders_share_ppm),
            credit.units.into(),
            money(credit.revenue.as_ref()),
        ]
    };
    let [orders, of_all, units, revenue] = side(row.first_touch.as_ref());
    let [last_orders, last_share, last_units, last_revenue] = side(row.last_touch.as_ref());
    [
        row.channel.clone().into(),
        orders,
        of_all,
        units,
        revenue,
        last_orders,
        last_share,
        last_units,
        last_revenue,
    ]
}
