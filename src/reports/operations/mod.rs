//! Queries about alerts, incidents, scripts, levels and the state of a running sale.

pub(super) mod alerts;
pub(super) mod incidents;
pub(super) mod levels;
pub(super) mod pulse;
pub(super) mod scripts;

pub use alerts::*;
pub use incidents::*;
pub use levels::*;
pub use pulse::*;
pub use scripts::*;
