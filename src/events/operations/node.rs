//! The roll of the nodes that share a store: which there are, and how the others reach them.

use serde::{Deserialize, Serialize};

use crate::{
    events::stored::stored_names,
    values::{NodeId, UnixMs},
};

/// Everything that can happen to the roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeEvent {
    /// A node says that it is there, for the first time or again.
    Announced(NodeAnnounced),
    /// A node stops.
    Left(NodeLeft),
}

stored_names! { NodeEvent:
    Announced => "NodeAnnounced",
    Left => "NodeLeft",
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAnnounced {
    /// Of one life of the node: it has another one after each start.
    pub node_id: NodeId,
    /// Host and port for other nodes, as they are configured.
    pub address: String,
    /// The version of doorbuster.
    pub version: String,
    /// The version of the protocol between nodes.
    pub wire: u32,
    pub started_at_ms: UnixMs,
    pub announced_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLeft {
    pub node_id: NodeId,
    pub left_at_ms: UnixMs,
}

impl NodeEvent {
    /// The node that it is about.
    pub fn node_id(&self) -> NodeId {
        match self {
            Self::Announced(e) => e.node_id,
            Self::Left(e) => e.node_id,
        }
    }

    /// When it happened.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Announced(e) => e.announced_at_ms,
            Self::Left(e) => e.left_at_ms,
        }
    }
}
