//! The end of a process whose sync of the log failed.
//!
//! The system takes the pages of a failed sync for written: it goes on to show them, and a later sync
//! succeeds without them. SQLite does not write them again, because what it has copied from the
//! write-ahead log counts as copied, and it overwrites that log when the later sync has succeeded.
//! Only a process that begins anew writes everything again, and first the write-ahead log itself
//! ([`write_again`](super::wal::write_again)). So this one ends, before anything is answered, read
//! or copied on the strength of what may not be on disk: whoever waits for an answer loses the
//! connection, and asks again.

use rusqlite::Result;

use crate::failed_sync::is_failed_sync;

/// Exit code of a process that cannot go on.
const FAILED: i32 = 1;

/// What SQLite came to, unless it is a sync that failed: then the process ends here. No connection
/// is closed, because the last one to close copies the write-ahead log.
pub(super) fn or_end<T>(result: Result<T>) -> Result<T> {
    if let Err(error) = &result
        && is_failed_sync(error)
    {
        tracing::error!(%error, "a sync of the log failed; the next start writes again what it was to write");
        std::process::exit(FAILED);
    }
    result
}
