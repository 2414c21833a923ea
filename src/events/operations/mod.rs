//! Events of running a sale: alerts, incidents, scripts, the level of service, losses of the log.

mod alert;
mod incident;
mod level;
mod log;
mod script;

pub use alert::*;
pub use incident::*;
pub use level::*;
pub use log::*;
pub use script::*;
