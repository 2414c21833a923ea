//! Goal: alerts say what is out of order, once, and stop saying so. Method: conditions and rules by
//! tables with a clock that is told the time, books by given/when/then; then a real server, its
//! follower over gRPC and a real receiver of webhooks on loopback.

/// Given what is in the book, when something is asked, then this happens.
mod book;
/// Texts that are conditions, and texts that are not.
mod conditions;
/// Every rule that comes with doorbuster fires and clears.
mod defaults;
/// What rules say of figures that go up and down.
mod hysteresis;
/// What a sale says about its curve and its rules.
mod plans;
