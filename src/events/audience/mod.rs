//! Events of the visitors of a sale.

mod traffic;

pub use traffic::*;
