//! Which node owns what: the view of one node, and the order in which its commands to another arrive.
//!
//! Ownership is a hint that keeps nodes out of each other's way. It is never what makes an append safe:
//! that is the exact revision which every append expects. Two nodes that both believe to own an item
//! cost each other conflicts and nothing else, so a view may be wrong for a while, and nodes need not
//! agree on one.
//!
//! State machines without a clock, I/O or randomness; `actors` and `grpc` run them.

mod lane;
mod owners;
mod seen;
mod turned_away;

pub use self::{
    lane::{Became, Dispatch, Lane, TRIES_MAX},
    owners::{Member, Owners, Standing},
    seen::{OwnNode, SeenNode, SeenNodes, Views},
    turned_away::TurnedAway,
};

use crate::values::NodeId;

/// Where the commands to an aggregate go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// They are decided on this node.
    Here,
    Node(NodeId),
}
