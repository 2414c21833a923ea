//! `WebhookService`: the webhook of this node, as operators see and steer it.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap};

use crate::grpc::{
    authenticator::Authenticator, order_webhook::OrderWebhook, proto, status::CallError,
};

pub(in crate::grpc) struct WebhookApi {
    /// `None` where none is set.
    pub(in crate::grpc) webhook: Option<Arc<OrderWebhook>>,
    pub(in crate::grpc) authenticator: Authenticator,
}

impl WebhookApi {
    /// The webhook, for an operator.
    fn steered(&self, metadata: &MetadataMap) -> Result<&OrderWebhook, CallError> {
        self.authenticator.operator(metadata, String::new())?;
        self.webhook.as_deref().ok_or_else(|| CallError::not_found("order_webhook_url"))
    }
}

#[async_trait]
impl proto::webhook_service_server::WebhookService for WebhookApi {
    async fn list_webhooks(
        &self,
        _request: Request<proto::ListWebhooksRequest>,
    ) -> Result<Response<proto::ListWebhooksResponse>, Status> {
        let webhooks = self.webhook.iter().map(|webhook| webhook.shown()).collect();
        Ok(Response::new(proto::ListWebhooksResponse { webhooks }))
    }

    async fn list_failed_deliveries(
        &self,
        _request: Request<proto::ListFailedDeliveriesRequest>,
    ) -> Result<Response<proto::ListFailedDeliveriesResponse>, Status> {
        let deliveries = self.webhook.as_ref().map(|webhook| webhook.failed()).unwrap_or_default();
        Ok(Response::new(proto::ListFailedDeliveriesResponse { deliveries }))
    }

    async fn resend_deliveries(
        &self,
        request: Request<proto::ResendDeliveriesRequest>,
    ) -> Result<Response<proto::ResendDeliveriesResponse>, Status> {
        let webhook = self.steered(request.metadata())?;
        let sent = webhook.resend(&request.get_ref().event_ids).await;
        let deliveries = sent.map_err(|_place| CallError::not_found("event_ids"))?;
        Ok(Response::new(proto::ResendDeliveriesResponse { deliveries }))
    }

    async fn pause_webhook(
        &self,
        request: Request<proto::PauseWebhookRequest>,
    ) -> Result<Response<proto::PauseWebhookResponse>, Status> {
        let webhook = Some(self.steered(request.metadata())?.set_paused(true).await);
        Ok(Response::new(proto::PauseWebhookResponse { webhook }))
    }

    async fn resume_webhook(
        &self,
        request: Request<proto::ResumeWebhookRequest>,
    ) -> Result<Response<proto::ResumeWebhookResponse>, Status> {
        let webhook = Some(self.steered(request.metadata())?.set_paused(false).await);
        Ok(Response::new(proto::ResumeWebhookResponse { webhook }))
    }
}
