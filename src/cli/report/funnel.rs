//! `report funnel`: shoppers by step, in order and within a window.

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, json as shapes,
        question::{Fresh, PAGE, all_pages, window},
        rows::{
            Cell,
            Column::{Number, Share, Text},
            share,
        },
        whose::AnySale,
    },
    grpc::proto::{
        self, FunnelGroup, FunnelStep, GetFunnelRequest, report_service_client::ReportServiceClient,
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

impl Funnel {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let by = FunnelGrouping::parse(&self.by).map_err(|e| Invalid::new("--by", e.problem))?;
        let request = GetFunnelRequest {
            sale_id: self.sale.sale_id()?,
            window: Some(window("--window", &self.window)?),
            by: grouping(by).into(),
            page_size: PAGE * 4,
            page_token: String::new(),
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
        };
        let (mut total, mut left_out) = (None, 0);
        let (mut groups, freshness) = all_pages(|page_token| {
            let request = GetFunnelRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_funnel(request.clone()).await
            })?;
            (total, left_out) = (page.total, page.touches_left_out);
            Ok((page.groups, page.next_page_token, page.freshness))
        })?;
        let total = total.unwrap_or_default();
        // The largest first is what people look for; programs can sort.
        groups.sort_by_key(|group| std::cmp::Reverse(views(group)));
        let columns = [
            Text("GROUP"),
            Number("VIEWS"),
            Number("VISITORS"),
            Number("CARTS"),
            Number("PURCHASES"),
            Number("BUYERS"),
            Number("VIEW"),
            Number("CART"),
            Number("ATTEMPT"),
            Number("ORDER"),
            Number("PAID"),
            Share("CART OF VIEW"),
            Share("ATTEMPT OF CART"),
            Share("ORDER OF ATTEMPT"),
            Share("PAID OF ORDER"),
            Share("PAID OF VIEW"),
        ];
        common.show_rows(
            || {
                let mut answer = figures(&total);
                answer["by"] = by.name().into();
                answer["window"] = self.window.clone().into();
                answer["groups"] = groups.iter().map(group).collect::<Value>();
                answer["touches_left_out"] = left_out.into();
                answer["freshness"] = shapes::freshness(freshness.as_ref());
                answer
            },
            columns,
            || {
                let groups = groups.iter().map(|group| row(&group.name, group.figures.as_ref()));
                groups.chain([row("(all)", Some(&total))]).collect()
            },
        )?;
        common.note_freshness(freshness.as_ref());
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

fn views(group: &FunnelGroup) -> i64 {
    let totals = group.figures.as_ref().and_then(|figures| figures.totals.as_ref());
    totals.map_or(0, |totals| totals.pv)
}

fn group(group: &FunnelGroup) -> Value {
    let mut answer = figures(&group.figures.clone().unwrap_or_default());
    answer["name"] = group.name.clone().into();
    if !group.item_id.is_empty() {
        answer["item_id"] = group.item_id.clone().into();
    }
    answer
}

/// Totals as fields of the object itself, so that a script finds them at once.
fn figures(figures: &proto::FunnelFigures) -> Value {
    let totals = figures.totals.clone().unwrap_or_default();
    let steps = figures.steps.iter().map(|step| {
        json!({
            "step": step.step,
            "shoppers": step.shoppers,
            "of_previous_ppm": step.of_previous_ppm,
            "previous_shoppers": step.previous_shoppers,
            "of_first_ppm": step.of_first_ppm,
            "first_shoppers": step.first_shoppers,
        })
    });
    let answer = json!({
        "pv": totals.pv,
        "fav": totals.fav,
        "cart": totals.cart,
        "share": totals.share,
        "buy": totals.buy,
        "uv": totals.uv,
        "buyers": totals.buyers,
        "attempts": totals.attempts,
        "attempters": totals.attempters,
        "orders": totals.orders,
        "paid_orders": totals.paid_orders,
        "units_paid": totals.units_paid,
        "steps": steps.collect::<Value>(),
    });
    shapes::with(answer, [("revenue", shapes::money(totals.revenue.as_ref()))])
}

fn row(name: &str, figures: Option<&proto::FunnelFigures>) -> [Cell; 16] {
    let figures = figures.cloned().unwrap_or_default();
    let totals = figures.totals.unwrap_or_default();
    let step = |place: usize| figures.steps.get(place).cloned().unwrap_or_default();
    let shoppers = |place: usize| Cell::from(step(place).shoppers);
    let of_previous = |FunnelStep { of_previous_ppm, .. }: FunnelStep| share(of_previous_ppm);
    [
        name.into(),
        totals.pv.into(),
        totals.uv.into(),
        totals.cart.into(),
        totals.buy.into(),
        totals.buyers.into(),
        shoppers(0),
        shoppers(1),
        shoppers(2),
        shoppers(3),
        shoppers(4),
        of_previous(step(1)),
        of_previous(step(2)),
        of_previous(step(3)),
        of_previous(step(4)),
        share(step(4).of_first_ppm),
    ]
}
