//! Reading a log without changing one byte of its directory.
//!
//! An ordinary connection creates or rewrites the index of the write-ahead log beside it, and the
//! last one to close copies that log into the file. If no other process has the file open, SQLite
//! can keep the index in its own memory and take no locks; if one may, an ordinary read-only
//! connection is the only correct way, and the directory is in use anyway.

use std::{
    fmt::Write as _,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

/// SQLite's file system without locks.
const WITHOUT_LOCKS: &str = "unix-none";

/// Opens a database. `in_use` says that another process or connection may have it open.
pub(super) fn open(path: &Path, in_use: bool) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if in_use {
        return Connection::open_with_flags(path, flags);
    }
    if !has_wal(path) {
        return Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI);
    }
    let connection = Connection::open_with_flags_and_vfs(path, flags, WITHOUT_LOCKS)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // With this the index of the write-ahead log is kept in memory.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    Ok(connection)
}

/// Opens a database that others may have open. On a read-only medium there is no index of a
/// write-ahead log, so no process has it open.
pub(super) fn open_beside_others(path: &Path) -> Result<Connection, rusqlite::Error> {
    let opened = open(path, true).and_then(|connection| {
        // Files are opened by the first look into them.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_row| Ok(()))?;
        Ok(connection)
    });
    match opened {
        Err(error) if is_unwritable(&error) => open(path, false),
        opened => opened,
    }
}

/// What SQLite says where it cannot make the files that it needs beside a database.
fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Without a write-ahead log SQLite opens it as immutable and creates no files.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            _ => _ = write!(uri, "%{byte:02X}"),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

pub(super) fn has_wal(path: &Path) -> bool {
    fs::metadata(wal_of(path)).is_ok_and(|wal| wal.len() > 0)
}

pub(super) fn wal_of(path: &Path) -> PathBuf {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    PathBuf::from(wal)
}
