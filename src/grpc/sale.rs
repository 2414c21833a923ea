//! `SaleService`: put a sale up, look at it, close it.

use tonic::{Request, Response, Status, async_trait};

use super::{ReadSide, alerts, convert, operator::Doorkeeper, proto, status::Failure};
use crate::{
    actors::{Answer, Sales},
    clock::SharedClock,
    domain::sale::{CloseSale, Draft, DraftItem, SaleOutcome, SaleView, plan},
    events::{Goals, ItemPlan},
    values::{Invalid, RequestId, SaleId},
};

pub(super) struct SaleApi {
    pub(super) sales: Sales,
    pub(super) reads: ReadSide,
    pub(super) clock: SharedClock,
    pub(super) doorkeeper: Doorkeeper,
}

#[async_trait]
impl proto::sale_service_server::SaleService for SaleApi {
    async fn create_sale(
        &self,
        request: Request<proto::CreateSaleRequest>,
    ) -> Result<Response<proto::CreateSaleResponse>, Status> {
        let deadline = convert::deadline(request.metadata(), self.clock.now());
        let (metadata, _, request) = request.into_parts();
        let operator = self.doorkeeper.operator(&metadata, request.operator)?;
        let request_id =
            RequestId::parse("request_id", &request.request_id).map_err(Failure::from)?;
        let draft = request.sale.ok_or_else(|| Invalid::new("sale", "is missing"));
        let draft = draft.and_then(draft_of).map_err(Failure::from)?;
        let plan = plan(request_id, draft, operator).map_err(Failure::from)?;
        let sale_id = SaleId::of_request(request_id);
        let answer = self.sales.create(sale_id, plan, deadline).await.map_err(Failure::from)?;
        let (sale, revision, position) = shown(answer)?;
        Ok(Response::new(proto::CreateSaleResponse { sale: Some(sale), revision, position }))
    }

    async fn close_sale(
        &self,
        request: Request<proto::CloseSaleRequest>,
    ) -> Result<Response<proto::CloseSaleResponse>, Status> {
        let deadline = convert::deadline(request.metadata(), self.clock.now());
        let (metadata, _, request) = request.into_parts();
        let operator = self.doorkeeper.operator(&metadata, request.operator)?;
        let request_id =
            RequestId::parse("request_id", &request.request_id).map_err(Failure::from)?;
        let sale_id = SaleId::parse("sale_id", &request.sale_id).map_err(Failure::from)?;
        convert::steering(&operator, &request.reason).map_err(Failure::from)?;
        let close = CloseSale { request_id, operator, reason: request.reason };
        let answer = self.sales.close(sale_id, close, deadline).await.map_err(Failure::from)?;
        let (sale, revision, position) = shown(answer)?;
        Ok(Response::new(proto::CloseSaleResponse { sale: Some(sale), revision, position }))
    }

    async fn get_sale(
        &self,
        request: Request<proto::GetSaleRequest>,
    ) -> Result<Response<proto::GetSaleResponse>, Status> {
        let sale_id = SaleId::parse("sale_id", &request.get_ref().sale_id);
        let sale_id = sale_id.map_err(Failure::from)?;
        let answer = self.sales.show(sale_id).await.map_err(Failure::from)?;
        let (sale, revision, _) = shown(answer)?;
        Ok(Response::new(proto::GetSaleResponse { sale: Some(sale), revision }))
    }

    async fn list_sales(
        &self,
        request: Request<proto::ListSalesRequest>,
    ) -> Result<Response<proto::ListSalesResponse>, Status> {
        Ok(Response::new(self.reads.list_sales(request).await?))
    }
}

fn shown(answer: Answer<SaleOutcome>) -> Result<(proto::Sale, u64, u64), Failure> {
    match answer.outcome {
        SaleOutcome::Sale(sale) => Ok((sale_of(*sale), answer.revision, answer.position.0)),
        SaleOutcome::Misdirected(why) => Err(why.into()),
    }
}

fn draft_of(draft: proto::SaleDraft) -> Result<Draft, Invalid> {
    let mut items = Vec::with_capacity(draft.items.len());
    for (index, item) in draft.items.into_iter().enumerate() {
        items.push(item_of(item).map_err(|e| e.within(&format!("sale.items[{index}]")))?);
    }
    Ok(Draft {
        name: draft.name,
        currency_code: draft.currency_code,
        opens_at: convert::moment("sale.open_time", draft.open_time)?,
        closes_at: convert::moment("sale.close_time", draft.close_time)?,
        items,
        goals: draft.goals.map(|goals| Goals {
            units: goals.units,
            revenue_minor: goals.revenue_minor,
            conversion_ppm: goals.conversion_ppm,
            new_buyers: goals.new_buyers,
        }),
        curve: alerts::curve(draft.curve)?,
        alerts: alerts::rules(draft.alerts)?,
    })
}

fn item_of(item: proto::ItemDraft) -> Result<DraftItem, Invalid> {
    Ok(DraftItem {
        sku: item.sku,
        title: item.title,
        unit_price_minor: item.unit_price_minor,
        opens_at: convert::moment("open_time", item.open_time)?,
        closes_at: convert::moment("close_time", item.close_time)?,
        limit_per_buyer: item.limit_per_buyer,
        limit_per_order: item.limit_per_order,
        time_to_pay_ms: convert::span_ms("time_to_pay", item.time_to_pay)?,
        units: item.units.into_iter().map(|units| (units.warehouse, units.units)).collect(),
        reserve: Vec::new(),
    })
}

fn sale_of(SaleView { sale_id, plan, closed }: SaleView) -> proto::Sale {
    proto::Sale {
        sale_id: sale_id.to_string(),
        name: plan.name,
        currency_code: plan.currency.code().to_owned(),
        open_time: Some(convert::timestamp(plan.opens_at_ms)),
        close_time: Some(convert::timestamp(plan.closes_at_ms)),
        items: plan.items.into_iter().map(planned).collect(),
        create_time: Some(convert::timestamp(plan.created_at_ms)),
        goals: plan.goals.map(|goals| proto::SaleGoals {
            units: goals.units,
            revenue_minor: goals.revenue_minor,
            conversion_ppm: goals.conversion_ppm,
            new_buyers: goals.new_buyers,
        }),
        closed_time: closed.map(|closed| convert::timestamp(closed.closed_at_ms)),
        curve: plan.curve.into_iter().map(alerts::planned_units).collect(),
        alerts: plan.alerts.into_iter().map(alerts::written).collect(),
    }
}

fn planned(plan: ItemPlan) -> proto::SaleItem {
    proto::SaleItem {
        item_id: plan.item_id.to_string(),
        draft: Some(proto::ItemDraft {
            sku: plan.sku,
            title: plan.title,
            unit_price_minor: plan.unit_price_minor,
            open_time: Some(convert::timestamp(plan.opens_at_ms)),
            close_time: Some(convert::timestamp(plan.closes_at_ms)),
            limit_per_buyer: plan.limit_per_buyer,
            limit_per_order: plan.limit_per_order,
            time_to_pay: Some(convert::duration(plan.time_to_pay_ms)),
            units: plan.units.into_iter().map(convert::warehouse_units).collect(),
        }),
    }
}
