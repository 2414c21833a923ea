//! What the proto compiler made of `proto/event_store/`: messages and servers of the protocol of
//! EventStoreDB. The subscription of `kurrent` and the development server need them.

#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

/// The packages below each other, because their messages name each other like that.
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
