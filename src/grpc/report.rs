//! `ReportService` and the list of sales: queries on the read models, in protobuf.

mod coupons;
mod figures;
mod goods;
mod journeys;
mod refunds;
mod rows;

use tonic::{Request, Response, Status, async_trait};

use self::rows::{figures, sale_line, second, stock_level};
pub(in crate::grpc) use self::rows::{money, order_record};
use super::{ReadSide, authenticator::Hidden, convert, proto, status::CallError};
use crate::{
    domain::item::OrderState,
    projections::{catalog, may_pass, orders, sales, stock, timeline},
    reports::{
        ListOrdersQuery, ListSalesQuery, Paging, ReportError, SalesSummaryQuery, StockLevelsQuery,
        TimelineQuery,
    },
    values::{Invalid, ItemId, OrderId, SaleId, UnixMs},
};

pub(super) struct ReportApi {
    pub(super) reads: ReadSide,
}

impl From<ReportError> for CallError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Invalid(invalid) => invalid.into(),
            ReportError::NotFound(field) => Self::not_found(field),
            ReportError::NotReady(name) => Self::not_ready(name),
            ReportError::Stopped => crate::actors::Fault::Stopping.into(),
            ReportError::Unreadable(error) if may_pass(&error) => Self::unreadable(&error),
            ReportError::Unreadable(error) => {
                Self::internal("the read model cannot be read", &error)
            }
        }
    }
}

impl ReadSide {
    pub(super) async fn list_sales(
        &self,
        request: Request<proto::ListSalesRequest>,
    ) -> Result<proto::ListSalesResponse, CallError> {
        let request = request.into_inner();
        let query = ListSalesQuery { paging: paging(request.page_size, request.page_token) };
        let page = self
            .ask(catalog::NAME, request.min_position, move |reports| reports.list_sales(&query))
            .await?;
        Ok(proto::ListSalesResponse {
            sales: page.rows.into_iter().map(sale_line).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.freshness(catalog::NAME, page.checkpoint)),
        })
    }
}

#[async_trait]
impl proto::report_service_server::ReportService for ReportApi {
    async fn get_stock_levels(
        &self,
        request: Request<proto::GetStockLevelsRequest>,
    ) -> Result<Response<proto::GetStockLevelsResponse>, Status> {
        let request = request.into_inner();
        let query = StockLevelsQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        let page = self
            .reads
            .ask_as_of(stock::NAME, request.min_position, request.as_of, move |reports| {
                reports.stock_levels(&query)
            })
            .await?;
        Ok(Response::new(proto::GetStockLevelsResponse {
            levels: page.rows.into_iter().map(stock_level).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(stock::NAME, page.checkpoint)),
        }))
    }

    async fn list_orders(
        &self,
        request: Request<proto::ListOrdersRequest>,
    ) -> Result<Response<proto::ListOrdersResponse>, Status> {
        let hidden = Hidden::from(request.extensions());
        let request = request.into_inner();
        let query = ListOrdersQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            state: state(request.state)?,
            buyer: buyer(request.buyer, hidden.as_ref())?,
            placed_from: moment("placed_from", request.placed_from)?,
            placed_until: moment("placed_until", request.placed_until)?,
            paging: paging(request.page_size, request.page_token),
        };
        ordered(("placed_from", query.placed_from), ("placed_until", query.placed_until))?;
        let page = self
            .reads
            .ask_as_of(orders::NAME, request.min_position, request.as_of, move |reports| {
                reports.list_orders(&query)
            })
            .await?;
        Ok(Response::new(proto::ListOrdersResponse {
            orders: page
                .rows
                .into_iter()
                .map(|mut row| {
                    row.buyer = shown(row.buyer, hidden.as_ref());
                    order_record(row)
                })
                .collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(orders::NAME, page.checkpoint)),
        }))
    }

    async fn get_sales_summary(
        &self,
        request: Request<proto::GetSalesSummaryRequest>,
    ) -> Result<Response<proto::GetSalesSummaryResponse>, Status> {
        let request = request.into_inner();
        let query = SalesSummaryQuery {
            sale_id: SaleId::parse("sale_id", &request.sale_id).map_err(CallError::from)?,
            paging: paging(request.page_size, request.page_token),
        };
        let found = self
            .reads
            .ask_as_of(sales::NAME, request.min_position, request.as_of, move |reports| {
                reports.sales_summary(&query)
            })
            .await?;
        let currency = found.currency;
        let items = found.items.into_iter().map(|item| figures(&currency, item)).collect();
        Ok(Response::new(proto::GetSalesSummaryResponse {
            total: Some(figures(&currency, found.total)),
            items,
            next_page_token: found.next_page_token,
            freshness: Some(self.reads.freshness(sales::NAME, found.checkpoint)),
        }))
    }

    async fn get_timeline(
        &self,
        request: Request<proto::GetTimelineRequest>,
    ) -> Result<Response<proto::GetTimelineResponse>, Status> {
        let request = request.into_inner();
        let query = TimelineQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            from: moment("from_time", request.from_time)?,
            until: moment("until_time", request.until_time)?,
            paging: paging(request.page_size, request.page_token),
        };
        ordered(("from_time", query.from), ("until_time", query.until))?;
        let page = self
            .reads
            .ask_as_of(timeline::NAME, request.min_position, request.as_of, move |reports| {
                reports.timeline(&query)
            })
            .await?;
        Ok(Response::new(proto::GetTimelineResponse {
            seconds: page.rows.into_iter().map(second).collect(),
            next_page_token: page.next_page_token,
            freshness: Some(self.reads.freshness(timeline::NAME, page.checkpoint)),
        }))
    }

    async fn get_funnel(
        &self,
        request: Request<proto::GetFunnelRequest>,
    ) -> Result<Response<proto::GetFunnelResponse>, Status> {
        Ok(Response::new(self.funnel(request.into_inner()).await?))
    }

    async fn get_traffic(
        &self,
        request: Request<proto::GetTrafficRequest>,
    ) -> Result<Response<proto::GetTrafficResponse>, Status> {
        Ok(Response::new(self.traffic(request.into_inner()).await?))
    }

    async fn get_attribution(
        &self,
        request: Request<proto::GetAttributionRequest>,
    ) -> Result<Response<proto::GetAttributionResponse>, Status> {
        Ok(Response::new(self.attribution(request.into_inner()).await?))
    }

    async fn get_portrait(
        &self,
        request: Request<proto::GetPortraitRequest>,
    ) -> Result<Response<proto::GetPortraitResponse>, Status> {
        Ok(Response::new(self.portrait(request.into_inner()).await?))
    }

    async fn get_paths(
        &self,
        request: Request<proto::GetPathsRequest>,
    ) -> Result<Response<proto::GetPathsResponse>, Status> {
        Ok(Response::new(self.paths(request.into_inner()).await?))
    }

    async fn get_retention(
        &self,
        request: Request<proto::GetRetentionRequest>,
    ) -> Result<Response<proto::GetRetentionResponse>, Status> {
        Ok(Response::new(self.retention(request.into_inner()).await?))
    }

    async fn get_stock_curve(
        &self,
        request: Request<proto::GetStockCurveRequest>,
    ) -> Result<Response<proto::GetStockCurveResponse>, Status> {
        Ok(Response::new(self.reads.stock_curve(request.into_inner()).await?))
    }

    async fn get_demand(
        &self,
        request: Request<proto::GetDemandRequest>,
    ) -> Result<Response<proto::GetDemandResponse>, Status> {
        Ok(Response::new(self.reads.demand(request.into_inner()).await?))
    }

    async fn get_refusals(
        &self,
        request: Request<proto::GetRefusalsRequest>,
    ) -> Result<Response<proto::GetRefusalsResponse>, Status> {
        Ok(Response::new(self.reads.refusals(request.into_inner()).await?))
    }

    async fn get_holds(
        &self,
        request: Request<proto::GetHoldsRequest>,
    ) -> Result<Response<proto::GetHoldsResponse>, Status> {
        Ok(Response::new(self.reads.holds(request.into_inner()).await?))
    }

    async fn get_price_figures(
        &self,
        request: Request<proto::GetPriceFiguresRequest>,
    ) -> Result<Response<proto::GetPriceFiguresResponse>, Status> {
        Ok(Response::new(self.reads.price_figures(request.into_inner()).await?))
    }

    async fn get_offer_figures(
        &self,
        request: Request<proto::GetOfferFiguresRequest>,
    ) -> Result<Response<proto::GetOfferFiguresResponse>, Status> {
        Ok(Response::new(self.reads.offer_figures(request.into_inner()).await?))
    }

    async fn get_coupon_figures(
        &self,
        request: Request<proto::GetCouponFiguresRequest>,
    ) -> Result<Response<proto::GetCouponFiguresResponse>, Status> {
        Ok(Response::new(self.reads.coupon_figures(request.into_inner()).await?))
    }

    async fn list_refunds_due(
        &self,
        request: Request<proto::ListRefundsDueRequest>,
    ) -> Result<Response<proto::ListRefundsDueResponse>, Status> {
        let hidden = Hidden::from(request.extensions());
        Ok(Response::new(self.reads.refunds_due(request.into_inner(), hidden).await?))
    }

    async fn get_refund_report(
        &self,
        request: Request<proto::GetRefundReportRequest>,
    ) -> Result<Response<proto::GetRefundReportResponse>, Status> {
        Ok(Response::new(self.reads.refund_report(request.into_inner()).await?))
    }

    async fn list_acts(
        &self,
        request: Request<proto::ListActsRequest>,
    ) -> Result<Response<proto::ListActsResponse>, Status> {
        Ok(Response::new(self.reads.acts(request.into_inner()).await?))
    }

    async fn get_goal_attainment(
        &self,
        request: Request<proto::GetGoalAttainmentRequest>,
    ) -> Result<Response<proto::GetGoalAttainmentResponse>, Status> {
        Ok(Response::new(self.reads.goals(request.into_inner()).await?))
    }

    async fn compare_sales(
        &self,
        request: Request<proto::CompareSalesRequest>,
    ) -> Result<Response<proto::CompareSalesResponse>, Status> {
        Ok(Response::new(self.reads.compare(request.into_inner()).await?))
    }
}

fn paging(page_size: i32, page_token: String) -> Paging {
    Paging { page_size, page_token }
}

fn sale_id(text: &str) -> Result<Option<SaleId>, CallError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(SaleId::parse("sale_id", text)?)) }
}

fn item_id(text: &str) -> Result<Option<ItemId>, CallError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(ItemId::parse("item_id", text)?)) }
}

fn order_id(text: &str) -> Result<Option<OrderId>, CallError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(OrderId::parse("order_id", text)?)) }
}

/// The buyer that is asked for, where one is. By asking for names, pseudonyms could be told apart.
fn buyer(buyer: String, hidden: Option<&Hidden>) -> Result<Option<String>, CallError> {
    match hidden {
        _ if buyer.is_empty() => Ok(None),
        Some(_) => Err(CallError::filter_forbidden("buyer")),
        None => Ok(Some(convert::buyer(buyer)?)),
    }
}

/// A buyer as the caller may see them.
fn shown(buyer: String, hidden: Option<&Hidden>) -> String {
    match hidden {
        Some(hidden) => hidden.name(&buyer),
        None => buyer,
    }
}

fn moment(field: &str, time: Option<prost_types::Timestamp>) -> Result<Option<UnixMs>, CallError> {
    Ok(convert::moment(field, time)?)
}

/// A window that ends before it starts is a mistake, not an empty answer.
fn ordered(from: (&str, Option<UnixMs>), until: (&str, Option<UnixMs>)) -> Result<(), CallError> {
    match (from.1, until.1) {
        (Some(start), Some(end)) if end < start => {
            Err(Invalid::new(until.0, format!("must not be before {}", from.0)).into())
        }
        _ => Ok(()),
    }
}

fn state(state: i32) -> Result<Option<OrderState>, CallError> {
    match proto::OrderState::try_from(state) {
        Ok(proto::OrderState::Unspecified) => Ok(None),
        Ok(proto::OrderState::Held) => Ok(Some(OrderState::Held)),
        Ok(proto::OrderState::Paid) => Ok(Some(OrderState::Paid)),
        Ok(proto::OrderState::Cancelled) => Ok(Some(OrderState::Cancelled)),
        Ok(proto::OrderState::Expired) => Ok(Some(OrderState::Expired)),
        Ok(proto::OrderState::Refunded) => Ok(Some(OrderState::Refunded)),
        Err(_) => Err(Invalid::new("state", "is not a state of an order").into()),
    }
}
