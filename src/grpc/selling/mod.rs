//! Services for sales, items, orders and coupons.

pub(super) mod coupon;
mod export;
mod find;
pub(super) mod follow;
pub(super) mod item;
pub(super) mod order;
pub(super) mod purchase;
pub(super) mod sale;
