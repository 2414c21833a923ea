//! One item: its stock, its orders, its rules.
//!
//! Read in this order: `command` (what can be asked), `act` (what operators ask), `refusal` (the
//! business "no"s), `state` (what is remembered and how events change it), `decide` (the rules),
//! `steer` (those of operators) and its `bounds`, `pricing` (what orders cost), `follow` (what the
//! `reserve_plan` does after a decision), `answer` (how a decision answers), `view` (what answers
//! show), `decider` (all of it as one decider). `orders` and `stock` are the two large parts of the
//! state; `suppliers` counts whose units they are.

mod act;
mod answer;
mod bounds;
mod command;
mod decide;
mod decider;
mod follow;
mod index;
mod orders;
mod pricing;
mod refusal;
mod reserve_plan;
mod state;
mod steer;
mod stock;
mod suppliers;
mod view;

pub use crate::events::OrderState;
pub use act::{Steer, SteerAction, SuppliedUnits};
pub use answer::{ItemOutcome, ItemShown};
pub use command::{AddItem, CancelOrder, ItemCommand, PlaceMore, PlaceOrder, RecordPayment};
pub use refusal::Refusal;
pub use reserve_plan::{PLAN_STEPS_MAX, Proposal, check_plan, check_within_reserve, is_of_plan};
pub use state::Item;
pub use suppliers::SupplierUnits;
pub use view::{ItemPhase, ItemView, OrderView, QuoteView};
