//! `NodeService`: the nodes of the service, as this one sees them.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use crate::{
    actors::{Directory, PulseDesk},
    domain::item::Item,
    grpc::{
        convert::timestamp,
        peers::PeerNetwork,
        proto::{self, NodeStanding},
    },
    ownership::{SeenNode, Standing},
};

pub(in crate::grpc) struct NodeApi {
    /// None where this node is not among others.
    pub(in crate::grpc) network: Option<Arc<PeerNetwork>>,
    pub(in crate::grpc) items: Arc<Directory<Item>>,
    pub(in crate::grpc) pulses: Arc<PulseDesk>,
}

#[async_trait]
impl proto::node_service_server::NodeService for NodeApi {
    async fn list_nodes(
        &self,
        _request: Request<proto::ListNodesRequest>,
    ) -> Result<Response<proto::ListNodesResponse>, Status> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let items_awake = self.items.census().awake as u64;
        let mut own = proto::OwnNode { version, items_awake, ..Default::default() };
        let mut others = Vec::new();
        if let Some(network) = &self.network {
            let nodes = self.pulses.nodes(network.as_ref());
            own = proto::OwnNode {
                node_id: nodes.own.node_id.to_string(),
                address: nodes.own.address.clone(),
                received: nodes.others.iter().map(|other| other.received).sum(),
                leaves: nodes.own.leaves,
                start_time: Some(timestamp(nodes.own.started_at)),
                forwarded: nodes.forwarded(),
                items_owned: nodes.own.items,
                ..own
            };
            others = nodes.others.into_iter().map(other).collect();
        }
        Ok(Response::new(proto::ListNodesResponse { own: Some(own), others }))
    }
}

fn other(seen: SeenNode) -> proto::OtherNode {
    let standing = match seen.standing {
        Standing::Answers => NodeStanding::Answers,
        Standing::Suspected => NodeStanding::Suspected,
        Standing::Leaves => NodeStanding::Leaves,
        Standing::Older => NodeStanding::Older,
    };
    proto::OtherNode {
        node_id: seen.member.node_id.to_string(),
        address: seen.member.address,
        version: seen.member.version,
        standing: standing.into(),
        forwarded: seen.forwarded,
        suspected: seen.suspected,
        since_time: Some(timestamp(seen.since)),
        received: seen.received,
        items_owned: seen.items,
        reason: seen.why.unwrap_or_default(),
    }
}
