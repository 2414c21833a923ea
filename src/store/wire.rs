//! Messages of the EventStoreDB protocol, generated from `proto/event_store`.
//!
//! Two places need them: the subscription of `kurrent`, and the development server.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::all,
    clippy::pedantic,
    reason = "generated"
)]

/// Package `event_store.client`.
pub mod client {
    tonic::include_proto!("event_store.client");

    /// Package `event_store.client.streams`.
    pub mod streams {
        tonic::include_proto!("event_store.client.streams");
    }
}
