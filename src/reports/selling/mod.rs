//! Queries about sales, items, stock and orders.

pub(super) mod acts;
pub(super) mod catalog;
pub(super) mod compare;
pub(super) mod curve;
pub(super) mod demand;
pub(super) mod goals;
pub(super) mod goods;
pub(super) mod holds;
pub(super) mod marks;
pub(super) mod orders;
pub(super) mod planned;
pub(super) mod refunds;
pub(super) mod sales;
pub(super) mod stock;
pub(super) mod timeline;
pub(super) mod unfinished;

pub use acts::*;
pub use catalog::*;
pub use compare::*;
pub use curve::*;
pub use demand::*;
pub use goals::*;
pub use goods::*;
pub use holds::*;
pub use marks::*;
pub use orders::*;
pub use planned::*;
pub use refunds::*;
pub use sales::*;
pub use stock::*;
pub use timeline::*;
pub use unfinished::*;
