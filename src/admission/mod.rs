//! What is let in: how much of the service runs.
//!
//! Asked on the way of every order, so an answer is a look at one number. Nothing here decides what
//! the level is (`domain::level` does) or reads the log (`actors` does).

mod service;

pub use service::{Part, Service};
