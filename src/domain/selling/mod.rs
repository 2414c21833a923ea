//! Deciders of sales and items, and the packing of demand.

pub mod demand;
pub mod item;
pub mod limits;
pub mod sale;
