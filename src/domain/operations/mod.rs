//! Deciders of alerts, incidents, scripts and the level of service.

pub mod alert;
pub mod incident;
pub mod script;
pub mod service_level;
