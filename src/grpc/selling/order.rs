//! `OrderService`: what operators do to single orders, and the exports of paid ones.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tonic::{Request, Response, Status, async_trait};

use super::purchase::{Outcome, outcome};
use crate::{
    actors::{AwaitDesk, Directory, Permits},
    domain::{
        fulfilment::Fulfilment,
        item::{Item, ItemCommand, ItemOutcome, OrderAct, OrderAction},
    },
    grpc::{
        ReadSide,
        authenticator::Authenticator,
        convert,
        proto::{self, WriteFields, WriteRequest, WriteResponse},
        status::CallError,
    },
    values::{DueId, Invalid, ItemId, OrderId, RequestId},
};

pub(in crate::grpc) struct OrderApi {
    pub(in crate::grpc) items: Arc<Directory<Item>>,
    pub(in crate::grpc) awaits: AwaitDesk,
    pub(in crate::grpc) exports: Arc<Directory<Fulfilment>>,
    pub(in crate::grpc) reads: ReadSide,
    pub(in crate::grpc) authenticator: Authenticator,
    pub(in crate::grpc) followers: Permits,
}

impl OrderApi {
    pub(in crate::grpc) fn new(
        (items, awaits): (Arc<Directory<Item>>, AwaitDesk),
        exports: Arc<Directory<Fulfilment>>,
        reads: ReadSide,
        authenticator: Authenticator,
    ) -> Self {
        Self { items, awaits, exports, reads, authenticator, followers: Self::followers() }
    }

    /// Reads the request of an act, and makes its response.
    async fn act<T, R>(
        &self,
        request: Request<T>,
        read: fn(T) -> Result<OrderAction, Invalid>,
    ) -> Result<Response<R>, Status>
    where
        T: WriteRequest,
        R: WriteResponse<Subject = proto::Order, Refusal = proto::Refusal>,
    {
        let Outcome { outcome, revision, position } = self.acted(request, read).await?;
        Ok(Response::new(R::new(outcome, revision, position)))
    }

    async fn acted<T: WriteRequest>(
        &self,
        request: Request<T>,
        read: fn(T) -> Result<OrderAction, Invalid>,
    ) -> Result<Outcome, CallError> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, mut message) = request.into_parts();
        let WriteFields { request_id, subject_id, operator, reason } = message.take_fields();
        let operator = self.authenticator.operator(&metadata, operator)?;
        let action = read(message)?;
        let request_id = RequestId::parse("request_id", &request_id)?;
        convert::steering(&operator, &reason)?;
        let item = match subject_id.as_str() {
            "" => self.item_of(&action).await?,
            item => ItemId::parse("item_id", item)?,
        };
        let act = OrderAct { request_id, operator, reason, action };
        let answer = self.items.ask(item.0, ItemCommand::OrderAct(act), deadline).await?;
        if let ItemOutcome::Order(order) = &answer.outcome {
            self.awaits.released(order).await;
        }
        outcome(item, answer)
    }
}

#[async_trait]
impl proto::order_service_server::OrderService for OrderApi {
    type FetchExportStream =
        Pin<Box<dyn Stream<Item = Result<proto::FetchExportResponse, Status>> + Send>>;
    type FollowOrdersStream =
        Pin<Box<dyn Stream<Item = Result<proto::FollowOrdersResponse, Status>> + Send>>;

    async fn cancel_hold(
        &self,
        request: Request<proto::CancelHoldRequest>,
    ) -> Result<Response<proto::CancelHoldResponse>, Status> {
        self.act(request, |r| Ok(OrderAction::Cancel(OrderId::parse("order_id", &r.order_id)?)))
            .await
    }

    async fn extend_hold(
        &self,
        request: Request<proto::ExtendHoldRequest>,
    ) -> Result<Response<proto::ExtendHoldResponse>, Status> {
        self.act(request, |r| {
            let order_id = OrderId::parse("order_id", &r.order_id)?;
            let until = convert::moment("pay_by_time", r.pay_by_time)?
                .ok_or_else(|| Invalid::new("pay_by_time", "is missing"))?;
            Ok(OrderAction::ExtendHold { order_id, until })
        })
        .await
    }

    async fn refund_order(
        &self,
        request: Request<proto::RefundOrderRequest>,
    ) -> Result<Response<proto::RefundOrderResponse>, Status> {
        self.act(request, |r| {
            OrderAction::refund(OrderId::parse("order_id", &r.order_id)?, r.units, r.restock)
        })
        .await
    }

    async fn settle_refund(
        &self,
        request: Request<proto::SettleRefundRequest>,
    ) -> Result<Response<proto::SettleRefundResponse>, Status> {
        self.act(request, |r| OrderAction::settle(DueId::parse("due_id", &r.due_id)?, r.reference))
            .await
    }

    async fn export_orders(
        &self,
        request: Request<proto::ExportOrdersRequest>,
    ) -> Result<Response<proto::ExportOrdersResponse>, Status> {
        Ok(Response::new(self.export(request).await?))
    }

    async fn fetch_export(
        &self,
        request: Request<proto::FetchExportRequest>,
    ) -> Result<Response<Self::FetchExportStream>, Status> {
        let parts = self.fetched(request.into_inner()).await?;
        Ok(Response::new(Box::pin(parts)))
    }

    async fn list_exports(
        &self,
        request: Request<proto::ListExportsRequest>,
    ) -> Result<Response<proto::ListExportsResponse>, Status> {
        Ok(Response::new(self.listed_exports(request.into_inner()).await?))
    }

    async fn find_order(
        &self,
        request: Request<proto::FindOrderRequest>,
    ) -> Result<Response<proto::FindOrderResponse>, Status> {
        Ok(Response::new(self.found(request.into_inner()).await?))
    }

    async fn follow_orders(
        &self,
        request: Request<proto::FollowOrdersRequest>,
    ) -> Result<Response<Self::FollowOrdersStream>, Status> {
        let followed = self.followed(request.into_inner()).await?;
        Ok(Response::new(Box::pin(followed)))
    }
}
