//! The messages, clients, servers and descriptors of the contract, from the crate `wire`.

pub use wire::doorbuster::v1::*;
