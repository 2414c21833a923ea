//! Replays of the log: past states, paced events of an item, a sale under other rules, the
//! explanation of a shopper's results.
//!
//! All answers come from the log and its demand ticks; marks only speed them up. Nothing here
//! writes, and nothing is on the order path. Its methods block.

mod bill;
mod deed;
pub mod explain;
mod log;
pub mod pace;
pub mod playback;
mod recording;
mod replica;
mod sequence;
pub mod speak;
pub mod state;
mod tell;
pub mod what_if;

use crate::{
    events::{DecodeError, Recorded},
    reports::ReportError,
    store::ReadError,
    values::Invalid,
};

pub use log::{ItemFact, Log};
pub use recording::{ATTEMPTS_MAX, Attempted, Shopper};
pub use sequence::Placement;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A field of the question was wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// What the named field names is not in the log.
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log holds an event that this version cannot read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The events of an item contradict each other: no decider of ours wrote them.
    #[error("{0}")]
    Impossible(String),
    /// More than fits into memory with room to spare.
    #[error("{0}")]
    TooMuch(String),
}

impl ReplayError {
    fn misplaced(recorded: &Recorded) -> Self {
        let Recorded { kind, stream, revision, .. } = recorded;
        Self::Impossible(format!("{kind} at revision {revision} does not belong into {stream}"))
    }
}

impl From<ReportError> for ReplayError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Invalid(invalid) => Self::Invalid(invalid),
            ReportError::NotFound(field) => Self::NotFound(field),
            ReportError::NotReady(_) | ReportError::Unreadable(_) | ReportError::Stopped => {
                Self::Impossible(error.to_string())
            }
        }
    }
}
