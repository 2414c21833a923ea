//! The gRPC face: one file a service, and everybody who talks protobuf.

pub mod proto;
