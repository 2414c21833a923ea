//! One item: its stock, its orders, its rules.
//!
//! Read in this order: `command` (what can be asked), `refusal` (the business "no"s), `state` (what
//! is remembered and how events change it), `decide` (the rules), `steer` (those of operators) and its `bounds`, `view` (what answers show). `orders` and
//! `stock` are the two large parts of the state.

mod bounds;
mod command;
mod decide;
mod index;
mod orders;
mod refusal;
mod state;
mod steer;
mod stock;
mod view;

pub use crate::events::OrderState;
pub use command::{
    AddItem, CancelOrder, Fields, ItemCommand, PlaceOrder, RecordPayment, Steer, SteerAction,
};
pub use decide::{ItemOutcome, ItemShown};
pub use refusal::Refusal;
pub use state::Item;
pub use view::{ItemPhase, ItemView, OrderView};
