//! `report funnel`: shoppers by step, in order and within a window.

use std::cmp::Reverse;

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, PAGE, paged, window},
        rows::{
            ALL,
            Column::{self, Number, Share, Text},
        },
        whose::AnySale,
    },
    grpc::proto::{
        self, FunnelGroup, FunnelStep, FunnelTotals, GetFunnelRequest, GetFunnelResponse,
        report_service_client::ReportServiceClient,
    },
    reports::FunnelGrouping,
    values::Invalid,
};

/// Arguments of `report funnel`.
#[derive(Debug, clap::Args)]
pub struct Funnel {
    #[command(flatten)]
    sale: AnySale,
    /// From the view that a chain starts with to its last touch, for example 30m, 24h or 7d
    #[arg(long, value_name = "SPAN", default_value = "24h", allow_hyphen_values = true)]
    window: String,
    /// Split by none, item, channel, age-band, gender, region, spending-tier or category
    #[arg(long, value_name = "WHAT", default_value = "none")]
    by: String,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetFunnelRequest => ReportServiceClient.get_funnel, GetFunnelResponse.groups: FunnelGroup);

const COLUMNS: &[Column<FunnelGroup>] = &[
    Text("GROUP", |group| (&group.name).into()),
    Number("VIEWS", |group| totals(group).pv.into()),
    Number("VISITORS", |group| totals(group).uv.into()),
    Number("CARTS", |group| totals(group).cart.into()),
    Number("PURCHASES", |group| totals(group).buy.into()),
    Number("BUYERS", |group| totals(group).buyers.into()),
    Number("VIEW", |group| step(group, 0).shoppers.into()),
    Number("CART", |group| step(group, 1).shoppers.into()),
    Number("ATTEMPT", |group| step(group, 2).shoppers.into()),
    Number("ORDER", |group| step(group, 3).shoppers.into()),
    Number("PAID", |group| step(group, 4).shoppers.into()),
    Share("CART OF VIEW", |group| step(group, 1).of_previous_ppm.into()),
    Share("ATTEMPT OF CART", |group| step(group, 2).of_previous_ppm.into()),
    Share("ORDER OF ATTEMPT", |group| step(group, 3).of_previous_ppm.into()),
    Share("PAID OF ORDER", |group| step(group, 4).of_previous_ppm.into()),
    Share("PAID OF VIEW", |group| step(group, 4).of_first_ppm.into()),
];

impl Funnel {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let by = FunnelGrouping::parse(&self.by).map_err(|e| Invalid::new("--by", e.problem))?;
        let mut found = self.fresh.pages(GetFunnelRequest {
            sale_id: self.sale.sale_id()?,
            window: Some(window("--window", &self.window)?),
            by: grouping(by).into(),
            page_size: PAGE * 4,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        // The largest first is what people look for; programs can sort.
        found.groups.sort_by_key(|group| Reverse(totals(group).pv));
        let all = FunnelGroup {
            name: ALL.to_owned(),
            item_id: String::new(),
            figures: found.total.clone(),
        };
        common.show_rows(
            || {
                let mut answer = shape(&found);
                answer["by"] = by.name().into();
                answer["window"] = self.window.into();
                answer
            },
            COLUMNS,
            found.groups.iter().chain([&all]),
        )?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}

fn grouping(by: FunnelGrouping) -> proto::FunnelGrouping {
    match by {
        FunnelGrouping::None => proto::FunnelGrouping::Unspecified,
        FunnelGrouping::Item => proto::FunnelGrouping::Item,
        FunnelGrouping::Channel => proto::FunnelGrouping::Channel,
        FunnelGrouping::AgeBand => proto::FunnelGrouping::AgeBand,
        FunnelGrouping::Gender => proto::FunnelGrouping::Gender,
        FunnelGrouping::Region => proto::FunnelGrouping::Region,
        FunnelGrouping::SpendingTier => proto::FunnelGrouping::SpendingTier,
        FunnelGrouping::Category => proto::FunnelGrouping::Category,
    }
}

fn totals(group: &FunnelGroup) -> FunnelTotals {
    group.figures.as_ref().and_then(|figures| figures.totals.clone()).unwrap_or_default()
}

fn step(group: &FunnelGroup, place: usize) -> FunnelStep {
    let steps = group.figures.as_ref().map(|figures| &figures.steps);
    steps.and_then(|steps| steps.get(place)).cloned().unwrap_or_default()
}
