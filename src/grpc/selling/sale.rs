//! `SaleService`: create, get, list, reschedule, pause, resume and close sales.

use tonic::{Request, Response, Status, async_trait};

use crate::{
    actors::{Answer, Deadline, Sales},
    clock::SharedClock,
    domain::{
        item::Refusal,
        sale::{
            Draft, DraftItem, RescheduleSale, SaleCommand, SaleOutcome, SaleView, SteerSale, plan,
        },
    },
    events::{Goals, ItemPlan, WarehouseSupplier},
    grpc::{
        ReadSide, alerts,
        authenticator::Authenticator,
        convert::{self, coupons, levers, prices},
        notices,
        proto::{self, WriteFields, WriteRequest},
        status::CallError,
    },
    values::{Invalid, RequestId, SaleId, UnixMs},
};

pub(in crate::grpc) struct SaleApi {
    pub(in crate::grpc) sales: Sales,
    pub(in crate::grpc) reads: ReadSide,
    pub(in crate::grpc) clock: SharedClock,
    pub(in crate::grpc) authenticator: Authenticator,
}

/// A request to steer a sale, read.
struct Steering {
    sale_id: SaleId,
    steer: SteerSale,
    deadline: Option<Deadline>,
}

impl SaleApi {
    /// Reads a request that says nothing else.
    fn steering<T: WriteRequest>(&self, request: Request<T>) -> Result<Steering, CallError> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, mut message) = request.into_parts();
        let WriteFields { request_id, subject_id, operator, reason } = message.take_fields();
        let operator = self.authenticator.operator(&metadata, operator)?;
        let request_id = RequestId::parse("request_id", &request_id)?;
        let sale_id = SaleId::parse("sale_id", &subject_id)?;
        convert::steering(&operator, &reason)?;
        Ok(Steering { sale_id, steer: SteerSale { request_id, operator, reason }, deadline })
    }

    async fn steer(
        &self,
        sale_id: SaleId,
        command: SaleCommand,
        deadline: Option<Deadline>,
    ) -> Result<Answer<SaleOutcome>, CallError> {
        Ok(self.sales.steer(sale_id, command, deadline).await?)
    }

    async fn notices(&self, outcome: &SaleOutcome) -> Vec<proto::SaleNotice> {
        match outcome {
            SaleOutcome::Sale(sale) => notices::of_sale(sale, &self.reads, self.clock.now()).await,
            SaleOutcome::Refused(_) | SaleOutcome::Misdirected(_) => Vec::new(),
        }
    }
}

#[async_trait]
impl proto::sale_service_server::SaleService for SaleApi {
    async fn create_sale(
        &self,
        request: Request<proto::CreateSaleRequest>,
    ) -> Result<Response<proto::CreateSaleResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, request) = request.into_parts();
        let operator = self.authenticator.operator(&metadata, request.operator)?;
        let request_id =
            RequestId::parse("request_id", &request.request_id).map_err(CallError::from)?;
        let draft = request.sale.ok_or_else(|| Invalid::new("sale", "is missing"));
        let draft = draft.and_then(draft_of).map_err(CallError::from)?;
        let plan = plan(request_id, draft, operator).map_err(CallError::from)?;
        let sale_id = SaleId::of_request(request_id);
        let answer = self.sales.create(sale_id, plan, deadline).await.map_err(CallError::from)?;
        let notices = self.notices(&answer.outcome).await;
        let (sale, revision, position) = shown(answer)?;
        let sale = Some(sale);
        Ok(Response::new(proto::CreateSaleResponse { sale, revision, position, notices }))
    }

    async fn reschedule_sale(
        &self,
        request: Request<proto::RescheduleSaleRequest>,
    ) -> Result<Response<proto::RescheduleSaleResponse>, Status> {
        use proto::reschedule_sale_response::Outcome;
        let window = new_window(request.get_ref());
        let Steering { sale_id, steer, deadline } = self.steering(request)?;
        let (opens_at, closes_at) = window.map_err(CallError::from)?;
        let to = RescheduleSale { steer, opens_at, closes_at };
        let answer = self.steer(sale_id, SaleCommand::Reschedule(to), deadline).await?;
        let (revision, position) = (answer.revision, answer.position.0);
        let notices = self.notices(&answer.outcome).await;
        let outcome = Some(match steered(answer.outcome)? {
            Ok(sale) => Outcome::Sale(sale),
            Err(refusal) => Outcome::Refusal(refusal),
        });
        Ok(Response::new(proto::RescheduleSaleResponse { outcome, revision, position, notices }))
    }

    async fn pause_sale(
        &self,
        request: Request<proto::PauseSaleRequest>,
    ) -> Result<Response<proto::PauseSaleResponse>, Status> {
        use proto::pause_sale_response::Outcome;
        let Steering { sale_id, steer, deadline } = self.steering(request)?;
        let answer = self.steer(sale_id, SaleCommand::Pause(steer), deadline).await?;
        let (revision, position) = (answer.revision, answer.position.0);
        let outcome = match steered(answer.outcome)? {
            Ok(sale) => Outcome::Sale(sale),
            Err(refusal) => Outcome::Refusal(refusal),
        };
        Ok(Response::new(proto::PauseSaleResponse { outcome: Some(outcome), revision, position }))
    }

    async fn resume_sale(
        &self,
        request: Request<proto::ResumeSaleRequest>,
    ) -> Result<Response<proto::ResumeSaleResponse>, Status> {
        use proto::resume_sale_response::Outcome;
        let Steering { sale_id, steer, deadline } = self.steering(request)?;
        let answer = self.steer(sale_id, SaleCommand::Resume(steer), deadline).await?;
        let (revision, position) = (answer.revision, answer.position.0);
        let outcome = match steered(answer.outcome)? {
            Ok(sale) => Outcome::Sale(sale),
            Err(refusal) => Outcome::Refusal(refusal),
        };
        Ok(Response::new(proto::ResumeSaleResponse { outcome: Some(outcome), revision, position }))
    }

    async fn cancel_sale(
        &self,
        request: Request<proto::CancelSaleRequest>,
    ) -> Result<Response<proto::CancelSaleResponse>, Status> {
        let Steering { sale_id, steer, deadline } = self.steering(request)?;
        let answer = self.steer(sale_id, SaleCommand::Cancel(steer), deadline).await?;
        let (sale, revision, position) = shown(answer)?;
        Ok(Response::new(proto::CancelSaleResponse { sale: Some(sale), revision, position }))
    }

    async fn close_sale(
        &self,
        request: Request<proto::CloseSaleRequest>,
    ) -> Result<Response<proto::CloseSaleResponse>, Status> {
        let Steering { sale_id, steer, deadline } = self.steering(request)?;
        let answer = self.steer(sale_id, SaleCommand::Close(steer), deadline).await?;
        let (sale, revision, position) = shown(answer)?;
        Ok(Response::new(proto::CloseSaleResponse { sale: Some(sale), revision, position }))
    }

    async fn get_sale(
        &self,
        request: Request<proto::GetSaleRequest>,
    ) -> Result<Response<proto::GetSaleResponse>, Status> {
        let sale_id = SaleId::parse("sale_id", &request.get_ref().sale_id);
        let sale_id = sale_id.map_err(CallError::from)?;
        let answer = self.sales.show(sale_id).await.map_err(CallError::from)?;
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

fn shown(answer: Answer<SaleOutcome>) -> Result<(proto::Sale, u64, u64), CallError> {
    match steered(answer.outcome)? {
        Ok(sale) => Ok((sale, answer.revision, answer.position.0)),
        Err(_) => Err(CallError::internal("a sale refused what it cannot refuse", &"a bug")),
    }
}

fn steered(outcome: SaleOutcome) -> Result<Result<proto::Sale, proto::Refusal>, CallError> {
    match outcome {
        SaleOutcome::Sale(sale) => Ok(Ok(sale_of(*sale))),
        SaleOutcome::Refused(refusal) => Ok(Err(refusal_of(refusal))),
        SaleOutcome::Misdirected(why) => Err(why.into()),
    }
}

/// The refusals of items, said of a sale.
fn refusal_of(refusal: Refusal) -> proto::Refusal {
    let mut said = convert::refusal(refusal, None, None, None);
    said.message = said.message.replace("The item", "The sale");
    said
}

/// The moments that a sale is to open and close at, of which there is one at least.
fn new_window(
    request: &proto::RescheduleSaleRequest,
) -> Result<(Option<UnixMs>, Option<UnixMs>), Invalid> {
    let opens_at = convert::moment("open_time", request.open_time)?;
    let closes_at = convert::moment("close_time", request.close_time)?;
    if opens_at.is_none() && closes_at.is_none() {
        return Err(Invalid::new("open_time", "is missing, as is close_time"));
    }
    Ok((opens_at, closes_at))
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
        regions: levers::regions(draft.regions),
        audience: draft.audience.map(levers::draft_audience),
        coupons: coupons::drafts(draft.coupons)?,
        limit_per_buyer: draft.limit_per_buyer,
        rewards: draft.rewards.into_iter().map(coupons::draft_reward).collect(),
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
        reserve: item.reserve.into_iter().map(|at| (at.warehouse, at.units)).collect(),
        floor_minor: item.floor_minor,
        steps: prices::steps(item.steps),
        time_prices: prices::time_prices(item.time_prices)?,
        returned_units: prices::returned_units(item.returned_units)?,
        offers: prices::offers(item.offers)?,
        audience: item.audience.map(levers::draft_audience),
        draw: levers::draw(item.draw)?,
        reinstate_within_ms: convert::span_ms("reinstate_within", item.reinstate_within)?,
        reserve_plan: levers::reserve_plan("reserve_plan", item.reserve_plan)?,
        suppliers: item.suppliers.into_iter().map(|of| (of.warehouse, of.supplier)).collect(),
    })
}

fn sale_of(view: SaleView) -> proto::Sale {
    let sale_id = view.sale_id;
    let closed_at = view.closed.as_ref().map(|closed| closed.closed_at_ms);
    let paused = view.pause.as_ref().filter(|pause| pause.on && closed_at.is_none());
    let paused_at = paused.map(|pause| pause.at);
    let rescheduled_at = view.schedule.as_ref().map(|schedule| schedule.at);
    let cancelled = view.is_cancelled();
    let plan = view.current_plan();
    // Each item has those of the sale.
    let regions = plan.items.first().map_or_else(Vec::new, |item| item.regions.clone());
    proto::Sale {
        sale_id: sale_id.to_string(),
        name: plan.name,
        currency_code: plan.currency.code().to_owned(),
        open_time: Some(convert::timestamp(plan.opens_at_ms)),
        close_time: Some(convert::timestamp(plan.closes_at_ms)),
        limit_per_buyer: plan.limit_per_buyer,
        rewards: coupons::rewards(&plan.rewards, &plan.coupons),
        coupons: coupons::planned(plan.coupons, plan.currency.code(), &plan.items),
        items: plan.items.into_iter().map(planned).collect(),
        create_time: Some(convert::timestamp(plan.created_at_ms)),
        goals: plan.goals.map(|goals| proto::SaleGoals {
            units: goals.units,
            revenue_minor: goals.revenue_minor,
            conversion_ppm: goals.conversion_ppm,
            new_buyers: goals.new_buyers,
        }),
        pause_time: paused_at.map(convert::timestamp),
        closed_time: closed_at.map(convert::timestamp),
        cancelled,
        curve: plan.curve.into_iter().map(alerts::planned_units).collect(),
        alerts: plan.alerts.into_iter().map(alerts::written).collect(),
        regions: regions.into_iter().map(levers::region).collect(),
        reschedule_time: rescheduled_at.map(convert::timestamp),
    }
}

fn supplier(of: WarehouseSupplier) -> proto::WarehouseSupplier {
    proto::WarehouseSupplier { warehouse: of.warehouse, supplier: of.supplier }
}

fn planned(plan: ItemPlan) -> proto::SaleItem {
    let mut draft = proto::ItemDraft {
        sku: plan.sku,
        title: plan.title,
        unit_price_minor: plan.unit_price_minor,
        open_time: Some(convert::timestamp(plan.opens_at_ms)),
        close_time: Some(convert::timestamp(plan.closes_at_ms)),
        limit_per_buyer: plan.limit_per_buyer,
        limit_per_order: plan.limit_per_order,
        time_to_pay: Some(convert::duration(plan.time_to_pay_ms)),
        units: plan.units.into_iter().map(convert::warehouse_units).collect(),
        reserve: plan.reserve.into_iter().map(convert::warehouse_units).collect(),
        suppliers: plan.suppliers.into_iter().map(supplier).collect(),
        audience: plan.audience.map(levers::audience),
        draw: levers::draw_order(plan.draw).into(),
        reinstate_within: plan.reinstate_within_ms.map(convert::duration),
        reserve_plan: plan.reserve_plan.into_iter().map(levers::reserve_step).collect(),
        ..Default::default()
    };
    prices::planned(&mut draft, plan.prices, plan.offers);
    proto::SaleItem { item_id: plan.item_id.to_string(), draft: Some(draft) }
}
