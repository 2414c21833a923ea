//! The file of a read model: how it is made, opened, told from others and dropped.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use rusqlite::{Connection, TransactionBehavior, params};

use super::Projection;

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

/// Makes an empty file. All tables come at once, so a crash leaves a whole file or an empty one.
pub(super) fn create(path: &Path, projection: &dyn Projection) -> rusqlite::Result<Connection> {
    let mut connection = connect(path)?;
    let rows = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    rows.execute_batch(SCHEMA)?;
    rows.execute_batch(projection.schema())?;
    rows.execute(
        "INSERT INTO checkpoint (projection, version, position, recorded_at_ms)
         VALUES (?, ?, 0, 0)",
        params![projection.name(), projection.version()],
    )?;
    rows.commit()?;
    Ok(connection)
}

/// A commit that a power cut takes back is applied again from the log, so NORMAL is enough. The
/// cache holds the pages that a busy sale touches; the write-ahead log is moved into the file
/// every 64 MiB rather than every 4, because commits wait for it.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA cache_size = -32768;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 16384;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA busy_timeout = 5000;",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
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

pub(super) fn drop_files(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
