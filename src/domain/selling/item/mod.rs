//! One item: its stock, its orders, its rules.
//!
//! Read in this order: `command` (what can be asked), `refusal` (the business "no"s), `state` (what
//! is remembered and how events change it), `decide` (the rules), `steer` (those of operators) and its
//! `bounds`, `pricing` (what orders cost), `answer` (how a decision answers), `view` (what answers show), `decider` (all of it as one
//! decider). `orders` and `stock` are the two large parts of the state.

mod answer;
mod bounds;
mod command;
mod decide;
mod decider;
mod index;
mod orders;
mod pricing;
mod refusal;
mod state;
mod steer;
mod stock;
mod view;

pub use crate::events::OrderState;
pub use answer::{ItemOutcome, ItemShown};
pub use command::{
    AddItem, CancelOrder, ItemCommand, PlaceMore, PlaceOrder, RecordPayment, Steer, SteerAction,
};
pub use refusal::Refusal;
pub use state::Item;
pub use view::{ItemPhase, ItemView, OrderView, QuoteView};
