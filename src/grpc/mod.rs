//! The gRPC server: one file per service, `convert` between protobuf and domain, and `status`, the
//! one table from fault to status code. Only this layer and the clients use protobuf.

mod as_of;
mod at_rest;
mod audience;
mod authenticator;
mod bodies;
mod connect;
mod convert;
mod counted_service;
mod foreign;
mod health;
mod listener;
mod methods;
mod notices;
mod one_connection;
mod operations;
pub mod order_webhook;
pub mod peers;
mod read_side;
pub mod replay;
mod report;
mod routing;
pub mod rpcs;
mod selling;
mod server;
mod service_level_gate;
mod share;
mod status;
mod timeout;
mod verification;

pub mod proto;

use audience::traffic;
use operations::{alert, alerts, incident, node, script, service_level, webhook};
use selling::{coupon, item, order, purchase, sale};

pub use at_rest::connect;
pub use listener::{Bound, bind};
pub use read_side::{AT_HEAD, Keeping, ReadSide};
pub use routing::{ITEM_ID, routed};
pub use rpcs::AboutItem;
pub use server::{Limits, Parts, Services, serve};
pub use share::ConnectionLimits;
