//! The gRPC face: one file a service, `convert` between protobuf and domain, and `status`, the one
//! table from fault to status code. Only here, and in the clients, does protobuf exist.

mod alert;
mod alerts;
mod as_of;
mod at_rest;
mod bodies;
mod convert;
mod counted;
mod degradation;
mod foreign;
mod health;
mod incident;
mod item;
mod level;
mod listener;
mod methods;
mod notices;
mod operator;
mod purchase;
mod read_side;
pub mod replay;
mod report;
mod routing;
mod sale;
mod script;
mod server;
mod share;
mod status;
mod timeout;
mod traffic;
mod verification;

pub mod proto;

pub use at_rest::connect;
pub use listener::listen;
pub use read_side::{AT_HEAD, Keeping, ReadSide};
pub use routing::{AboutItem, ITEM_ID, routed};
pub use server::{Limits, Parts, serve};
pub use share::ConnectionLimits;
