//! The messages and servers of the protocol of EventStoreDB, from the crate `wire`. The
//! subscription of `kurrent` and the development server need them.

pub use ::wire::event_store::client;
