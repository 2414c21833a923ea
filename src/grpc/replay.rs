//! `ReplayService`: questions to the log itself, in protobuf.

use tonic::{Request, Response, Status, async_trait};

use super::{proto, verification::Verification};

pub(super) struct ReplayApi {
    pub(super) verification: Verification,
}

#[async_trait]
impl proto::replay_service_server::ReplayService for ReplayApi {
    async fn verify_sale(
        &self,
        request: Request<proto::VerifySaleRequest>,
    ) -> Result<Response<proto::VerifySaleResponse>, Status> {
        Ok(Response::new(self.verification.verify_sale(request.into_inner()).await?))
    }
}
