//! The heart: one item, its stock, its orders, its rules.
//!
//! Read in this order: `command` (what can be asked), `refusal` (the business "no"s), `state` (what
//! is remembered and how events change it), `decide` (the rules). `orders` and `stock` are the two
//! large parts of the state.

mod command;
mod decide;
mod orders;
mod refusal;
mod state;
mod stock;

pub use command::{
    ALLOCATION_UNITS_MAX, AddItem, CancelOrder, ItemCommand, PlaceOrder, RecordPayment, Steer,
    SteerAction, WAREHOUSES_MAX,
};
pub use decide::{ItemOutcome, ItemPhase, ItemView, OrderState, OrderView};
pub use refusal::Refusal;
pub use state::Item;
