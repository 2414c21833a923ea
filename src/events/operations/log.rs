//! Events about the log itself.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    events::{envelope::Position, stored::stored_alone},
    values::UnixMs,
};

/// An operator goes on with a log that is known to have been longer. From here on the log is the
/// truth again, and exactly what is listed is not missed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossAccepted {
    /// The last position on disk then.
    pub end: Position,
    /// The last position that was known to have been acknowledged.
    pub known: Position,
    /// What was known beside the log and is given up.
    pub settles: Vec<GivenUp>,
    pub reason: String,
    pub accepted_at_ms: UnixMs,
}

stored_alone!(LossAccepted => "LossAccepted");

/// One thing that was known beside the log and is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// The file that said so, for example `log.witness` or `views/orders.db`.
    pub source: String,
    pub position: Position,
    /// Absent where the file itself was missing or could not be believed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_id: Option<Uuid>,
}
