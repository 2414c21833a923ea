//! Deciders of alerts, incidents, scripts, the level of service and the roll of nodes.

pub mod alert;
pub mod incident;
pub mod node_roll;
pub mod script;
pub mod service_level;
