//! Coupons: what a batch answers, what its sale plans, and what a client meets.
//!
//! Goal: a batch never passes its budget or its number of coupons, and an order redeems at most once.
//! Method: scripted tables (`table`) for every rule and reason, streams that no decider wrote, and random
//! commands against a plain model.

/// The report against figures that were counted by hand, and the pages against the report.
mod by_hand;
/// Streams that no decider wrote.
mod contradictions;
/// Every rule and reason of a batch, as tables.
mod decided;
/// The batch against a plain model, over random commands.
mod model;
/// Coupons of a sale file and of a sale.
mod planned;
/// Totals with coupons in every report, in replays and in the verdict on the log.
mod reported;
/// A real server on loopback, called over gRPC.
mod served;
pub mod table;
/// Orders that use coupons, over gRPC.
mod used;
