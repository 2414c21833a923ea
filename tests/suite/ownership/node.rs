//! A simulated node: its view, its lane, its actor, and what is on its calls.

use std::collections::{HashMap, HashSet, VecDeque};

use doorbuster::{
    ownership::{Lane, Member, Owners, TurnedAway},
    values::NodeId,
};
use uuid::Uuid;

use super::{happening::Waiting, world::Request};

pub const NODES: usize = 3;

pub struct Node {
    pub life: u32,
    pub owners: Owners,
    pub lane: Option<Lane<Request>>,
    /// Commands that wait for the lane to be free.
    pub inbox: VecDeque<Request>,
    /// The number of each call to another node; 0 while there is none.
    pub calls: [u64; NODES],
    /// What is on a call and not answered.
    pub on_call: HashSet<(usize, u64)>,
    /// What was turned away on the call of another node.
    pub turned_away: HashMap<(usize, u64), TurnedAway>,
    /// How much of the log the actor knows; it is rebuilt where there is none.
    pub known: usize,
    pub waiting: VecDeque<Waiting>,
    pub is_flying: bool,
    /// Commands of this node at its own actor.
    pub own: usize,
    /// The lane waits until the actor has done them.
    pub rests: bool,
    pub frozen_until: u64,
}

pub fn id(node: usize) -> NodeId {
    NodeId(Uuid::from_u128(node as u128 + 1))
}

pub fn index(node: NodeId) -> usize {
    usize::try_from(node.0.as_u128()).unwrap() - 1
}

pub fn item() -> Uuid {
    Uuid::from_u128(0x2247_887c_52f1_5f68_a2fb_cd4d_b1f2_39f8)
}

pub fn member(node: usize) -> Member {
    let (node_id, version) = (id(node), String::new());
    Member { node_id, address: format!("node-{node}:2113"), version, is_older: false }
}

impl Node {
    pub fn new(own: usize, life: u32, known: usize) -> Self {
        let mut owners = Owners::new(id(own), &member(own).address);
        owners.announced((0..NODES).map(member).collect());
        Self {
            life,
            owners,
            lane: None,
            inbox: VecDeque::new(),
            calls: [0; NODES],
            on_call: HashSet::new(),
            turned_away: HashMap::new(),
            known,
            waiting: VecDeque::new(),
            is_flying: false,
            own: 0,
            rests: false,
            frozen_until: 0,
        }
    }
}
