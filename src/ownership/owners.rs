//! The owner of each aggregate, by rendezvous hashing over the nodes that answer.
//!
//! Each node computes for each aggregate a score of every node, and the highest one owns it (highest
//! random weight: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998). A
//! node that comes or goes moves only what it owns itself. The score is made of the node's address and
//! not of its id, which is new with each start: a node that is started again gets back what it had.

use uuid::Uuid;

use super::Route;
use crate::values::{Fingerprint, NodeId};

/// Another node, as the log announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub node_id: NodeId,
    pub address: String,
    /// Of doorbuster, for people.
    pub version: String,
    /// It speaks an older version of the protocol between nodes than this one, so nothing is sent to it.
    pub is_older: bool,
}

/// What this node knows of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    Answers,
    /// It does not.
    Suspected,
    /// It said that it is being stopped.
    Leaves,
    /// It is too old to be sent anything.
    Older,
}

impl Standing {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Answers, Self::Suspected, Self::Leaves, Self::Older];

    /// Its name, wherever people and programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Suspected => "suspected",
            Self::Leaves => "leaves",
            Self::Older => "older",
        }
    }
}

/// All nodes, as one of them sees them.
#[derive(Debug, Clone)]
pub struct Owners {
    own: NodeId,
    own_seed: u64,
    leaves: bool,
    others: Vec<Other>,
    version: u64,
}

#[derive(Debug, Clone)]
struct Other {
    member: Member,
    seed: u64,
    standing: Standing,
}

impl Owners {
    /// A node that knows of no other.
    pub fn new(own: NodeId, address: &str) -> Self {
        Self { own, own_seed: seed(address), leaves: false, others: Vec::new(), version: 0 }
    }

    /// The id of this node.
    pub fn own(&self) -> NodeId {
        self.own
    }

    /// Grows with each change of what is owned by whom.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// These are the other nodes now. What is known of those that stay is kept; a new one is
    /// suspected until it answers.
    pub fn announced(&mut self, members: Vec<Member>) {
        let before = self.eligible();
        let mut others = Vec::with_capacity(members.len());
        for member in members {
            // Its own entry, and one that was put under its own id.
            if member.node_id == self.own {
                continue;
            }
            let known = self.others.iter().find(|other| other.member == member);
            let fresh = if member.is_older { Standing::Older } else { Standing::Suspected };
            let standing = known.map_or(fresh, |known| known.standing);
            others.push(Other { seed: seed(&member.address), member, standing });
        }
        self.others = others;
        self.look_for_change(&before);
    }

    /// A node was heard of in the way that counts: it proved who it is, or stopped answering, or said
    /// that it leaves.
    pub fn heard(&mut self, node: NodeId, standing: Standing) {
        let before = self.eligible();
        if let Some(other) = self.others.iter_mut().find(|other| other.member.node_id == node)
            && other.standing != Standing::Older
        {
            other.standing = standing;
        }
        self.look_for_change(&before);
    }

    /// This node is being stopped: it owns nothing, unless there is no other.
    pub fn leave(&mut self) {
        let before = self.eligible();
        self.leaves = true;
        self.look_for_change(&before);
    }

    /// Whether this node is being stopped.
    pub fn leaves(&self) -> bool {
        self.leaves
    }

    /// Where the commands to an aggregate go.
    pub fn route(&self, id: Uuid) -> Route {
        match self.best_other(id) {
            Some((_, node)) if self.leaves => Route::Node(node),
            Some(best) if best > self.own_score(id) => Route::Node(best.1),
            Some(_) | None => Route::Here,
        }
    }

    /// Who owns an aggregate once this node is gone; `None` if there is no other.
    pub fn heir(&self, id: Uuid) -> Option<NodeId> {
        self.best_other(id).map(|(_, node)| node)
    }

    /// Whether an aggregate is owned here only until that node answers.
    pub fn waits_for(&self, node: NodeId, id: Uuid) -> bool {
        let waits = self.others.iter().find(|other| other.member.node_id == node);
        self.route(id) == Route::Here
            && waits.is_some_and(|other| (score(other.seed, id), node) > self.own_score(id))
    }

    fn own_score(&self, id: Uuid) -> (u64, NodeId) {
        (score(self.own_seed, id), self.own)
    }

    fn best_other(&self, id: Uuid) -> Option<(u64, NodeId)> {
        let others = self.others.iter().filter(|other| other.standing == Standing::Answers);
        others.map(|other| (score(other.seed, id), other.member.node_id)).max()
    }

    /// The other nodes and what is known of each.
    pub fn others(&self) -> impl Iterator<Item = (&Member, Standing)> {
        self.others.iter().map(|other| (&other.member, other.standing))
    }

    /// The nodes that may own something, in a form that can be compared.
    fn eligible(&self) -> (bool, Vec<NodeId>) {
        let answer = self.others.iter().filter(|other| other.standing == Standing::Answers);
        let mut nodes: Vec<NodeId> = answer.map(|other| other.member.node_id).collect();
        nodes.sort_unstable();
        (self.leaves, nodes)
    }

    fn look_for_change(&mut self, before: &(bool, Vec<NodeId>)) {
        if self.eligible() != *before {
            self.version += 1;
        }
    }
}

fn seed(address: &str) -> u64 {
    Fingerprint::of([address.as_bytes()]).0
}

/// How much a node with that seed is meant for an aggregate.
fn score(seed: u64, id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    mix(mix(seed ^ high) ^ low)
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014): each bit of the result depends on each bit of `bits`.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
