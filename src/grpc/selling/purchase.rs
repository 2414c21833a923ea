//! `PurchaseService`: the hot path.

mod coupons;
mod outcome;
mod stream;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout_at};
use tonic::{Request, Response, Status, Streaming, async_trait};
use tracing::Instrument as _;

pub(in crate::grpc) use self::outcome::{Outcome, outcome};
use self::{
    coupons::{Batches, NotPlaced},
    stream::Orders,
};

use crate::{
    actors::{Answer, AwaitDesk, Deadline, Directory, Sales},
    connections::Phase,
    domain::item::{Item, ItemCommand, ItemOutcome, OrderView, PlaceOrder, Refusal},
    grpc::{
        convert,
        proto::{self, WriteResponse},
        service_level_gate::Gate,
        share::Share,
        status::CallError,
    },
    trace::step_span,
    values::{ItemId, OrderId, RequestId},
};

/// How long before its deadline a call is answered that waits: the answer has to reach its caller.
const ANSWERED_BEFORE: Duration = Duration::from_millis(50);

pub(in crate::grpc) struct PurchaseApi {
    items: Arc<Directory<Item>>,
    awaits: AwaitDesk,
    batches: Arc<Batches>,
    gate: Gate,
    /// What the server is doing: streams end when it stops.
    phase: watch::Receiver<Phase>,
}

impl PurchaseApi {
    pub(in crate::grpc) fn new(
        items: &Arc<Directory<Item>>,
        sales: &Sales,
        awaits: AwaitDesk,
        gate: Gate,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let batches = Arc::new(Batches::new(Arc::clone(items), sales.clone()));
        Self { items: Arc::clone(items), awaits, batches, gate, phase }
    }

    async fn ask(
        &self,
        item: ItemId,
        command: ItemCommand,
        deadline: Option<Deadline>,
    ) -> Result<Outcome, CallError> {
        outcome(item, self.answer(item, command, deadline).await?)
    }

    async fn answer(
        &self,
        item: ItemId,
        command: ItemCommand,
        deadline: Option<Deadline>,
    ) -> Result<Answer<ItemOutcome>, CallError> {
        let asked = self.items.ask(item.0, command, deadline);
        Ok(asked.instrument(step_span("item")).await?)
    }

    /// Places an order, and waits for what it waits for until shortly before the deadline.
    async fn place(
        &self,
        item: ItemId,
        place: PlaceOrder,
        deadline: Option<Deadline>,
    ) -> Result<Outcome, CallError> {
        let command = ItemCommand::PlaceOrder(place);
        let moment = deadline.as_ref().map(Deadline::moment);
        let mut answer = self.answer(item, command, deadline).await?;
        if let ItemOutcome::Order(order) = &answer.outcome
            && let Some(settling) = self.awaits.start(item, order)
        {
            let settled = match moment {
                Some(moment) => {
                    let until = moment.checked_sub(ANSWERED_BEFORE);
                    timeout_at(until.unwrap_or_else(Instant::now).into(), settling).await.ok()
                }
                None => Some(settling.await),
            };
            // What could not be settled now is settled by the process manager.
            if let Some(Ok(Ok(Some(settled)))) = settled {
                answer = settled;
            }
        }
        outcome(item, answer)
    }

    async fn show(
        &self,
        item: ItemId,
        order_id: OrderId,
        buyer: String,
    ) -> Result<(OrderView, u64), CallError> {
        let command = ItemCommand::ShowOrder { order_id, buyer: Some(buyer) };
        let Answer { outcome, revision, .. } = self.answer(item, command, None).await?;
        match outcome {
            ItemOutcome::Order(order) => Ok((order, revision)),
            ItemOutcome::Misdirected(why) => Err(why.into()),
            other @ (ItemOutcome::Item(_)
            | ItemOutcome::Quote { .. }
            | ItemOutcome::Refused { .. }) => {
                let other = format!("{other:?}");
                Err(CallError::internal("an order was answered with something else", &other))
            }
        }
    }
}

#[async_trait]
impl proto::purchase_service_server::PurchaseService for PurchaseApi {
    async fn place_order(
        &self,
        request: Request<proto::PlaceOrderRequest>,
    ) -> Result<Response<proto::PlaceOrderResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (item, asked) = convert::place_order(request.into_inner()).map_err(CallError::from)?;
        let place = match asked {
            convert::Asked::Order(place) => place,
            convert::Asked::WithCoupon(place, wish) => {
                match self.batches.asked_for(item, place, *wish).await {
                    Ok(place) => place,
                    Err(NotPlaced::Refused(refused)) => return Ok(Response::new(*refused)),
                    Err(NotPlaced::Failed(failure)) => return Err(failure.into()),
                }
            }
        };
        Ok(Response::new(self.place(item, place, deadline).await?.into()))
    }

    type PlaceOrdersStream = stream::Answers;

    async fn place_orders(
        &self,
        request: Request<Streaming<proto::PlaceOrdersRequest>>,
    ) -> Result<Response<stream::Answers>, Status> {
        let orders = Orders {
            items: Arc::clone(&self.items),
            awaits: self.awaits.clone(),
            batches: Arc::clone(&self.batches),
            gate: self.gate.clone(),
            connection: request.extensions().get::<Arc<Share>>().map(|s| Arc::clone(&s.orders)),
            phase: self.phase.clone(),
        };
        Ok(Response::new(orders.answers(request.into_inner())))
    }

    async fn get_outcome(
        &self,
        request: Request<proto::GetOutcomeRequest>,
    ) -> Result<Response<proto::GetOutcomeResponse>, Status> {
        let request = request.into_inner();
        let request_id =
            RequestId::parse("request_id", &request.request_id).map_err(CallError::from)?;
        let item = ItemId::parse("item_id", &request.item_id).map_err(CallError::from)?;
        let buyer = convert::buyer(request.buyer).map_err(CallError::from)?;
        let (order, revision) = self.show(item, item.order_id(request_id), buyer).await?;
        let refusal = order.refused.map(|refusal| {
            let reason = order.coupon_denied.filter(|_| refusal == Refusal::CouponRefused);
            convert::refusal(refusal, None, None, reason)
        });
        let order = Some(convert::order(item, order));
        Ok(Response::new(proto::GetOutcomeResponse { order, revision, refusal }))
    }

    async fn record_payment(
        &self,
        request: Request<proto::RecordPaymentRequest>,
    ) -> Result<Response<proto::RecordPaymentResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (item, payment) =
            convert::record_payment(request.into_inner()).map_err(CallError::from)?;
        let Outcome { outcome, revision, position } =
            self.ask(item, ItemCommand::RecordPayment(payment), deadline).await?;
        Ok(Response::new(WriteResponse::new(outcome, revision, position)))
    }

    async fn cancel_order(
        &self,
        request: Request<proto::CancelOrderRequest>,
    ) -> Result<Response<proto::CancelOrderResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (item, cancel) =
            convert::cancel_order(request.into_inner()).map_err(CallError::from)?;
        let answer = self.answer(item, ItemCommand::CancelOrder(cancel), deadline).await?;
        if let ItemOutcome::Order(order) = &answer.outcome {
            self.awaits.released(order).await;
        }
        let Outcome { outcome, revision, position } = outcome(item, answer)?;
        Ok(Response::new(WriteResponse::new(outcome, revision, position)))
    }

    async fn record_payment_failure(
        &self,
        request: Request<proto::RecordPaymentFailureRequest>,
    ) -> Result<Response<proto::RecordPaymentFailureResponse>, Status> {
        let deadline = convert::deadline(request.extensions());
        let (item, failure) =
            convert::payment_failure(request.into_inner()).map_err(CallError::from)?;
        let Outcome { outcome, revision, position } =
            self.ask(item, ItemCommand::PaymentFailed(failure), deadline).await?;
        Ok(Response::new(WriteResponse::new(outcome, revision, position)))
    }

    async fn quote_price(
        &self,
        request: Request<proto::QuotePriceRequest>,
    ) -> Result<Response<proto::QuotePriceResponse>, Status> {
        let (item, command) =
            convert::quote_price(request.into_inner()).map_err(CallError::from)?;
        let Answer { outcome, revision, .. } =
            self.items.ask(item.0, command, None).await.map_err(CallError::from)?;
        match outcome {
            ItemOutcome::Quote { quote, available, refusal, warehouses } => {
                let refused = |refusal| convert::refusal(refusal, Some(available), None, None);
                Ok(Response::new(proto::QuotePriceResponse {
                    quote: Some(convert::prices::quote(*quote)),
                    available_units: available,
                    revision,
                    refusal: refusal.map(refused),
                    warehouses: warehouses.into_iter().map(convert::warehouse_units).collect(),
                }))
            }
            ItemOutcome::Misdirected(why) => Err(CallError::from(why).into()),
            ItemOutcome::Order(_) | ItemOutcome::Item(_) | ItemOutcome::Refused { .. } => {
                Err(CallError::internal("a quote was answered with something else", &"a bug")
                    .into())
            }
        }
    }

    async fn get_order(
        &self,
        request: Request<proto::GetOrderRequest>,
    ) -> Result<Response<proto::GetOrderResponse>, Status> {
        let request = request.into_inner();
        let item = ItemId::parse("item_id", &request.item_id).map_err(CallError::from)?;
        let order_id = OrderId::parse("order_id", &request.order_id).map_err(CallError::from)?;
        let buyer = convert::buyer(request.buyer).map_err(CallError::from)?;
        let (order, revision) = self.show(item, order_id, buyer).await?;
        let order = Some(convert::order(item, order));
        Ok(Response::new(proto::GetOrderResponse { order, revision }))
    }
}
