//! This node's entry in the roll of nodes, kept up to date, and the entries of the others.
//!
//! The stream is read once a second, as that of the level is: a node knows the others before its read
//! models do.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

use super::{Directory, Fault};
use crate::{
    domain::node_roll::{AnnounceNode, NodeCommand, NodeOutcome, NodeRefusal, NodeRoll},
    events::SERVICE,
    ownership::Member,
};

/// How often the roll is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The first pause where the store does not answer yet: until the first look the node knows of no other.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// How many looks pass before a refusal is told again.
const SAY_AGAIN_AFTER: u32 = 60;

/// Announces a node and tells of the others.
#[derive(Clone)]
pub struct RollDesk {
    directory: Arc<Directory<NodeRoll>>,
    own: AnnounceNode,
}

impl RollDesk {
    /// Of the node that announces itself like this.
    pub fn new(directory: Arc<Directory<NodeRoll>>, own: AnnounceNode) -> Self {
        Self { directory, own }
    }

    /// Announces the node for as long as this runs, and tells of the others with each look; `again` is an
    /// earlier look.
    pub async fn run(self, again: Arc<Notify>, tell: impl Fn(Vec<Member>) + Send) {
        let (mut refused, mut pause) = (0_u32, FIRST_PAUSE);
        loop {
            match self.look().await {
                Ok(Ok(members)) => {
                    (refused, pause) = (0, LOOK_EVERY);
                    tell(members);
                }
                Ok(Err(why)) => {
                    if refused.is_multiple_of(SAY_AGAIN_AFTER) {
                        tracing::error!(
                            why,
                            "this node is not among the others and sends them nothing"
                        );
                    }
                    refused = refused.saturating_add(1);
                    tell(Vec::new());
                }
                // What is known of the others stays.
                Err(fault) => tracing::debug!(%fault, "the roll of nodes cannot be read now"),
            }
            let _ = timeout(pause, again.notified()).await;
            pause = (pause * 2).min(LOOK_EVERY);
        }
    }

    async fn look(&self) -> Result<Result<Vec<Member>, String>, Fault> {
        let announce = NodeCommand::Announce(self.own.clone());
        match self.directory.ask(SERVICE, announce, None).await?.outcome {
            NodeOutcome::Nodes(nodes) => {
                let wire = self.own.wire;
                let members = nodes.into_iter().map(|node| Member {
                    node_id: node.node_id,
                    address: node.address,
                    version: node.version,
                    is_older: node.wire < wire,
                });
                Ok(Ok(members.collect()))
            }
            NodeOutcome::Refused(NodeRefusal::AddressTaken { by }) => {
                let address = &self.own.address;
                Ok(Err(format!("node {by}, which started later, is announced under {address}")))
            }
            NodeOutcome::Refused(NodeRefusal::IdTaken) => {
                Ok(Err("another node is announced under its id".to_owned()))
            }
        }
    }

    /// Notes that the node leaves.
    ///
    /// # Errors
    /// When the log does not take it.
    pub async fn leave(&self) -> Result<(), Fault> {
        let leave = NodeCommand::Leave { node_id: self.own.node_id };
        self.directory.ask(SERVICE, leave, None).await.map(drop)
    }
}
