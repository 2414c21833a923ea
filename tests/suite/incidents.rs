//! Goal: an incident takes its steps in order, each once, and what it cost is what anybody can
//! work out from the plan and the orders.
//!
//! Method: the decider by straight calls, the arithmetic by hand figures, then a real server with a
//! clock that stands still.

mod decided;
mod lost;
mod over_grpc;
mod priced;
mod returned;
