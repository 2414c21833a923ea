//! Goal: the wording in force is used everywhere, filled with the facts; what a wording may name is
//! checked; and which was in force when can be told for ever.
//!
//! Method: the decider and the wordings by straight calls, then a real server.

mod decided;
mod over_grpc;
