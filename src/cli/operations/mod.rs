//! Verbs on alerts, incidents, scripts, nodes and the level of service.

pub mod alert;
pub mod incident;
pub mod level;
pub mod nodes;
pub mod script;
pub mod token;
pub mod webhook;
