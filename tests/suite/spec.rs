//! The deciders, by example: every rule and every refusal, without a store, a clock or a thread.
//!
//! Goal: a change of a rule shows at once which promise it violates. Method: scripted tables
//! (`table`) for what an item answers, sentences for what needs a closer look. Both run on `live`,
//! which rebuilds the item before every command and keeps a ledger of its own beside it.

pub mod live;
pub mod table;

/// Streams that no decider wrote.
mod audience;
/// Coupons and limits that others decide.
mod awaits;
mod contradictions;
/// When holds end, and in which sequence.
mod deadlines;
/// Counting attempts by the second.
mod demand;
/// Cancelling and expiring: how a hold ends unpaid, and what time alone does.
mod endings;
/// The same request twice; a request id used for something else.
mod idempotency;
/// Limits per order and per buyer.
mod levers;
mod limits;
/// Bytes per live order.
mod memory;
/// What becomes of an order after it was placed.
mod order_life;
/// All that can happen to one order.
mod order_sequences;
/// Payments: right, wrong, late and twice.
mod payments;
/// What orders cost, with a ladder, offers and gifts.
mod prices;
/// What shops call their orders.
mod references;
/// Sales as a whole.
mod regions;
mod reserve_plan;
mod sale;
/// What operators do.
mod steering;
/// Stock over several warehouses.
mod stock;
/// Opening and closing by the window, pausing.
mod window;
