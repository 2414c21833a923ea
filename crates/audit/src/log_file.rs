//! The log file, opened for reading only, in one snapshot.
//!
//! All errors of SQLite about the file are classified as: missing, foreign, damaged, unreadable. It
//! must never write, not even to repair.

use std::{
    collections::HashMap,
    fmt::Write as _,
    hash::{BuildHasher, RandomState},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags, types::ValueRef};

use super::{
    AuditError, Judged,
    auditor::{EventRow, Head, Positions, Walk},
    item::Keep,
};

/// How often progress is told, in events.
const PROGRESS_EVENTS: u64 = 8192;

const FORMAT: &str = "doorbuster log";
const VERSION: &str = "1";

/// The key in `meta` of a log that any client of EventStoreDB may have written to.
const SHARED: &str = "foreign";

/// A log in one snapshot: what a running server appends meanwhile is not seen.
pub(super) struct LogFile {
    connection: Connection,
    path: PathBuf,
}

/// A row of `streams`.
struct HeadRow {
    stream: i64,
    name: String,
    head: Head,
}

/// Audits a log that is open: events and chains, and the index over streams.
pub(super) fn audit(
    log: &LogFile,
    keep: Keep,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Judged, AuditError> {
    let hasher = RandomState::new();
    let mut places = PlaceSum::new(hasher.clone());
    let shared = log.is_shared()?;
    let mut walk = Walk::new(Positions::Counted, shared, keep);
    let mut numbers = HashMap::new();
    for HeadRow { stream, name, head } in log.heads()? {
        numbers.insert(stream, walk.stream(&name, Some(head)));
    }
    let last = log.last_position()?;
    progress(0, last);
    log.each_event(shared, |row| {
        match row {
            Ok((stream, row)) => {
                places.add(row.position, stream, row.revision);
                match numbers.get(&stream) {
                    Some(number) => walk.event(*number, &row),
                    None => {
                        walk.astray(&row, &format!("there is no stream with the number {stream}"));
                    }
                }
            }
            Err((position, column)) => walk.unreadable(position, column),
        }
        if walk.events().is_multiple_of(PROGRESS_EVENTS) {
            progress(walk.events(), last);
        }
    })?;
    let mut indexed = PlaceSum::new(hasher);
    let in_order = log.index_places(&mut indexed)?;
    if !in_order || !indexed.agrees_with(&places) {
        walk.note(None, "", None, "the index over streams does not agree with the events");
    }
    let judged = walk.end();
    progress(judged.proof.events, last.max(judged.proof.events));
    Ok(judged)
}

/// A sum over places of events that does not depend on their order.
struct PlaceSum {
    hasher: RandomState,
    sum: u64,
    count: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(AuditError::Missing(path.to_owned())),
            Err(error) => {
                return Err(AuditError::Unreadable {
                    path: path.to_owned(),
                    why: error.to_string(),
                });
            }
        }
        let log = match Self::connect(path, false) {
            // SQLite needs to write beside a log in WAL mode. On a read-only medium it cannot, but
            // no other process writes there either, so the file can be read as immutable.
            Err(error) if is_read_only(&error) => Self::connect(path, true),
            result => result,
        };
        let log = log.map_err(|error| judge(path, &error, 0))?;
        log.check_format()?;
        log.check_small_tables()?;
        Ok(log)
    }

    fn connect(path: &Path, alone: bool) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = if !alone {
            Connection::open_with_flags(path, flags)?
        } else if has_wal(path) {
            // Its index is kept in memory, which SQLite does only where it takes no turns with others.
            let connection = Connection::open_with_flags_and_vfs(path, flags, "unix-none")?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection
        } else {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(immutable_uri(path), flags)?
        };
        // No memory map: a file that is cut short under a map ends the program.
        connection.execute_batch(
            "PRAGMA mmap_size = 0; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA cell_size_check = ON; BEGIN",
        )?;
        // The snapshot begins with the first read.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    fn check_format(&self) -> Result<(), AuditError> {
        for (key, expected) in [("format", FORMAT), ("version", VERSION)] {
            let query = "SELECT value FROM meta WHERE key = ?1";
            let found = self.connection.query_row(query, [key], |row| row.get::<_, String>(0));
            match found {
                Ok(found) if found == expected => {}
                Ok(found) => {
                    return Err(self.foreign(format!("its {key} is {found:?}, not {expected:?}")));
                }
                Err(Error::QueryReturnedNoRows) => {
                    return Err(self.foreign(format!("it does not say its {key}")));
                }
                Err(error) => return Err(self.judge(&error, 0)),
            }
        }
        Ok(())
    }

    /// Lets SQLite check the small tables against their indexes; the events' index is compared
    /// with the events by [`Self::index_places`], which is much faster.
    fn check_small_tables(&self) -> Result<(), AuditError> {
        for table in ["meta", "streams"] {
            let query = format!("PRAGMA integrity_check({table})");
            let said = self.connection.query_row(&query, [], |row| row.get::<_, String>(0));
            match said {
                Ok(said) if said == "ok" => {}
                Ok(why) => {
                    return Err(AuditError::Damaged { path: self.path.clone(), why, read: 0 });
                }
                Err(error) => return Err(self.judge(&error, 0)),
            }
        }
        Ok(())
    }

    /// Whether the log says that others may write to it.
    fn is_shared(&self) -> Result<bool, AuditError> {
        let query = "SELECT count(*) FROM meta WHERE key = ?1";
        let found = self.connection.query_row(query, [SHARED], |row| row.get::<_, i64>(0));
        found.map(|rows| rows > 0).map_err(|error| self.judge(&error, 0))
    }

    /// The recorded head of each stream.
    fn heads(&self) -> Result<Vec<HeadRow>, AuditError> {
        let read = || {
            let query = "SELECT stream, name, revision, hash FROM streams ORDER BY stream";
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map([], |row| {
                Ok(HeadRow {
                    stream: row.get(0)?,
                    name: row.get(1)?,
                    head: Head { revision: row.get(2)?, hash: row.get(3)? },
                })
            })?;
            rows.collect::<Result<Vec<_>, Error>>()
        };
        read().map_err(|error| self.judge(&error, 0))
    }

    /// Position of the last event; 0 where there is none.
    fn last_position(&self) -> Result<u64, AuditError> {
        let query = "SELECT coalesce(max(position), 0) FROM events";
        let last = self.connection.query_row(query, [], |row| row.get::<_, i64>(0));
        let last = last.map_err(|error| self.judge(&error, 0))?;
        Ok(u64::try_from(last).unwrap_or(0))
    }

    /// Shows each event in the order of positions, with the number of its stream. A row with a
    /// value of the wrong type is shown as its position and the name of the column.
    fn each_event(
        &self,
        shared: bool,
        mut see: impl FnMut(Result<(i64, EventRow<'_>), (i64, &'static str)>),
    ) -> Result<(), AuditError> {
        let mut last = 0;
        let mut read = || {
            let query = "SELECT position, stream, revision, id, kind, data, metadata, \
                         recorded_at_ms, hash FROM events ORDER BY position";
            let mut statement = self.connection.prepare(query)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                last = row.get::<_, i64>(0)?;
                see(event_row(row, last, shared));
            }
            Ok(())
        };
        let read: Result<(), Error> = read();
        read.map_err(|error| self.judge(&error, u64::try_from(last).unwrap_or(0)))
    }

    /// Places of all events as the index knows them, and whether the index is in order.
    fn index_places(&self, places: &mut PlaceSum) -> Result<bool, AuditError> {
        let mut read = || {
            let query = "SELECT stream, revision, position FROM events \
                         INDEXED BY events_by_stream ORDER BY stream, revision";
            let mut statement = self.connection.prepare(query)?;
            let mut rows = statement.query([])?;
            let mut in_order = true;
            let mut previous = None;
            while let Some(row) = rows.next()? {
                let (ValueRef::Integer(stream), ValueRef::Integer(revision)) =
                    (row.get_ref(0)?, row.get_ref(1)?)
                else {
                    return Ok(false);
                };
                in_order &= previous < Some((stream, revision));
                previous = Some((stream, revision));
                places.add(row.get(2)?, stream, revision);
            }
            Ok(in_order)
        };
        let read: Result<bool, Error> = read();
        read.map_err(|error| self.judge(&error, places.count))
    }

    fn foreign(&self, why: String) -> AuditError {
        AuditError::Foreign { path: self.path.clone(), why }
    }

    fn judge(&self, error: &Error, read: u64) -> AuditError {
        judge(&self.path, error, read)
    }
}

impl PlaceSum {
    /// Two sums that shall be compared must share `hasher`.
    fn new(hasher: RandomState) -> Self {
        Self { hasher, sum: 0, count: 0 }
    }

    fn add(&mut self, position: i64, stream: i64, revision: i64) {
        self.sum = self.sum.wrapping_add(self.hasher.hash_one((position, stream, revision)));
        self.count += 1;
    }

    fn agrees_with(&self, other: &Self) -> bool {
        (self.sum, self.count) == (other.sum, other.count)
    }
}

fn event_row<'a>(
    row: &'a rusqlite::Row<'_>,
    position: i64,
    shared: bool,
) -> Result<(i64, EventRow<'a>), (i64, &'static str)> {
    let integer = |index, name| match row.get_ref(index) {
        Ok(ValueRef::Integer(value)) => Ok(value),
        _ => Err((position, name)),
    };
    let text = |index, name| match row.get_ref(index) {
        Ok(ValueRef::Text(value)) => Ok(value),
        _ => Err((position, name)),
    };
    let blob = |index, name| match row.get_ref(index) {
        Ok(ValueRef::Blob(value)) => Ok(value),
        _ => Err((position, name)),
    };
    // Others need not write text.
    let body = |index, name| match row.get_ref(index) {
        Ok(ValueRef::Text(value)) => Ok((value, false)),
        Ok(ValueRef::Blob(value)) if shared => Ok((value, true)),
        _ => Err((position, name)),
    };
    let stream = integer(1, "stream")?;
    let (data, binary) = body(5, "data")?;
    let (metadata, _) = body(6, "metadata")?;
    let event = EventRow {
        position,
        revision: integer(2, "revision")?,
        id: blob(3, "id")?,
        kind: text(4, "kind")?,
        data,
        binary,
        metadata,
        recorded_at_ms: integer(7, "recorded_at_ms")?,
        hash: Some(blob(8, "hash")?),
    };
    Ok((stream, event))
}

fn is_read_only(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Whether events may stand beside the file instead of in it.
fn has_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0)
}

fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

fn judge(path: &Path, error: &Error, read: u64) -> AuditError {
    let path = path.to_owned();
    let why = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => AuditError::Damaged { path, why, read },
        Some(ErrorCode::NotADatabase) => AuditError::Foreign { path, why },
        // No such table, no such column: SQLite has no more specific code for a foreign file.
        Some(ErrorCode::Unknown) => AuditError::Foreign { path, why },
        Some(_) => AuditError::Unreadable { path, why },
        // Not SQLite's own: a value of a type that its column never has.
        None => AuditError::Damaged { path, why, read },
    }
}
