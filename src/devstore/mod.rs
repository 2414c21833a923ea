//! A server in front of an embedded log that speaks the protocol of EventStoreDB.
//!
//! Any client of EventStoreDB can read and write the log through it, so that a laptop can rehearse a
//! cluster and tests can run the official clients. It keeps the rules of the real server that a
//! client can see; it is not one: there is no replication, no login, no TLS, no projection and no
//! persistent subscription, and links are not resolved. It listens on loopback only, and it must
//! never know anything of selling.

mod acts;
mod batch;
mod cluster;
mod commits;
mod convert;
mod faults;
mod filter;
mod gossip;
mod line;
mod member;
mod node;
mod read;
mod request;
mod server;
mod status;
mod streams;
mod subscription;
mod visible;

use crate::store::wire::client as proto;

pub use acts::Act;
pub use cluster::{Member, Role};
pub use faults::{Ending, Fault, Faults, Rpc};
pub use server::{Config, Devstore, StartError};
