//! One item: its stock, its orders, its rules.
//!
//! Read in this order: `command` (what can be asked), `act` (what operators ask), `order_act` (what they
//! ask of one order), `refusal` (the
//! business "no"s), `state` and `evolve_order` (what is remembered and how events change it), `decide` (the rules),
//! `steer` (those of operators) and its `bounds`, `order_life` (those of orders after they were placed), `awaits` (what
//! orders wait for),
//! `pricing` (what orders cost), `follow` (what the
//! `reserve_plan` does after a decision), `answer` (how a decision answers), `view` (what answers
//! show), `decider` (all of it as one decider). `orders` and `stock` are the two large parts of the
//! state; `suppliers` counts whose units they are.

mod act;
mod answer;
mod awaits;
mod bounds;
mod command;
mod decide;
mod decider;
mod ending;
mod evolve_order;
mod follow;
pub(in crate::domain) mod index;
mod order_act;
mod order_life;
mod orders;
mod pricing;
mod refusal;
mod reserve_plan;
mod snapshot;
mod stands;
mod state;
mod steer;
mod stock;
mod suppliers;
mod view;

pub use crate::events::OrderState;
pub use act::{ItemSchedule, Steer, SteerAction, SuppliedUnits};
pub use answer::{ItemOutcome, ItemShown};
pub use command::{AddItem, CancelOrder, ItemCommand, PlaceMore, PlaceOrder, RecordPayment};
pub use order_act::{AwaitVerdict, OrderAct, OrderAction, PaymentFailure, SettleAwait};
pub use orders::Terms;
pub use refusal::Refusal;
pub use reserve_plan::{PLAN_STEPS_MAX, check_plan, check_within_reserve};
pub use stands::Stands;
pub use state::Item;
pub use suppliers::SupplierUnits;
pub use view::{DueView, ItemPhase, ItemView, OrderView, QuoteView};
