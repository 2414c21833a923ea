//! Services for sales, items and orders.

mod export;
pub(super) mod item;
pub(super) mod order;
pub(super) mod purchase;
pub(super) mod sale;
