//! Keeping the write-ahead log (WAL) short without making commits wait.
//!
//! Every commit goes to the end of the WAL; from there pages are copied into the log file. A
//! thread of its own does the copying, because the sync of the log file takes tens of milliseconds.
//! But while commits go on there is always something left to copy, and SQLite starts the WAL over
//! only when nothing is left. So the writer takes the last step itself, between two commits, when
//! the rest is small; or in any case when the WAL has reached its bound.
//!
//! The bound is `FULL_BYTES` and one group. It does not hold while another process keeps one read
//! transaction open: SQLite must then keep every page that this reader may still ask for.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, Result};

use super::{
    failed_sync,
    schema::PAGE_BYTES,
    witness_writer::Witness,
    writer::{self, BUSY},
};

/// Bytes in the WAL not yet copied that wake the copying thread.
const COPY_BYTES: u64 = 8 << 20;

/// Size of the WAL from which it is started over as soon as that is cheap. Soon, because a commit
/// into a file that need not grow is synced in two thirds of the time.
const RESTART_BYTES: u64 = 16 << 20;

/// What is cheap to copy between two commits.
const REST_BYTES: u64 = 2 << 20;

/// Size of the WAL at which commits wait until it is started over: some hundred thousand orders, so that
/// the seconds after an opening never wait for the copying.
const FULL_BYTES: u64 = 256 << 20;

/// Growth of the WAL after which to try again, when a reader was in the way.
const RETRY_BYTES: u64 = 8 << 20;

/// Growth of the WAL after which to look at it again: looking costs as much as a small commit.
const LOOK_BYTES: u64 = 1 << 20;

/// A page in the WAL has a header.
const FRAME_BYTES: u64 = PAGE_BYTES + 24;

/// The writer's end of the copying thread.
#[derive(Debug)]
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Held while copying: SQLite refuses a second copier instead of making it wait.
    copying: Arc<Mutex<()>>,
    /// The WAL is not started over before it has this size.
    restart_at_bytes: u64,
    /// Bytes committed since the WAL was looked at.
    unseen_bytes: u64,
}

/// What a checkpoint reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wal {
    /// A reader or writer prevented a full one.
    busy: bool,
    frames: u64,
    copied: u64,
}

impl Checkpointer {
    /// Starts the copying thread.
    pub(super) fn start(path: &Path) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let copying = Arc::new(Mutex::new(()));
        let path = path.to_owned();
        let held = Arc::clone(&copying);
        let thread = thread::Builder::new()
            .name("log-checkpoint".to_owned())
            .spawn(move || copy_when_woken(path, &woken, &held))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            copying,
            restart_at_bytes: RESTART_BYTES,
            unseen_bytes: 0,
        })
    }

    /// To be called by the writer after each commit, with the bytes of its events.
    pub(super) fn after_commit(
        &mut self,
        connection: &Connection,
        bytes: u64,
        witness: &mut Witness,
    ) -> Result<()> {
        // A commit writes a few whole pages, however small its events are.
        self.unseen_bytes += bytes + 4 * FRAME_BYTES;
        if self.unseen_bytes < LOOK_BYTES {
            return Ok(());
        }
        self.unseen_bytes = 0;
        let wal = checkpoint(connection, "NOOP")?;
        let size = wal.frames * FRAME_BYTES;
        let rest = wal.frames.saturating_sub(wal.copied) * FRAME_BYTES;
        if size < RESTART_BYTES {
            // Started over, by us or by SQLite on its own when nothing was left to copy.
            self.restart_at_bytes = RESTART_BYTES;
        }
        if size >= self.restart_at_bytes {
            let copying = if size >= FULL_BYTES {
                Some(self.copying.lock().unwrap_or_else(PoisonError::into_inner))
            } else if rest <= REST_BYTES {
                self.copying.try_lock().ok()
            } else {
                None
            };
            if copying.is_some() {
                witness.stamp(connection)?;
                if restart(connection, size >= FULL_BYTES)?.busy {
                    self.restart_at_bytes = size + RETRY_BYTES;
                }
                return Ok(());
            }
        }
        if rest >= COPY_BYTES
            && let Some(wake) = &self.wake
        {
            // SQLite may start the WAL over by itself once all of it is copied.
            witness.stamp(connection)?;
            // Full means that it is awake already.
            _ = wake.try_send(());
        }
        Ok(())
    }

    /// Copies everything and empties the WAL. False if a reader was in the way.
    pub(super) fn copy_all(&self, connection: &Connection) -> Result<bool> {
        let _held = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        let wal = checkpoint(connection, "TRUNCATE")?;
        Ok(wal.frames == wal.copied)
    }

    /// Stops the copying thread and waits for it.
    pub(super) fn stop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook.
            _ = thread.join();
        }
    }
}

/// Restarts the WAL. Waits for readers only at the bound: before it, another attempt follows soon,
/// and all orders would wait as well.
fn restart(connection: &Connection, patient: bool) -> Result<Wal> {
    if !patient {
        connection.busy_timeout(Duration::ZERO)?;
    }
    let wal = checkpoint(connection, "RESTART");
    connection.busy_timeout(BUSY)?;
    wal
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<Wal> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    failed_sync::or_end(statement.query_row([], |row| {
        // Minus one when there is no WAL yet.
        let frames = |index| row.get(index).map(|count: i64| count.max(0).cast_unsigned());
        Ok(Wal { busy: row.get(0)?, frames: frames(1)?, copied: frames(2)? })
    }))
}

fn copy_when_woken(path: PathBuf, woken: &Receiver<()>, copying: &Mutex<()>) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let _held = copying.lock().unwrap_or_else(PoisonError::into_inner);
        let copied = match connection.take() {
            Some(open) => Ok(open),
            None => writer::connect(&path),
        }
        .and_then(|open| checkpoint(&open, "PASSIVE").map(|_wal| open));
        match copied {
            Ok(open) => connection = Some(open),
            // The pages stay in the WAL, so nothing is lost; the next commit asks again.
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be copied"),
        }
    }
}
