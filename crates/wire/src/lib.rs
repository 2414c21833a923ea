//! The wire: messages, clients and servers made of `proto/`, and their descriptors.
//!
//! Everything below `generated/` is written by `crates/wire/generate` (`just wire`) and committed,
//! so that a build needs no protobuf compiler and compiles this code once, not with every edit of
//! the rest. Nothing here knows the rules of selling.

#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

/// SHA-256 of the proto files that the generated code was made of: a test compares it.
pub const PROTO_SHA256: &str = include_str!("generated/proto.sha256");

mod write_request;
mod write_response;

/// The contract of doorbuster.
pub mod doorbuster {
    pub mod v1 {
        pub use crate::{
            write_request::{WriteFields, WriteRequest},
            write_response::WriteResponse,
        };

        include!("generated/doorbuster.v1.rs");
        include!("generated/writes.rs");

        /// The descriptors of all files of the contract with their comments, as an encoded
        /// `google.protobuf.FileDescriptorSet`.
        pub const DESCRIPTORS: &[u8] = include_bytes!("generated/doorbuster.v1.bin");
    }
}

/// What nodes of one service say to each other.
pub mod peers {
    include!("generated/doorbuster.peers.v1.rs");
}

/// The protocol of EventStoreDB, servers only.
pub mod event_store {
    /// The packages below each other, because their messages name each other like that.
    pub mod client {
        include!("generated/event_store.client.rs");

        pub mod streams {
            include!("generated/event_store.client.streams.rs");
        }
        pub mod gossip {
            include!("generated/event_store.client.gossip.rs");
        }
        pub mod server_features {
            include!("generated/event_store.client.server_features.rs");
        }
    }
}
