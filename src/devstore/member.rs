//! A node of the development server as gossip tells of it.

use std::net::SocketAddr;

/// A node as gossip tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub address: SocketAddr,
    pub role: Role,
    pub alive: bool,
}

/// What a node is in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Leader,
    Follower,
}
