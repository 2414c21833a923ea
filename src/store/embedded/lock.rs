//! The lock that keeps a data directory to one node.
//!
//! Two writers of a log would each believe their own head of every stream, and two writers of read
//! models would apply every event twice, wherever the log is. The lock is the operating
//! system's, on a file beside the log, so it is gone when its holder is gone, however it ended.
//! It must never be taken by deleting the file: the file itself means nothing.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use super::{OpenError, schema};
use crate::private;

/// Name of the lock file in a data directory.
pub const LOCK_FILE: &str = "doorbuster.lock";

/// The right to write in one data directory, given back on drop.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock of a directory that may not be there yet. For those whose log is elsewhere:
    /// the embedded store takes it itself.
    ///
    /// # Errors
    /// When the directory cannot be made or another process has the lock.
    pub fn of_directory(directory: &Path) -> Result<Self, OpenError> {
        schema::make_directory(directory)?;
        Self::take(directory)
    }

    /// Whether the lock of a directory is held, as far as that is visible: it is not without read
    /// access to the lock file.
    pub fn is_held(directory: &Path) -> bool {
        let file = File::open(directory.join(LOCK_FILE));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the lock of a directory, or reports that it is held. Does not wait.
    pub(super) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOCK_FILE);
        let opened = private::make_file(&path);
        let file = opened.map_err(|error| OpenError::unwritable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(OpenError::InUse { directory: directory.to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(OpenError::io(&path, &error)),
        }
    }
}
