//! `OrderService`: what operators do to single orders, and the exports of paid ones.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tonic::{Request, Response, Status, async_trait};

use super::purchase::{Outcome, outcome};
use crate::{
    actors::Directory,
    domain::{
        fulfilment::Fulfilment,
        item::{Item, ItemCommand, OrderAct, OrderAction},
    },
    grpc::{
        ReadSide, convert,
        operator::Authenticator,
        proto::{self, WriteResponse},
        status::CallError,
    },
    values::{DueId, Invalid, ItemId, OrderId, RequestId},
};

pub(in crate::grpc) struct OrderApi {
    pub(in crate::grpc) items: Arc<Directory<Item>>,
    pub(in crate::grpc) exports: Arc<Directory<Fulfilment>>,
    pub(in crate::grpc) reads: ReadSide,
    pub(in crate::grpc) authenticator: Authenticator,
}

/// What all requests have in common.
struct Asked {
    request_id: String,
    item_id: String,
    operator: String,
    reason: String,
    action: OrderAction,
}

impl OrderApi {
    /// The requests differ in what they ask only: reads one, and makes its response.
    async fn act<T, R>(
        &self,
        request: Request<T>,
        read: fn(T) -> Result<Asked, Invalid>,
    ) -> Result<Response<R>, Status>
    where
        R: WriteResponse<Subject = proto::Order, Refusal = proto::Refusal>,
    {
        let Outcome { outcome, revision, position } = self.acted(request, read).await?;
        Ok(Response::new(R::new(outcome, revision, position)))
    }

    async fn acted<T>(
        &self,
        request: Request<T>,
        read: fn(T) -> Result<Asked, Invalid>,
    ) -> Result<Outcome, CallError> {
        let deadline = convert::deadline(request.extensions());
        let (metadata, _, message) = request.into_parts();
        let asked = read(message).or_else(|invalid| {
            // Only operators are told what is wrong with an act.
            self.authenticator.operator(&metadata, String::new())?;
            Err(CallError::from(invalid))
        })?;
        let Asked { request_id, item_id, operator, reason, action } = asked;
        let operator = self.authenticator.operator(&metadata, operator)?;
        let request_id = RequestId::parse("request_id", &request_id)?;
        let item = ItemId::parse("item_id", &item_id)?;
        convert::steering(&operator, &reason)?;
        let act = OrderAct { request_id, operator, reason, action };
        let answer = self.items.ask(item.0, ItemCommand::OrderAct(act), deadline).await?;
        outcome(item, answer)
    }
}

#[async_trait]
impl proto::order_service_server::OrderService for OrderApi {
    type FetchExportStream =
        Pin<Box<dyn Stream<Item = Result<proto::FetchExportResponse, Status>> + Send>>;

    async fn cancel_hold(
        &self,
        request: Request<proto::CancelHoldRequest>,
    ) -> Result<Response<proto::CancelHoldResponse>, Status> {
        self.act(request, |asked| {
            let proto::CancelHoldRequest { request_id, item_id, order_id, operator, reason } =
                asked;
            let action = OrderAction::Cancel(OrderId::parse("order_id", &order_id)?);
            Ok(Asked { request_id, item_id, operator, reason, action })
        })
        .await
    }

    async fn extend_hold(
        &self,
        request: Request<proto::ExtendHoldRequest>,
    ) -> Result<Response<proto::ExtendHoldResponse>, Status> {
        self.act(request, |asked| {
            let proto::ExtendHoldRequest {
                request_id,
                item_id,
                order_id,
                pay_by_time,
                operator,
                reason,
            } = asked;
            let order_id = OrderId::parse("order_id", &order_id)?;
            let until = convert::moment("pay_by_time", pay_by_time)?
                .ok_or_else(|| Invalid::new("pay_by_time", "is missing"))?;
            let action = OrderAction::ExtendHold { order_id, until };
            Ok(Asked { request_id, item_id, operator, reason, action })
        })
        .await
    }

    async fn refund_order(
        &self,
        request: Request<proto::RefundOrderRequest>,
    ) -> Result<Response<proto::RefundOrderResponse>, Status> {
        self.act(request, |asked| {
            let proto::RefundOrderRequest {
                request_id,
                item_id,
                order_id,
                units,
                restock,
                operator,
                reason,
            } = asked;
            let order_id = OrderId::parse("order_id", &order_id)?;
            let action = OrderAction::refund(order_id, units, restock)?;
            Ok(Asked { request_id, item_id, operator, reason, action })
        })
        .await
    }

    async fn settle_refund(
        &self,
        request: Request<proto::SettleRefundRequest>,
    ) -> Result<Response<proto::SettleRefundResponse>, Status> {
        self.act(request, |asked| {
            let proto::SettleRefundRequest {
                request_id,
                item_id,
                due_id,
                reference,
                operator,
                reason,
            } = asked;
            let action = OrderAction::settle(DueId::parse("due_id", &due_id)?, reference)?;
            Ok(Asked { request_id, item_id, operator, reason, action })
        })
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
}
