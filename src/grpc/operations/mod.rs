//! Services for alerts, incidents, scripts and the level of service.

pub(super) mod alert;
pub(super) mod alerts;
pub(super) mod incident;
pub(super) mod node;
pub(super) mod script;
pub(super) mod service_level;
pub(super) mod webhook;
