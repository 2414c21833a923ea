//! Services that put sales up, steer items and take orders.

pub(super) mod item;
pub(super) mod purchase;
pub(super) mod sale;
