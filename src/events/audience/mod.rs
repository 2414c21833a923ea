//! Events of the visitors of a sale.

pub(super) mod traffic;
