//! Why a read model fails: external causes are retried, a file with wrong content is rebuilt, and
//! only a log that contradicts itself stops a read model.

use std::io;

use rusqlite::ErrorCode;

use crate::{
    events::{Position, StreamName},
    failed_sync::is_failed_sync,
};

/// Why a page was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The file could not be read or written. A damaged file has been dropped by now: open the read
    /// model again to build it from zero.
    #[error("read model {model}: {source}")]
    Rows { model: &'static str, source: rusqlite::Error },
    /// An event of that stream was skipped.
    #[error(
        "read model {model}: event {position} has revision {found} in {stream}, expected {expected}"
    )]
    Gap { model: &'static str, position: Position, stream: StreamName, expected: u64, found: u64 },
    /// The event contradicts the events before it.
    #[error("read model {model}: event {position} is impossible: {problem}")]
    Impossible { model: &'static str, position: Position, problem: String },
    /// The directory of the read models could not be used.
    #[error("read models: {0}")]
    Files(#[from] io::Error),
}

/// Where the reason lies why a read model does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The disk, a lock, a permission: what may be different when it is tried again.
    Outside,
    /// The file is damaged, or may be after a power loss: it is built anew.
    File,
    /// The events contradict each other, as far as the rows of this file tell.
    Log,
}

impl ProjectionError {
    /// Where the reason lies.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Rows { source, .. } if is_untrusted(source) => Cause::File,
            Self::Rows { source, .. } if is_outside(source) => Cause::Outside,
            Self::Files(_) => Cause::Outside,
            // A row of another type, one that is missing, one that is there twice.
            Self::Rows { .. } | Self::Gap { .. } | Self::Impossible { .. } => Cause::Log,
        }
    }
}

/// Whether SQLite says that the content of the file is wrong.
pub fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether the file is not to be read or written any more.
pub(super) fn is_untrusted(error: &rusqlite::Error) -> bool {
    is_damage(error) || is_failed_sync(error)
}

/// Whether what a question met may be over when it is asked again: what is outside passes, and a
/// damaged file is built anew.
pub fn may_pass(error: &rusqlite::Error) -> bool {
    is_outside(error) || is_damage(error)
}

/// Whether the reason lies outside of the file's content and may be gone when it is tried again.
/// Every other error says that the file holds what was never written: a row of another type, one
/// that is missing, one that is there twice.
pub(super) fn is_outside(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationAborted
                | ErrorCode::OperationInterrupted
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport
                | ErrorCode::TooBig
        )
    )
}
