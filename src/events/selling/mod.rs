//! Events of a sale, its items and its orders, and of the demand for them.

mod audience;
mod demand;
mod item;
mod offer;
mod order;
mod order_price;
mod price;
mod sale;
mod stock;
mod units;

pub use audience::*;
pub use demand::*;
pub use item::*;
pub use offer::*;
pub use order::*;
pub use order_price::*;
pub use price::*;
pub use sale::*;
pub use stock::*;
pub use units::*;
