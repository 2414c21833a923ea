//! Which errors of SQLite are syncs that failed. The system takes the pages of such a sync for written: it
//! goes on to show them, and a later sync succeeds without them.

use rusqlite::ffi;

/// Whether a sync of a file or of its directory failed.
pub fn is_failed_sync(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}
