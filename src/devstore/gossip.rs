//! What a node says about the nodes of its cluster and about what it can do.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    convert,
    faults::{Fault, Rpc},
    line::Line,
    member::{Member, Role},
    node::Node,
    proto::{
        Nothing,
        gossip::{
            ClusterInfo, EndPoint, MemberInfo, gossip_server::Gossip, member_info::VNodeState,
        },
        server_features::{
            SupportedMethod, SupportedMethods, server_features_server::ServerFeatures,
        },
    },
    status,
};

/// The version this server says it is: one with everything that it does.
const SERVER_VERSION: &str = "24.10.5";

/// What is served, as clients ask for it.
const METHODS: [(&str, &str, &[&str]); 7] = [
    ("event_store.client.streams.streams", "read", &["position", "events"]),
    ("event_store.client.streams.streams", "append", &[]),
    ("event_store.client.streams.streams", "delete", &[]),
    ("event_store.client.streams.streams", "tombstone", &[]),
    ("event_store.client.streams.streams", "batchappend", &["deadline_duration"]),
    ("event_store.client.gossip.gossip", "read", &[]),
    ("event_store.client.server_features.serverfeatures", "getsupportedmethods", &[]),
];

/// Answers with the members and their features.
pub(super) struct ClusterApi {
    pub(super) node: Arc<Node>,
}

#[tonic::async_trait]
impl Gossip for ClusterApi {
    async fn read(&self, request: Request<Nothing>) -> Result<Response<ClusterInfo>, Status> {
        let members = match self.node.faults.call(Rpc::Gossip) {
            Some(Fault::Gossip(members)) => members,
            fault => {
                self.node.refuse_read(fault, &Line::of(&request))?;
                self.node.cluster.members()
            }
        };
        let time_stamp = convert::ticks(self.node.clock.now().0);
        let members = members.iter().map(|member| member_info(member, time_stamp)).collect();
        Ok(Response::new(ClusterInfo { members }))
    }
}

#[tonic::async_trait]
impl ServerFeatures for ClusterApi {
    async fn get_supported_methods(
        &self,
        request: Request<Nothing>,
    ) -> Result<Response<SupportedMethods>, Status> {
        let fault = self.node.faults.call(Rpc::ServerFeatures);
        self.node.refuse_read(fault, &Line::of(&request))?;
        let methods = METHODS.map(|(service, method, features)| SupportedMethod {
            method_name: method.to_owned(),
            service_name: service.to_owned(),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
        });
        Ok(Response::new(SupportedMethods {
            methods: methods.into(),
            event_store_server_version: SERVER_VERSION.to_owned(),
        }))
    }
}

impl Node {
    /// What comes of a fault where nothing is written.
    pub(super) fn refuse_read(&self, fault: Option<Fault>, line: &Line) -> Result<(), Status> {
        match fault {
            None | Some(Fault::Gossip(_) | Fault::End { .. } | Fault::Twice { .. }) => Ok(()),
            Some(Fault::NotReady) => Err(status::not_ready()),
            Some(Fault::TooBusy) => Err(status::too_busy()),
            Some(Fault::NotLeader(leader)) => Err(status::not_leader(leader)),
            Some(Fault::AnswerThenCut) => {
                line.cut_after_answer();
                Ok(())
            }
            Some(
                Fault::HandInThenCut
                | Fault::ShowThenTakeBack
                | Fault::WrongVersion
                | Fault::CommitThenCut
                | Fault::CommitThenTimeOut
                | Fault::CommitThenNotHandled
                | Fault::CommitThenSilence
                | Fault::TimeOutThenCommit(_)
                | Fault::Queue(_)
                | Fault::Cut,
            ) => {
                line.cut();
                Err(status::cut())
            }
        }
    }
}

fn member_info(member: &Member, time_stamp: i64) -> MemberInfo {
    let Member { address, role, alive } = *member;
    let state = match role {
        Role::Leader => VNodeState::Leader,
        Role::Follower => VNodeState::Follower,
    };
    // The same node has the same id in every gossip.
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, address.to_string().as_bytes());
    MemberInfo {
        instance_id: Some(convert::uuid(id, convert::UuidForm::Structured)),
        time_stamp,
        state: state.into(),
        is_alive: alive,
        http_end_point: Some(EndPoint {
            address: address.ip().to_string(),
            port: address.port().into(),
        }),
    }
}
