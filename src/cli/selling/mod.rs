//! Verbs on sales, items, orders and coupons.

pub mod coupon;
pub(super) mod explain;
mod export;
mod find;
mod follow;
pub mod item;
mod item_prices;
mod item_steering;
pub mod order;
mod order_acts;
pub(super) mod order_list;
pub(super) mod order_proof;
pub(super) mod references;
mod refunds_due;
pub mod sale;
pub mod sale_file;
mod shopper;
mod terms;
mod the_order;
mod with_coupon;
mod written;
