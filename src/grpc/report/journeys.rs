//! Queries about shopper journeys, in protobuf.

use super::{ReportApi, moment, ordered, paging, rows::money, sale_id};
use crate::{
    grpc::{convert, proto, status::CallError},
    projections::journeys::NAME,
    reports::{
        AttributionQuery, AttributionRow, Credit, FunnelFigures, FunnelGrouping, FunnelQuery,
        PathRow, PathsQuery, PortraitAttribute, PortraitQuery, PortraitRow, RetentionQuery,
        RetentionRow, TrafficFigures, TrafficGrouping, TrafficQuery, TrafficRow, share_ppm,
    },
    values::{Invalid, SaleId},
};

impl ReportApi {
    pub(super) async fn funnel(
        &self,
        request: proto::GetFunnelRequest,
    ) -> Result<proto::GetFunnelResponse, CallError> {
        let query = FunnelQuery {
            sale_id: sale_id(&request.sale_id)?,
            window_ms: convert::span_ms("window", request.window)?,
            by: funnel_grouping(request.by)?,
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .reads
            .ask_as_of(NAME, request.min_position, request.as_of, move |reports| {
                reports.funnel(&query)
            })
            .await?;
        let currency = found.currency;
        let groups = found.groups.into_iter().map(|group| proto::FunnelGroup {
            name: group.name,
            item_id: group.item_id.map(|id| id.to_string()).unwrap_or_default(),
            figures: Some(funnel_figures(&currency, &group.figures)),
        });
        Ok(proto::GetFunnelResponse {
            window: Some(convert::duration(found.window_ms)),
            groups: groups.collect(),
            total: Some(funnel_figures(&currency, &found.total)),
            next_page_token: found.next_page_token,
            touches_left_out: found.touches_left_out,
            freshness: Some(self.reads.freshness(NAME, found.checkpoint)),
        })
    }

    pub(super) async fn traffic(
        &self,
        request: proto::GetTrafficRequest,
    ) -> Result<proto::GetTrafficResponse, CallError> {
        let query = TrafficQuery {
            sale_id: sale_id(&request.sale_id)?,
            by: traffic_grouping(request.by)?,
            from: moment("from_time", request.from_time)?,
            until: moment("until_time", request.until_time)?,
            paging: paging(request.page_size, request.page_token),
        };
        ordered(("from_time", query.from), ("until_time", query.until))?;
        let found = self
            .reads
            .ask_as_of(NAME, request.min_position, request.as_of, move |reports| {
                reports.traffic(&query)
            })
            .await?;
        Ok(proto::GetTrafficResponse {
            total: Some(traffic_figures(found.total)),
            rows: found.rows.into_iter().map(traffic_row).collect(),
            next_page_token: found.next_page_token,
            freshness: Some(self.reads.freshness(NAME, found.checkpoint)),
        })
    }

    pub(super) async fn attribution(
        &self,
        request: proto::GetAttributionRequest,
    ) -> Result<proto::GetAttributionResponse, CallError> {
        let query = AttributionQuery {
            sale_id: sale_id(&request.sale_id)?,
            window_ms: convert::span_ms("window", request.window)?,
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .reads
            .ask_as_of(NAME, request.min_position, request.as_of, move |reports| {
                reports.attribution(&query)
            })
            .await?;
        let (currency, all) = (found.currency, found.total.orders);
        let rows = found.rows.into_iter().map(|row| attribution_row(&currency, all, row));
        Ok(proto::GetAttributionResponse {
            window: Some(convert::duration(found.window_ms)),
            rows: rows.collect(),
            total: Some(credit(&currency, all, found.total)),
            next_page_token: found.next_page_token,
            touches_left_out: found.touches_left_out,
            freshness: Some(self.reads.freshness(NAME, found.checkpoint)),
        })
    }

    pub(super) async fn portrait(
        &self,
        request: proto::GetPortraitRequest,
    ) -> Result<proto::GetPortraitResponse, CallError> {
        let query = PortraitQuery {
            sale_id: sale_id(&request.sale_id)?,
            attribute: portrait_attribute(request.attribute)?,
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .reads
            .ask_as_of(NAME, request.min_position, request.as_of, move |reports| {
                reports.portrait(&query)
            })
            .await?;
        let (currency, all) = (found.currency, found.shoppers);
        let rows = found.rows.into_iter().map(|row| portrait_row(&currency, all, row));
        Ok(proto::GetPortraitResponse {
            shoppers: all,
            buyers: found.buyers,
            rows: rows.collect(),
            next_page_token: found.next_page_token,
            touches_left_out: found.touches_left_out,
            freshness: Some(self.reads.freshness(NAME, found.checkpoint)),
        })
    }

    pub(super) async fn paths(
        &self,
        request: proto::GetPathsRequest,
    ) -> Result<proto::GetPathsResponse, CallError> {
        let query = PathsQuery {
            sale_id: sale_id(&request.sale_id)?,
            steps_max: i64::from(request.steps_max),
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .reads
            .ask_as_of(NAME, request.min_position, request.as_of, move |reports| {
                reports.paths(&query)
            })
            .await?;
        let all = found.shoppers;
        Ok(proto::GetPathsResponse {
            steps_max: found.steps_max.into(),
            shoppers: all,
            distinct_paths: found.distinct_paths,
            shoppers_left_out: found.shoppers_left_out,
            rows: found.rows.into_iter().map(|row| path_row(all, &row)).collect(),
            next_page_token: found.next_page_token,
            touches_left_out: found.touches_left_out,
            freshness: Some(self.reads.freshness(NAME, found.checkpoint)),
        })
    }

    pub(super) async fn retention(
        &self,
        request: proto::GetRetentionRequest,
    ) -> Result<proto::GetRetentionResponse, CallError> {
        let query = RetentionQuery {
            sale_id: SaleId::parse("sale_id", &request.sale_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .reads
            .ask_as_of(NAME, request.min_position, request.as_of, move |reports| {
                reports.retention(&query)
            })
            .await?;
        let buyers = found.buyers;
        Ok(proto::GetRetentionResponse {
            buyers,
            new_buyers: found.new_buyers,
            returning_buyers: found.returning_buyers,
            repeat_buyers: found.repeat_buyers,
            repeat_share_ppm: share_ppm(found.repeat_buyers, buyers),
            rows: found.rows.into_iter().map(|row| retention_row(buyers, row)).collect(),
            next_page_token: found.next_page_token,
            freshness: Some(self.reads.freshness(NAME, found.checkpoint)),
        })
    }
}

// ---- in ----

fn funnel_grouping(by: i32) -> Result<FunnelGrouping, CallError> {
    match proto::FunnelGrouping::try_from(by) {
        Ok(proto::FunnelGrouping::Unspecified) => Ok(FunnelGrouping::None),
        Ok(proto::FunnelGrouping::Item) => Ok(FunnelGrouping::Item),
        Ok(proto::FunnelGrouping::Channel) => Ok(FunnelGrouping::Channel),
        Ok(proto::FunnelGrouping::AgeBand) => Ok(FunnelGrouping::AgeBand),
        Ok(proto::FunnelGrouping::Gender) => Ok(FunnelGrouping::Gender),
        Ok(proto::FunnelGrouping::Region) => Ok(FunnelGrouping::Region),
        Ok(proto::FunnelGrouping::SpendingTier) => Ok(FunnelGrouping::SpendingTier),
        Ok(proto::FunnelGrouping::Category) => Ok(FunnelGrouping::Category),
        Err(_) => Err(Invalid::new("by", "is not what a funnel can be split by").into()),
    }
}

fn traffic_grouping(by: i32) -> Result<TrafficGrouping, CallError> {
    match proto::TrafficGrouping::try_from(by) {
        Ok(proto::TrafficGrouping::Unspecified) => Ok(TrafficGrouping::None),
        Ok(proto::TrafficGrouping::Item) => Ok(TrafficGrouping::Item),
        Ok(proto::TrafficGrouping::Channel) => Ok(TrafficGrouping::Channel),
        Ok(proto::TrafficGrouping::Minute) => Ok(TrafficGrouping::Minute),
        Err(_) => Err(Invalid::new("by", "is not what traffic can be split by").into()),
    }
}

fn portrait_attribute(attribute: i32) -> Result<Option<PortraitAttribute>, CallError> {
    match proto::PortraitAttribute::try_from(attribute) {
        Ok(proto::PortraitAttribute::Unspecified) => Ok(None),
        Ok(proto::PortraitAttribute::AgeBand) => Ok(Some(PortraitAttribute::AgeBand)),
        Ok(proto::PortraitAttribute::Gender) => Ok(Some(PortraitAttribute::Gender)),
        Ok(proto::PortraitAttribute::Region) => Ok(Some(PortraitAttribute::Region)),
        Ok(proto::PortraitAttribute::SpendingTier) => Ok(Some(PortraitAttribute::SpendingTier)),
        Err(_) => Err(Invalid::new("attribute", "is not one of shoppers").into()),
    }
}

// ---- out ----

/// No amount where no currency says what it is of.
fn revenue(currency: &str, amount_minor: i64) -> Option<proto::Money> {
    (!currency.is_empty()).then(|| money(currency, amount_minor))
}

fn funnel_figures(currency: &str, figures: &FunnelFigures) -> proto::FunnelFigures {
    let totals = figures.totals;
    let steps = FunnelFigures::STEPS.into_iter().enumerate().map(|(place, step)| {
        let previous_shoppers = figures.steps[place.saturating_sub(1)];
        proto::FunnelStep {
            step: step.to_owned(),
            shoppers: figures.steps[place],
            of_previous_ppm: figures.of_previous_ppm(place),
            previous_shoppers,
            of_first_ppm: figures.of_first_ppm(place),
            first_shoppers: figures.steps[0],
        }
    });
    proto::FunnelFigures {
        totals: Some(proto::FunnelTotals {
            pv: totals.pv,
            fav: totals.fav,
            cart: totals.cart,
            share: totals.share,
            buy: totals.buy,
            uv: totals.uv,
            buyers: totals.buyers,
            attempts: totals.attempts,
            attempters: totals.attempters,
            orders: totals.orders,
            paid_orders: totals.paid_orders,
            units_paid: totals.units_paid,
            revenue: revenue(currency, totals.revenue_minor),
        }),
        steps: steps.collect(),
    }
}

fn traffic_figures(figures: TrafficFigures) -> proto::TrafficFigures {
    let TrafficFigures { views, favourites, carts, shares, buys, visitors } = figures;
    proto::TrafficFigures { views, favourites, carts, shares, buys, visitors }
}

fn traffic_row(row: TrafficRow) -> proto::TrafficRow {
    proto::TrafficRow {
        name: row.name,
        item_id: row.item_id.map(|id| id.to_string()).unwrap_or_default(),
        minute: row.minute.map(convert::timestamp),
        figures: Some(traffic_figures(row.figures)),
    }
}

fn credit(currency: &str, all: i64, credit: Credit) -> proto::Credit {
    proto::Credit {
        orders: credit.orders,
        orders_share_ppm: share_ppm(credit.orders, all),
        units: credit.units,
        revenue: revenue(currency, credit.revenue_minor),
    }
}

fn attribution_row(currency: &str, all: i64, row: AttributionRow) -> proto::AttributionRow {
    proto::AttributionRow {
        channel: row.channel,
        first_touch: Some(credit(currency, all, row.first_touch)),
        last_touch: Some(credit(currency, all, row.last_touch)),
    }
}

fn portrait_row(currency: &str, all: i64, row: PortraitRow) -> proto::PortraitRow {
    let attribute = match row.attribute {
        PortraitAttribute::AgeBand => proto::PortraitAttribute::AgeBand,
        PortraitAttribute::Gender => proto::PortraitAttribute::Gender,
        PortraitAttribute::Region => proto::PortraitAttribute::Region,
        PortraitAttribute::SpendingTier => proto::PortraitAttribute::SpendingTier,
    };
    proto::PortraitRow {
        attribute: attribute.into(),
        value: row.value,
        shoppers: row.shoppers,
        shoppers_share_ppm: share_ppm(row.shoppers, all),
        buyers: row.buyers,
        bought_share_ppm: share_ppm(row.buyers, row.shoppers),
        orders: row.orders,
        units: row.units,
        revenue: revenue(currency, row.revenue_minor),
    }
}

fn path_row(all: i64, row: &PathRow) -> proto::PathRow {
    proto::PathRow {
        steps: row.steps.iter().map(|step| step.name().to_owned()).collect(),
        shoppers: row.shoppers,
        shoppers_share_ppm: share_ppm(row.shoppers, all),
        buyers: row.buyers,
    }
}

fn retention_row(buyers: i64, row: RetentionRow) -> proto::RetentionRow {
    proto::RetentionRow {
        sale_id: row.sale_id.to_string(),
        name: row.name,
        visited: row.visited,
        visited_share_ppm: share_ppm(row.visited, buyers),
        bought: row.bought,
        bought_share_ppm: share_ppm(row.bought, buyers),
    }
}
