//! Deciders of sales, items and exports, the prices of items, and the packing of demand.

pub mod demand;
pub mod eligibility;
pub mod fulfilment;
pub mod item;
pub mod limits;
pub mod price;
pub mod sale;
