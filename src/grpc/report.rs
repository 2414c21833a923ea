//! `ReportService` and the list of sales: queries on the read models, in protobuf.

mod figures;
mod journeys;

use tonic::{Request, Response, Status, async_trait};

use super::{ReadSide, convert, proto, status::CallError};
use crate::{
    domain::item::OrderState,
    events::AttemptOutcome,
    projections::{catalog, may_pass, orders, sales, stock, timeline},
    reports::{
        ListOrdersQuery, ListSalesQuery, OrderRecord, Paging, ReportError, SaleLine, SalesFigures,
        SalesSummaryQuery, StockLevel, StockLevelsQuery, TimelineQuery, TimelineSecond,
        WarehouseStock,
    },
    values::{Invalid, ItemId, SaleId, UnixMs},
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
        let request = request.into_inner();
        let query = ListOrdersQuery {
            sale_id: sale_id(&request.sale_id)?,
            item_id: item_id(&request.item_id)?,
            state: state(request.state)?,
            buyer: match request.buyer {
                buyer if buyer.is_empty() => None,
                buyer => Some(convert::buyer(buyer).map_err(CallError::from)?),
            },
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
            orders: page.rows.into_iter().map(order_record).collect(),
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

// ---- in ----

fn paging(page_size: i32, page_token: String) -> Paging {
    Paging { page_size, page_token }
}

fn sale_id(text: &str) -> Result<Option<SaleId>, CallError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(SaleId::parse("sale_id", text)?)) }
}

fn item_id(text: &str) -> Result<Option<ItemId>, CallError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(ItemId::parse("item_id", text)?)) }
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
        Err(_) => Err(Invalid::new("state", "is not a state of an order").into()),
    }
}

// ---- out ----

fn money(currency_code: &str, amount_minor: i64) -> proto::Money {
    proto::Money { currency_code: currency_code.to_owned(), amount_minor }
}

fn sale_line(line: SaleLine) -> proto::SaleLine {
    proto::SaleLine {
        sale_id: line.sale_id.to_string(),
        name: line.name,
        currency_code: line.currency,
        open_time: Some(convert::timestamp(line.opens_at)),
        close_time: Some(convert::timestamp(line.closes_at)),
        items: line.items,
        closed: line.closed,
    }
}

fn stock_level(level: StockLevel) -> proto::StockLevel {
    proto::StockLevel {
        item_id: level.item_id.to_string(),
        sale_id: level.sale_id.to_string(),
        sku: level.sku,
        title: level.title,
        allocated_units: level.allocated_units,
        available_units: level.available_units,
        held_units: level.held_units,
        sold_units: level.sold_units,
        reserve_units: level.reserve_units,
        warehouses: level.warehouses.into_iter().map(warehouse_stock).collect(),
    }
}

fn warehouse_stock(stock: WarehouseStock) -> proto::WarehouseStock {
    proto::WarehouseStock {
        warehouse: stock.warehouse,
        allocated_units: stock.allocated_units,
        available_units: stock.available_units,
        held_units: stock.held_units,
        sold_units: stock.sold_units,
        reserve_units: stock.reserve_units,
    }
}

fn order_record(record: OrderRecord) -> proto::OrderRecord {
    let order = proto::Order {
        order_id: record.order_id.to_string(),
        item_id: record.item_id.to_string(),
        units: record.units,
        unit_price: Some(money(&record.currency, record.unit_price_minor)),
        total: Some(money(&record.currency, record.total_minor())),
        state: convert::order_state(record.state).into(),
        place_time: Some(convert::timestamp(record.placed_at)),
        pay_by_time: Some(convert::timestamp(record.pay_by)),
        buyer: record.buyer,
        ..Default::default()
    };
    proto::OrderRecord {
        order: Some(order),
        sale_id: record.sale_id.to_string(),
        channel: record.channel,
        warehouses: record.warehouses.into_iter().map(convert::warehouse_units).collect(),
        settle_time: record.settled_at.map(convert::timestamp),
        payment_reference: record.payment_reference,
    }
}

fn figures(currency: &str, figures: SalesFigures) -> proto::SalesFigures {
    proto::SalesFigures {
        paid_share_ppm: figures.paid_share_ppm(),
        item_id: figures.item_id.map(|id| id.to_string()).unwrap_or_default(),
        sku: figures.sku,
        title: figures.title,
        allocated_units: figures.allocated_units,
        orders_placed: figures.orders_placed,
        orders_paid: figures.orders_paid,
        orders_cancelled: figures.orders_cancelled,
        orders_expired: figures.orders_expired,
        units_placed: figures.units_placed,
        units_sold: figures.units_sold,
        revenue: Some(money(currency, figures.revenue_minor)),
        refunds_due: Some(money(currency, figures.refunds_due_minor)),
        sold_out_time: figures.sold_out_at.map(convert::timestamp),
    }
}

fn second(second: TimelineSecond) -> proto::TimelineSecond {
    let refusals = second.refusals.into_iter().filter_map(|(outcome, attempts)| {
        let reason = reason(outcome)?;
        Some(proto::RefusalCount { reason: reason.into(), attempts })
    });
    proto::TimelineSecond {
        second: Some(prost_types::Timestamp { seconds: second.second, nanos: 0 }),
        attempts: second.attempts,
        orders_placed: second.orders_placed,
        units_placed: second.units_placed,
        orders_paid: second.orders_paid,
        units_paid: second.units_paid,
        orders_cancelled: second.orders_cancelled,
        orders_expired: second.orders_expired,
        units_released: second.units_released,
        repeats: second.repeats,
        refusals: refusals.collect(),
        units_allocated: second.units_allocated,
        units_refused: second.units_refused,
        refunds_due: second.refunds_due,
    }
}

fn reason(outcome: AttemptOutcome) -> Option<proto::RefusalReason> {
    match outcome {
        AttemptOutcome::Placed | AttemptOutcome::Repeated => None,
        AttemptOutcome::SoldOut => Some(proto::RefusalReason::SoldOut),
        AttemptOutcome::NotEnoughUnits => Some(proto::RefusalReason::NotEnoughUnits),
        AttemptOutcome::NotOpenYet => Some(proto::RefusalReason::NotOpenYet),
        AttemptOutcome::Closed => Some(proto::RefusalReason::Closed),
        AttemptOutcome::Paused => Some(proto::RefusalReason::Paused),
        AttemptOutcome::OverBuyerLimit => Some(proto::RefusalReason::OverBuyerLimit),
        AttemptOutcome::OverOrderLimit => Some(proto::RefusalReason::OverOrderLimit),
    }
}
