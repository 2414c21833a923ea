//! What the proto compiler made of `proto/`: messages, clients, servers.

#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

tonic::include_proto!("doorbuster.v1");

/// The compiled descriptors, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/doorbuster.v1.bin"));
