//! The limit over a whole sale: a buyer never has more units in held and paid orders of all its items.
//!
//! Goal: the limit holds at every prefix of the log, an order takes its units once, and what comes back
//! to an item is given back to the limit. Method: two real items and the real limit in one world
//! (`world`), whose commands come in any order, late and twice; a plain model; the verifier on all logs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at what it did not expect"
)]

/// What each command answers, and streams that no decider wrote.
mod decided;
/// Random commands against a plain model.
mod model;
/// The limit and the rewards of a sale file.
mod planned;
/// A real server on loopback, called over gRPC by many at once; two of them on one store.
mod served;
/// What the verifier finds in logs that are spoilt.
mod verified;
/// What-ifs over an item of such a sale.
mod what_if;
pub mod world;
