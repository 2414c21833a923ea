//! Deciders of sales, items, coupons, limits and exports, the prices of items, and the packing of demand.

pub mod coupon;
pub mod demand;
pub mod eligibility;
pub mod fulfilment;
pub mod item;
pub mod limits;
mod names;
pub mod price;
pub mod quota;
pub mod references;
pub mod sale;
