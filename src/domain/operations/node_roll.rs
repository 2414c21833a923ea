//! The roll of the nodes that share a store, one for all of them: a node announces itself when it
//! starts and every hour and a half, and leaves when it stops.
//!
//! The roll is a hint and never a permission: what it says of a node may be old, and a stream may
//! have been written by hand. No event of it is impossible; one that says nothing usable is not
//! shown. Time is that of the stream: it does not go back when a clock does.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{
    domain::{
        AnswerFrom, Caused, Decided, Decider, Decision, Impossible, Moment, Verdict,
        limits::NAME_CHARS_MAX,
    },
    events::{Category, NodeAnnounced, NodeEvent, NodeLeft, Position},
    values::{NodeId, UnixMs, kinds, known_text, peer_address},
};

/// How long an announcement counts, in milliseconds: three hours. Nodes renew theirs when
/// half of that has passed.
pub const ANNOUNCED_LASTS_MS: i64 = 3 * 60 * 60 * 1000;

/// From this age an announcement is renewed; before it, the same one again is no event.
const RENEWED_FROM_MS: i64 = ANNOUNCED_LASTS_MS / 2;

/// Everything that can be asked of the roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeCommand {
    Announce(AnnounceNode),
    /// The node stops. Nothing happens where it is not on the roll.
    Leave {
        node_id: NodeId,
    },
    Show,
}

kinds! { NodeCommand {
    Self::Announce(_) => "announce_node",
    Self::Leave { .. } => "leave_node",
    Self::Show => "show_nodes",
} }

/// Says that a node is there. Its address and version are checked where they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnounceNode {
    pub node_id: NodeId,
    /// Host and port by which other nodes reach it.
    pub address: String,
    pub version: String,
    /// The version of the protocol between nodes.
    pub wire: u32,
    pub started_at: UnixMs,
}

/// Why a node is not put on the roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRefusal {
    /// A node that started later has this address: two nodes are configured with one address, or
    /// this is the earlier life of a node.
    AddressTaken { by: NodeId },
    /// A node of this id has another address or started at another time.
    IdTaken,
}

kinds! { NodeRefusal {
    Self::AddressTaken { .. } => "ADDRESS_TAKEN",
    Self::IdTaken => "ID_TAKEN",
} }

/// What the roll answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeOutcome {
    /// All nodes on the roll, by address.
    Nodes(Vec<NodeView>),
    Refused(NodeRefusal),
}

/// A node as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    pub node_id: NodeId,
    pub address: String,
    pub version: String,
    pub wire: u32,
    pub started_at: UnixMs,
    pub announced_at: UnixMs,
}

/// The nodes that share a store.
#[derive(Debug, Clone)]
pub struct NodeRoll {
    /// By id; no two of one address.
    nodes: BTreeMap<NodeId, NodeAnnounced>,
    /// The latest stamp in the stream.
    last_at: UnixMs,
    next_revision: u64,
}

impl Decider for NodeRoll {
    type Command = NodeCommand;
    type Event = NodeEvent;
    type Outcome = NodeOutcome;
    type Refusal = NodeRefusal;
    type Shown = ();

    const CATEGORY: Category = Category::Node;

    fn initial(_: Uuid) -> Self {
        Self { nodes: BTreeMap::new(), last_at: UnixMs::default(), next_revision: 0 }
    }

    fn copy(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn decide(&self, command: NodeCommand, now: UnixMs) -> Decided<Self> {
        let at = Moment::after(self.last_at, now);
        match command {
            NodeCommand::Announce(announce) => self.announce(announce, at),
            NodeCommand::Leave { node_id } => self.leave(node_id, at),
            NodeCommand::Show => self.decided(None),
        }
        .judged(at)
    }

    fn verdict(outcome: &NodeOutcome) -> Verdict<'_, NodeRefusal> {
        match outcome {
            NodeOutcome::Nodes(_) => Verdict::Done,
            NodeOutcome::Refused(refusal) => Verdict::Refused(refusal),
        }
    }

    fn show(&self, (): (), now: UnixMs) -> NodeOutcome {
        let shown = self.shown(Moment::after(self.last_at, now));
        let mut nodes: Vec<_> = shown.map(NodeView::of).collect();
        nodes.sort_by(|one, other| one.address.cmp(&other.address));
        NodeOutcome::Nodes(nodes)
    }

    fn try_evolve(&mut self, event: &NodeEvent, revision: u64) -> Result<(), Impossible> {
        self.last_at = self.last_at.max(event.at().min(UnixMs::LATEST));
        self.nodes.remove(&event.node_id());
        match event {
            NodeEvent::Announced(announced) if is_usable(announced) => {
                let last_at = self.last_at;
                // What is too old to be shown need not be kept.
                self.nodes
                    .retain(|_, node| node.address != announced.address && lasts(node, last_at));
                self.nodes.insert(announced.node_id, announced.clone());
            }
            NodeEvent::Announced(_) | NodeEvent::Left(_) => {}
        }
        self.next_revision = revision + 1;
        Ok(())
    }

    fn landed(&mut self, _: u64, _: Position) {
        // A repeated announcement is answered by the roll as it stands.
    }
}

impl NodeRoll {
    fn announce(&self, announce: AnnounceNode, at: Moment) -> Decided<Self> {
        let AnnounceNode { node_id, address, version, wire, started_at } = announce;
        if let Some(known) = self.shown(at).find(|node| node.node_id == node_id) {
            if (&known.address, known.started_at_ms) != (&address, started_at) {
                return self.refused(NodeRefusal::IdTaken);
            }
            let is_new = at.stamp.since(known.announced_at_ms) < RENEWED_FROM_MS;
            if is_new && (&known.version, known.wire) == (&version, wire) {
                return self.decided(None);
            }
        }
        // Equal moments are told apart by ids, so that two nodes do not take turns.
        let life = (started_at, node_id);
        let later = self.shown(at).find(|node| {
            node.address == address
                && (node.started_at_ms, node.node_id) > life
                && has_started(node, at.now)
        });
        if let Some(later) = later {
            return self.refused(NodeRefusal::AddressTaken { by: later.node_id });
        }
        let (started_at_ms, announced_at_ms) = (started_at, at.stamp);
        self.decided(Some(NodeEvent::Announced(NodeAnnounced {
            node_id,
            address,
            version,
            wire,
            started_at_ms,
            announced_at_ms,
        })))
    }

    fn leave(&self, node_id: NodeId, at: Moment) -> Decided<Self> {
        let left = NodeEvent::Left(NodeLeft { node_id, left_at_ms: at.stamp });
        self.decided(self.nodes.contains_key(&node_id).then_some(left))
    }

    fn shown(&self, at: Moment) -> impl Iterator<Item = &NodeAnnounced> {
        self.nodes.values().filter(move |node| lasts(node, at.stamp))
    }

    fn refused(&self, refusal: NodeRefusal) -> Decided<Self> {
        let outcome = AnswerFrom::Decision(NodeOutcome::Refused(refusal));
        Decision { outcome, ..self.decided(None) }
    }

    /// The answer shows the roll with that event.
    fn decided(&self, event: Option<NodeEvent>) -> Decided<Self> {
        let events = Vec::from_iter(event.map(|event| {
            let node_id = event.node_id();
            Caused {
                id: node_id.event_id(self.next_revision),
                event,
                correlation: node_id.0,
                causation: node_id.0,
                judged_at: None,
            }
        }));
        let revision = (self.next_revision + events.len() as u64).saturating_sub(1);
        let outcome = AnswerFrom::State(());
        Decision { events, outcome, revision, position: None, attempt: None }
    }
}

impl NodeView {
    fn of(node: &NodeAnnounced) -> Self {
        let NodeAnnounced { node_id, address, version, wire, started_at_ms, announced_at_ms } =
            node.clone();
        let (started_at, announced_at) = (started_at_ms, announced_at_ms);
        Self { node_id, address, version, wire, started_at, announced_at }
    }
}

/// Whether the announcement still counts.
fn lasts(node: &NodeAnnounced, at: UnixMs) -> bool {
    at.since(node.announced_at_ms) < ANNOUNCED_LASTS_MS
}

/// Whether the node can have started by then. One whose clock is further ahead keeps no other node
/// from its address.
fn has_started(node: &NodeAnnounced, now: UnixMs) -> bool {
    node.started_at_ms <= now.plus(ANNOUNCED_LASTS_MS)
}

/// Whether other nodes can call it: a stream written by hand may say anything.
fn is_usable(announced: &NodeAnnounced) -> bool {
    peer_address("address", &announced.address).is_ok()
        && known_text("version", &announced.version, NAME_CHARS_MAX).is_ok()
}
