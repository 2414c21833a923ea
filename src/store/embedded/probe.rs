//! Whether the log can be written: remembered from the last commit, and retried after a failed one
//! also without appends.
//!
//! A try is a transaction that puts one row into `meta`, and another that removes it. It needs more
//! space than an append of an order, and leaves neither a row nor an event behind: only a crash
//! between the two leaves the row, which has no reader and is replaced by the next try.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Result};

use super::schema::PAGE_BYTES;
use crate::values::narrow;

/// Pause between two tries while commits fail and there are no appends.
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Pages that the row takes: several times what an append of an order does, so that what is left on a
/// full disk is no room for it either.
const PAGES: usize = 16;

/// Whether commits fail: from the first failed one until a try succeeds.
#[derive(Debug, Default)]
pub(super) struct CommitHealth(Mutex<Option<String>>);

impl CommitHealth {
    /// Why the last commit or try failed; `None` while they succeed.
    pub(super) fn failure(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Says that a commit failed, or that a try succeeded.
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

/// The first half: a row goes in, and with it pages that were not there.
pub(super) fn put_in(connection: &Connection) -> Result<()> {
    let pages = narrow(PAGE_BYTES) * PAGES;
    let mut put = connection
        .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES ('probe', ?1)")?;
    put.execute(["-".repeat(pages)]).map(drop)
}

/// The second half, in a transaction of its own: pages that come and go in one are never written.
pub(super) fn take_out(connection: &Connection) -> Result<()> {
    connection.prepare_cached("DELETE FROM meta WHERE key = 'probe'")?.execute([]).map(drop)
}
