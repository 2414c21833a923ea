//! Events of a sale, its items, orders, coupons and limits, and of the demand for them.

mod audience;
mod awaits;
mod coupon;
mod demand;
mod fulfilment;
mod hold;
mod item;
mod money_back;
mod offer;
mod order;
mod order_price;
mod price;
mod quota;
mod references;
mod reserve_plan;
mod sale;
mod stock;
mod units;

pub use audience::*;
pub use awaits::*;
pub use coupon::*;
pub use demand::*;
pub use fulfilment::*;
pub use hold::*;
pub use item::*;
pub use money_back::*;
pub use offer::*;
pub use order::*;
pub use order_price::*;
pub use price::*;
pub use quota::*;
pub use references::*;
pub use reserve_plan::*;
pub use sale::*;
pub use stock::*;
pub use units::*;
