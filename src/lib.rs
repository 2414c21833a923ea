//! doorbuster: a flash-sale order system. Read the modules in this order.

pub mod actors;
pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crowd;
pub mod domain;
pub mod events;
pub mod grpc;
pub mod projections;
pub mod reports;
pub mod store;
pub mod values;
