//! What the proto compiler made of `proto/event_store/`: messages and servers.

#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

/// The packages below each other, because their messages name each other like that.
mod packages {
    pub mod event_store {
        pub mod client {
            tonic::include_proto!("event_store.client");

            pub mod streams {
                tonic::include_proto!("event_store.client.streams");
            }
            pub mod gossip {
                tonic::include_proto!("event_store.client.gossip");
            }
            pub mod server_features {
                tonic::include_proto!("event_store.client.server_features");
            }
        }
    }
}

pub use packages::event_store::client::{gossip, server_features, streams, *};
