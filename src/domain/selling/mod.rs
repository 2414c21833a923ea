//! Deciders of sales and items, the prices of items, and the packing of demand.

pub mod demand;
pub mod eligibility;
pub mod item;
pub mod limits;
pub mod price;
pub mod sale;
