//! The file of a read model: how it is made, opened, told from others and dropped.

use std::{
    fs, io,
    ops::{Deref, DerefMut},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use rusqlite::{Connection, TransactionBehavior, config::DbConfig, params};

use super::Projection;
use crate::failed_sync::is_failed_sync;

/// Tables that every file has beside those of its projection.
const SCHEMA: &str = "
    CREATE TABLE checkpoint (
        projection TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        position INTEGER NOT NULL,
        recorded_at_ms INTEGER NOT NULL,
        stream TEXT,
        revision INTEGER,
        event_id BLOB
    ) WITHOUT ROWID;
    CREATE TABLE streams (
        category TEXT NOT NULL,
        id BLOB NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (category, id)
    ) WITHOUT ROWID;";

/// Which file that is, whatever its name.
pub(super) type FileIdentity = (u64, u64);

/// Pages in the write-ahead log from which it is copied into the file.
const COPY_PAGES: i32 = 16_384;

/// The open file of a read model. It copies the write-ahead log into the file by itself, when that has
/// grown and when it is closed: SQLite would not say that a sync of that failed.
pub(super) struct OpenFile {
    connection: Connection,
    trusted: bool,
    /// Pages in the write-ahead log.
    pages: Arc<AtomicI32>,
}

impl OpenFile {
    /// One in memory, which stands for none.
    pub(super) fn none() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        Ok(Self { connection, trusted: false, pages: Arc::default() })
    }

    /// What is in it may not be on disk: nothing of it is copied any more.
    pub(super) fn distrust(&mut self) {
        self.trusted = false;
    }

    /// Copies the write-ahead log where it has grown. To be called after each commit.
    ///
    /// # Errors
    /// When a sync failed. Whatever else was in the way, a later call copies more.
    pub(super) fn copy_what_has_grown(&self) -> rusqlite::Result<()> {
        if self.pages.load(Ordering::Relaxed) < COPY_PAGES {
            return Ok(());
        }
        self.copy_all().map(drop).or_else(|error| match is_failed_sync(&error) {
            true => Err(error),
            false => Ok(()),
        })
    }

    /// Copies the write-ahead log, and says whether all of it is copied.
    fn copy_all(&self) -> rusqlite::Result<bool> {
        let copied = |row: &rusqlite::Row<'_>| {
            let [is_busy, frames, copied] = [row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?];
            Ok(is_busy == 0 && frames == copied)
        };
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], copied)
    }
}

impl Deref for OpenFile {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for OpenFile {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if !self.trusted {
            return;
        }
        match self.copy_all() {
            // Nothing is left to copy, so that SQLite only removes the write-ahead log.
            Ok(true) => _ = copies_when_closed(&self.connection, true),
            // The next one to open it copies it.
            Ok(false) => {}
            Err(error) if is_failed_sync(&error) => {
                let path = self.connection.path().unwrap_or_default().to_owned();
                let dropped = drop_files(Path::new(&path));
                tracing::warn!(path, %error, ?dropped, "a sync of a read model failed; it is built anew");
            }
            Err(error) => tracing::debug!(%error, "a read model was not copied at its end"),
        }
    }
}

/// Makes an empty file. All tables come at once, so a crash leaves a whole file or an empty one.
pub(super) fn create(path: &Path, projection: &dyn Projection) -> rusqlite::Result<OpenFile> {
    let mut file = connect(path)?;
    let rows = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    rows.execute_batch(SCHEMA)?;
    rows.execute_batch(projection.schema())?;
    rows.execute(
        "INSERT INTO checkpoint (projection, version, position, recorded_at_ms)
         VALUES (?, ?, 0, 0)",
        params![projection.name(), projection.version()],
    )?;
    rows.commit()?;
    Ok(file)
}

/// A commit that a power cut takes back is applied again from the log, so NORMAL is enough. The
/// cache holds the pages that a busy sale touches; the write-ahead log is moved into the file
/// every 64 MiB rather than every 4, because commits wait for it.
pub(super) fn connect(path: &Path) -> rusqlite::Result<OpenFile> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA cache_size = -32768;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA busy_timeout = 5000;",
    )?;
    let pages = Arc::new(AtomicI32::new(0));
    let counted = Arc::clone(&pages);
    connection.wal_hook(Some(move |_: &mut _, pages| {
        counted.store(pages, Ordering::Relaxed);
        Ok(())
    }))?;
    copies_when_closed(&connection, false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(OpenFile { connection, trusted: true, pages })
}

/// Whether SQLite copies the write-ahead log when the last connection to it is closed.
fn copies_when_closed(connection: &Connection, copies: bool) -> rusqlite::Result<()> {
    let never = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(never, !copies).map(drop)
}

/// Until a file is whole nobody reads it, and one that is not finished is dropped: what is written goes
/// into it once and is not synced.
pub(super) fn while_built(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA journal_mode = OFF;
         PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA synchronous = OFF;",
    )
}

/// Makes a file that was built one that others read while it is written.
pub(super) fn seal_built(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL;")
}

/// Which file has that name; `None` if there is none.
pub(super) fn identity(path: &Path) -> io::Result<Option<FileIdentity>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file and what SQLite puts beside it. The file is removed and its directory synced before its
/// write-ahead log is removed, without which it would be read as complete.
pub(super) fn drop_files(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| directory.is_dir());
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if let Some(directory) = directory.filter(|_| suffix.is_empty()) {
            fs::File::open(directory)?.sync_all()?;
        }
    }
    Ok(())
}
