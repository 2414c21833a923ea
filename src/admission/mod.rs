//! Who may do what, and how much of the service runs, before anything reaches a mailbox.
//!
//! Asked on the way of every order, so an answer is a look at what is there already: no queue, no
//! reading. Nothing here decides what the level is (`domain::level` does) or reads the log (`actors`
//! does).

mod operators;
mod service;

pub use operators::{BadOperators, Operators, TokenRefused, read_token};
pub use service::{Part, Service};
