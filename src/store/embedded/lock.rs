//! The lock that keeps a data directory to one node.
//!
//! Two writers of a log would each believe their own head of every stream, and two writers of read
//! models would apply every event twice, wherever the log is. The lock is the operating
//! system's, on a file beside the log, so it is gone when its holder is gone, however it ended.
//! It must never be taken by deleting the file: the file itself means nothing.

use std::{
    fs::{File, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{OpenError, schema};
use crate::private;

/// Name of the lock file in a data directory.
pub const LOCK_FILE: &str = "doorbuster.lock";

/// How long a lock that was given back may still be held: a process that its holder has just begun has
/// the holder's files until it runs its own program.
const PASSES_WITHIN: Duration = Duration::from_millis(200);

/// How often a lock is tried while somebody else has it.
const PAUSE: Duration = Duration::from_millis(10);

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

    /// Takes the lock of a directory, or reports that it is held.
    pub(super) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOCK_FILE);
        let opened = private::make_file(&path);
        let file = opened.map_err(|error| OpenError::unwritable(&path, &error))?;
        match within(&file, PASSES_WITHIN) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(OpenError::InUse { directory: directory.to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(OpenError::io(&path, &error)),
        }
    }
}

/// Locks a file, and waits so long where somebody else has the lock.
pub(super) fn within(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => thread::sleep(PAUSE),
            result => return result,
        }
    }
}
