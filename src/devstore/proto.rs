//! The messages and servers of the protocol.

pub use crate::store::wire::client::{gossip, server_features, streams, *};
