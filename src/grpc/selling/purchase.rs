//! `PurchaseService`: the hot path.

mod outcome;
mod stream;

use std::sync::Arc;

use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming, async_trait};
use tracing::Instrument as _;

pub(in crate::grpc) use self::outcome::{Outcome, outcome};
use self::stream::Orders;

use crate::{
    actors::{Answer, Deadline, Directory},
    connections::Phase,
    domain::item::{Item, ItemCommand, ItemOutcome},
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

pub(in crate::grpc) struct PurchaseApi {
    pub(in crate::grpc) items: Arc<Directory<Item>>,
    pub(in crate::grpc) gate: Gate,
    /// What the server is doing: streams end when it stops.
    pub(in crate::grpc) phase: watch::Receiver<Phase>,
}

impl PurchaseApi {
    async fn ask(
        &self,
        item: ItemId,
        command: ItemCommand,
        deadline: Option<Deadline>,
    ) -> Result<Outcome, CallError> {
        let asked = self.items.ask(item.0, command, deadline);
        let answer = asked.instrument(step_span("item")).await?;
        outcome(item, answer)
    }

    async fn show(
        &self,
        item: ItemId,
        order_id: OrderId,
        buyer: String,
    ) -> Result<(proto::Order, u64), CallError> {
        let command = ItemCommand::ShowOrder { order_id, buyer: Some(buyer) };
        let Outcome { outcome, revision, .. } = self.ask(item, command, None).await?;
        match outcome {
            Ok(order) => Ok((order, revision)),
            Err(refusal) => Err(CallError::internal("a question was refused", &refusal.message)),
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
        let (item, place) = convert::place_order(request.into_inner()).map_err(CallError::from)?;
        let outcome = self.ask(item, ItemCommand::PlaceOrder(place), deadline).await?;
        Ok(Response::new(outcome.into()))
    }

    type PlaceOrdersStream = stream::Answers;

    async fn place_orders(
        &self,
        request: Request<Streaming<proto::PlaceOrdersRequest>>,
    ) -> Result<Response<stream::Answers>, Status> {
        let orders = Orders {
            items: Arc::clone(&self.items),
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
        Ok(Response::new(proto::GetOutcomeResponse { order: Some(order), revision }))
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
        let Outcome { outcome, revision, position } =
            self.ask(item, ItemCommand::CancelOrder(cancel), deadline).await?;
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
        Ok(Response::new(proto::GetOrderResponse { order: Some(order), revision }))
    }
}
