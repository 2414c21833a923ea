//! Events of running a sale: alerts, incidents, scripts, the level of service, losses of the log,
//! the roll of nodes.

mod alert;
mod incident;
mod level;
mod log;
mod node;
mod script;

pub use alert::*;
pub use incident::*;
pub use level::*;
pub use log::*;
pub use node::*;
pub use script::*;
