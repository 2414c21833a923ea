//! Queries about sales, items, stock and orders.

pub(super) mod acts;
pub(super) mod catalog;
pub(super) mod compare;
pub(super) mod curve;
pub(super) mod demand;
pub(super) mod goals;
pub(super) mod holds;
pub(super) mod marks;
pub(super) mod orders;
pub(super) mod planned;
pub(super) mod sales;
pub(super) mod stock;
pub(super) mod timeline;
pub(super) mod unfinished;
