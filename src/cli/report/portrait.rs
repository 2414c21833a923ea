//! `report portrait`: shoppers and buyers by attribute.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages},
        rows::{
            Cell,
            Column::{Money, Number, Share, Text},
            money, share,
        },
        whose::AnySale,
    },
    grpc::proto::{
        self, GetPortraitRequest, PortraitRow, report_service_client::ReportServiceClient,
    },
    reports::PortraitAttribute,
    values::Invalid,
};

/// Arguments of `report portrait`.
#[derive(Debug, clap::Args)]
pub struct Portrait {
    #[command(flatten)]
    sale: AnySale,
    /// Only age-band, gender, region or spending-tier
    #[arg(long, value_name = "WHAT")]
    by: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
}

impl Portrait {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let by = self.by.as_deref().map(PortraitAttribute::parse).transpose();
        let by = by.map_err(|error| Invalid::new("--by", error.problem))?;
        let request = GetPortraitRequest {
            sale_id: self.sale.sale_id()?,
            attribute: by.map_or(proto::PortraitAttribute::Unspecified, attribute).into(),
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let (mut shoppers, mut buyers, mut left_out) = (0, 0, 0);
        let (rows, freshness) = all_pages(|page_token| {
            let request = GetPortraitRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_portrait(request.clone()).await
            })?;
            (shoppers, buyers, left_out) = (page.shoppers, page.buyers, page.touches_left_out);
            Ok((page.rows, page.next_page_token, page.freshness))
        })?;
        let columns = [
            Text("ATTRIBUTE"),
            Text("VALUE"),
            Number("SHOPPERS"),
            Share("OF ALL"),
            Number("BUYERS"),
            Share("BOUGHT"),
            Number("PURCHASES"),
            Number("UNITS"),
            Money("REVENUE"),
        ];
        common.show_rows(
            || {
                json!({
                    "shoppers": shoppers,
                    "buyers": buyers,
                    "rows": rows.iter().map(row).collect::<Value>(),
                    "touches_left_out": left_out,
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            columns,
            || rows.iter().map(cells).collect(),
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn attribute(by: PortraitAttribute) -> proto::PortraitAttribute {
    match by {
        PortraitAttribute::AgeBand => proto::PortraitAttribute::AgeBand,
        PortraitAttribute::Gender => proto::PortraitAttribute::Gender,
        PortraitAttribute::Region => proto::PortraitAttribute::Region,
        PortraitAttribute::SpendingTier => proto::PortraitAttribute::SpendingTier,
    }
}

/// For example `AGE_BAND`.
fn name_of(row: &PortraitRow) -> &'static str {
    let name = row.attribute().as_str_name();
    name.strip_prefix("PORTRAIT_ATTRIBUTE_").unwrap_or(name)
}

fn row(row: &PortraitRow) -> Value {
    let answer = json!({
        "attribute": name_of(row),
        "value": row.value,
        "shoppers": row.shoppers,
        "shoppers_share_ppm": row.shoppers_share_ppm,
        "buyers": row.buyers,
        "bought_share_ppm": row.bought_share_ppm,
        "orders": row.orders,
        "units": row.units,
    });
    shapes::with(answer, [("revenue", shapes::money(row.revenue.as_ref()))])
}

fn cells(row: &PortraitRow) -> [Cell; 9] {
    [
        name_of(row).into(),
        row.value.clone().into(),
        row.shoppers.into(),
        share(row.shoppers_share_ppm),
        row.buyers.into(),
        share(row.bought_share_ppm),
        row.orders.into(),
        row.units.into(),
        money(row.revenue.as_ref()),
    ]
}
