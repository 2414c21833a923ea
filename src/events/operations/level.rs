//! The service level: every change is an event.

use serde::{Deserialize, Serialize};

use crate::{
    events::{act::Act, stored::stored_alone},
    values::{AlertId, ServiceLevel, UnixMs},
};

/// The service runs at another level from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSet {
    pub level: ServiceLevel,
    /// The level before.
    pub before: ServiceLevel,
    /// The alert that asked for it; absent where a person did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alert_id: Option<AlertId>,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

stored_alone!(LevelSet => "LevelSet");
