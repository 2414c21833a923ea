//! Faults: failures of the store, the network or the load. Never a business "no".

use serde::{Deserialize, Serialize};

use crate::store::ReadError;

/// Why a command got no answer. Every command can be sent again with the same request id. Nodes send it
/// to one another: names of variants are permanent, and an unknown one is an error of the link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// More commands wait at this item, or for longer, than its bounds allow. Nothing happened.
    #[error("too many commands wait at this item, or they wait for too long")]
    Overloaded,
    /// The store could not take the events, or did not say. Ask again with the same request id.
    #[error("the store is unavailable: {0}")]
    StoreUnavailable(String),
    /// Another node wrote to this item's stream first; this node reads what it wrote. Nothing of the
    /// command happened here. Ask again.
    #[error("another node wrote first and nothing was decided here; send the same request again")]
    LostOwnership,
    /// The caller's deadline passed before the command was decided. Nothing happened.
    #[error("the deadline passed before the command was decided")]
    DeadlineExceeded,
    /// The item's stream cannot be read by this version. Nothing is decided on a guess.
    #[error("the log cannot be read: {0}")]
    Unreadable(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(why) => Self::StoreUnavailable(why),
            ReadError::Damaged(what) => Self::Unreadable(what),
        }
    }
}
