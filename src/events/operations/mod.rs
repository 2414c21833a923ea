//! Events of running a sale: alerts, incidents, scripts, the level of service, losses of the log.

pub(super) mod alert;
pub(super) mod incident;
pub(super) mod level;
pub(super) mod log;
pub(super) mod script;
