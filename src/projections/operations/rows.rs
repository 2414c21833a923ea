//! How the rows of this read model hold ids and lists.

use crate::{events::Recorded, projections::ApplyError};

/// The stream's id, as it is kept in rows.
pub(super) fn stream_id(recorded: &Recorded) -> &[u8] {
    recorded.stream.id.as_bytes().as_slice()
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, ApplyError> {
    serde_json::to_string(value).map_err(|error| ApplyError::Impossible(error.to_string()))
}
