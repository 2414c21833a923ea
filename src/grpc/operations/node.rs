//! `NodeService`: the nodes of the service, as this one sees them.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use crate::{
    actors::{Directory, OtherNodes as _},
    domain::item::Item,
    grpc::{
        peers::{PeerNetwork, SeenNode},
        proto::{self, NodeStanding},
    },
    ownership::Standing,
};

pub(in crate::grpc) struct NodeApi {
    /// None where this node is not among others.
    pub(in crate::grpc) network: Option<Arc<PeerNetwork>>,
    pub(in crate::grpc) items: Arc<Directory<Item>>,
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
            own.node_id = network.node_id().to_string();
            own.address = network.address().to_owned();
            own.received = network.received();
            own.leaves = network.is_leaving();
            others = network.seen().into_iter().map(other).collect();
            others.sort_by(|one: &proto::OtherNode, other| one.address.cmp(&other.address));
        }
        Ok(Response::new(proto::ListNodesResponse { own: Some(own), others }))
    }
}

fn other(seen: SeenNode) -> proto::OtherNode {
    let SeenNode { member, standing, forwarded, suspected } = seen;
    let standing = match standing {
        Standing::Answers => NodeStanding::Answers,
        Standing::Suspected => NodeStanding::Suspected,
        Standing::Leaves => NodeStanding::Leaves,
        Standing::Older => NodeStanding::Older,
    };
    proto::OtherNode {
        node_id: member.node_id.to_string(),
        address: member.address,
        version: member.version,
        standing: standing.into(),
        forwarded,
        suspected,
    }
}
