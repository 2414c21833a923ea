//! Alerts: conditions over figures, rules made of them, and their evaluation.
//!
//! ```text
//!  text ──> Condition ──> Rule ──> Judge (hysteresis, one for each rule and subject) ──> Book (one
//!                                  alert-stream a sale: what is raised, and that it is so once)
//! ```
//!
//! Pure: figures and the moment are passed in. A rule never decides about an order.

mod book;
mod defaults;
mod expression;
mod figure;
mod judge;
mod own;
mod rule;

pub use book::{AlertCommand, AlertOutcome, Book, BookShown, ClearAlert, RaiseAlert};
pub use defaults::{defaults, of_sale, of_service};
pub use expression::{Condition, MILLION};
pub use figure::{Figure, Readings, Scope};
pub use judge::{Change, Judge};
pub(in crate::domain) use own::check_all;
pub use rule::{Rule, RuleSource, check};
