//! Questions about visitors and buyers.

pub(super) mod journeys;

pub use journeys::*;
