//! Whether the log can be written: remembered from the last commit, and tried again after a failed
//! one although nobody appends.
//!
//! A try is a transaction of one row that is put into `meta` and taken out again. It needs new pages,
//! as an append does, and leaves neither a row nor an event behind.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Result};

use super::schema::PAGE_BYTES;

/// Pause between two tries while commits fail and nobody appends.
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Pages that the row does not fit into, so that a full disk refuses it like an append.
const PAGES: usize = 4;

/// What became of the last commit, for everybody who asks.
#[derive(Debug, Default)]
pub(super) struct CommitHealth(Mutex<Option<String>>);

impl CommitHealth {
    /// Why the last commit failed; `None` if it did not.
    pub(super) fn failure(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Says what became of a commit.
    pub(super) fn tell(&self, failure: Option<String>) {
        *self.lock() = failure;
    }

    pub(super) fn is_failing(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a row in and takes it out, in the transaction that is open.
pub(super) fn touch(connection: &Connection) -> Result<()> {
    let pages = usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX).saturating_mul(PAGES);
    let value = "-".repeat(pages);
    connection
        .prepare_cached("INSERT INTO meta(key, value) VALUES ('probe', ?1)")?
        .execute([value])?;
    connection.prepare_cached("DELETE FROM meta WHERE key = 'probe'")?.execute([])?;
    Ok(())
}
