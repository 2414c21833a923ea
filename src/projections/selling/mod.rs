//! Read models of sales, items, stock and orders.

pub mod acts;
pub mod catalog;
pub mod coupons;
pub mod fulfilment;
pub mod goods;
pub mod marks;
pub mod orders;
pub mod refunds;
pub mod sales;
pub mod stock;
pub mod timeline;
