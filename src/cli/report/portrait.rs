//! `report portrait`: shoppers and buyers by attribute.

use crate::{
    cli::{
        Common,
        json::{shape, short},
        question::{Fresh, paged},
        rows::Column::{self, Money, Number, Share, Text},
        whose::AnySale,
    },
    grpc::proto::{
        self, GetPortraitRequest, GetPortraitResponse, PortraitRow,
        report_service_client::ReportServiceClient,
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

paged!(GetPortraitRequest => ReportServiceClient.get_portrait, GetPortraitResponse.rows: PortraitRow);

const COLUMNS: &[Column<PortraitRow>] = &[
    Text("ATTRIBUTE", |row| short("PORTRAIT_ATTRIBUTE_", row.attribute().as_str_name()).into()),
    Text("VALUE", |row| (&row.value).into()),
    Number("SHOPPERS", |row| row.shoppers.into()),
    Share("OF ALL", |row| row.shoppers_share_ppm.into()),
    Number("BUYERS", |row| row.buyers.into()),
    Share("BOUGHT", |row| row.bought_share_ppm.into()),
    Number("PURCHASES", |row| row.orders.into()),
    Number("UNITS", |row| row.units.into()),
    Money("REVENUE", |row| (&row.revenue).into()),
];

impl Portrait {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let by = self.by.as_deref().map(PortraitAttribute::parse).transpose();
        let by = by.map_err(|error| Invalid::new("--by", error.problem))?;
        let found = self.fresh.pages(GetPortraitRequest {
            sale_id: self.sale.sale_id()?,
            attribute: by.map_or(proto::PortraitAttribute::Unspecified, attribute).into(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.rows)?;
        common.note_freshness(found.freshness.as_ref());
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
