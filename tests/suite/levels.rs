//! Goal: when something has to give, it is what watches, never what sells; every step is on record;
//! and what is left out says so. Method: the decider by given/when/then; a real server on loopback;
//! two nodes on one store.

/// The decider: what is an event, what is not, what is told.
mod decider;
/// Each level over gRPC and HTTP: what is left out, what goes on.
mod enforced;
/// A second node, a restart, a node whose read models are behind.
mod followed;

use doorbuster::grpc::proto::{self, degradation_service_client::DegradationServiceClient};
use tonic::Status;

use crate::support::{Channel, Node, request_id};

fn service(node: &Node) -> DegradationServiceClient<Channel> {
    DegradationServiceClient::new(node.channel())
}

fn set_to(level: proto::ServiceLevel) -> proto::SetLevelRequest {
    proto::SetLevelRequest {
        request_id: request_id(),
        level: level.into(),
        expected: proto::ServiceLevel::Unspecified.into(),
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
        alert_id: String::new(),
    }
}

pub async fn set(node: &Node, level: proto::ServiceLevel) -> proto::SetLevelResponse {
    try_set(node, set_to(level)).await.unwrap()
}

async fn try_set(
    node: &Node,
    request: proto::SetLevelRequest,
) -> Result<proto::SetLevelResponse, Status> {
    Ok(service(node).set_level(request).await?.into_inner())
}

async fn level_of(node: &Node) -> proto::GetLevelResponse {
    service(node).get_level(proto::GetLevelRequest {}).await.unwrap().into_inner()
}
