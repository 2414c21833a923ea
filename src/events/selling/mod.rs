//! Events of a sale, its items and its orders, and of the demand for them.

pub(super) mod demand;
pub(super) mod item;
pub(super) mod sale;
