//! Services for sales, items and orders.

pub(super) mod item;
pub(super) mod order;
pub(super) mod purchase;
pub(super) mod sale;
