//! The file of a log: how it is made, and how one that is not ours is told apart.
//!
//! A new log is built under another name and renamed when it is complete and synced, so a log
//! either exists whole or not at all. Inspecting a file that may be foreign must never change a
//! byte of it.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};

use super::{
    look,
    loss::Loss,
    witness::{self, Last, Record},
};
use crate::{events::StreamName, private};

/// Name of the log in its directory.
pub const LOG_FILE: &str = "log.db";

/// Bytes of one page of the file.
pub(super) const PAGE_BYTES: u64 = 8_192;

const DRAFT_FILE: &str = "log.db.new";
const FORMAT: &str = "doorbuster log";
const VERSION: &str = "1";

/// The row in `meta` of a log that a client of EventStoreDB has written to: it may hold streams and
/// forms of data that are not ours. Without it these are damage.
pub const FOREIGN_MARK: &str = "foreign";

/// The row in `meta` of a log that has a witness beside it. A witness that is missing then is a
/// loss; without the row, an older version made the log.
const WITNESS_MARK: &str = "witness";

/// The number in the header of a new log.
const FIRST_GENERATION: u32 = 1;

/// Everything in a log. It is a public format: people read it with the `sqlite3` shell.
const TABLES: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE streams(
    stream INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE events(
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    hash BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_stream ON events(stream, revision);
CREATE VIEW log AS
    SELECT position, name AS stream, e.revision AS revision, lower(hex(id)) AS id, kind, data,
           metadata, recorded_at_ms,
           strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at_ms / 1000.0, 'unixepoch') AS recorded_at,
           lower(hex(e.hash)) AS hash
    FROM events AS e JOIN streams AS s USING (stream);
";

/// Queries that can be prepared only on a file with all our tables and columns.
const PROBES: [&str; 3] = [
    "SELECT stream, name, revision, hash FROM streams LIMIT 0",
    "SELECT position, stream, revision, id, kind, data, metadata, recorded_at_ms, hash
     FROM events INDEXED BY events_by_stream LIMIT 0",
    "SELECT position, stream, revision, id, kind, data, metadata, recorded_at_ms, hash
     FROM log LIMIT 0",
];

/// Why a log was not opened. Nothing that was there before has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("{} is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error(
        "{} is in use by another doorbuster; stop it first, or name another directory with --data",
        directory.display()
    )]
    InUse { directory: PathBuf },
    #[error(
        "{} may only be read: copy its directory to a place that you may write to", path.display()
    )]
    ReadOnly { path: PathBuf },
    #[error("{}: {problem}", path.display())]
    Io { path: PathBuf, problem: String },
    #[error("{} is not a doorbuster log: {problem}", path.display())]
    Foreign { path: PathBuf, problem: String },
    #[error(
        "{} is a log of version {version}; this doorbuster reads version {VERSION}: use a newer one",
        path.display()
    )]
    Newer { path: PathBuf, version: String },
    #[error("the log {} is damaged: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("{}: {loss}", path.display())]
    Lost { path: PathBuf, loss: Box<Loss> },
}

impl OpenError {
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io { path: path.to_owned(), problem: error.to_string() }
    }

    /// What stands in the way of writing.
    pub(super) fn unwritable(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path: path.to_owned() }
            }
            _ => Self::io(path, error),
        }
    }

    pub(super) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.into() }
    }

    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        if is_damage(error) {
            Self::damaged(path, error.to_string())
        } else {
            Self::Io { path: path.to_owned(), problem: error.to_string() }
        }
    }

    fn foreign(path: &Path, problem: impl Into<String>) -> Self {
        Self::Foreign { path: path.to_owned(), problem: problem.into() }
    }
}

/// True if SQLite says that the content of the file is wrong, not that reading it failed.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase),
        // Not from SQLite: a column holds a type we never store.
        None => true,
    }
}

/// True if the log says that it may hold what is not ours.
pub(super) fn is_marked(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let mut find = connection.prepare_cached("SELECT 1 FROM meta WHERE key = ?1")?;
    find.exists([FOREIGN_MARK])
}

/// True if the log says that there is a witness beside it.
pub(super) fn has_witness(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.prepare("SELECT 1 FROM meta WHERE key = ?1")?.exists([WITNESS_MARK])
}

/// Makes the log say that there is a witness beside it.
pub(super) fn mark_witness(connection: &Connection) -> Result<(), rusqlite::Error> {
    let row = "INSERT INTO meta(key, value) VALUES (?1, '1') ON CONFLICT DO NOTHING";
    connection.execute(row, [WITNESS_MARK]).map(drop)
}

/// Makes the directory of a log, and sees to it that it is still there after a power loss.
pub(super) fn make_directory(directory: &Path) -> Result<(), OpenError> {
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(OpenError::NotADirectory { path: directory.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(OpenError::io(directory, &error)),
    }
    let missing: Vec<_> =
        directory.ancestors().take_while(|path| !path.exists()).map(Path::to_owned).collect();
    private::make_directory(directory).map_err(|error| OpenError::unwritable(directory, &error))?;
    for made in missing {
        match made.parent() {
            Some(parent) if parent.as_os_str().is_empty() => sync(Path::new("."))?,
            Some(parent) => sync(parent)?,
            None => {}
        }
    }
    Ok(())
}

/// Makes an empty log in a directory that has none. Only the holder of the lock may do this.
pub(super) fn create(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join(LOG_FILE);
    if look::wal_of(&path).exists() {
        let problem = "its write-ahead log is there, but the file itself is missing";
        return Err(OpenError::damaged(&path, problem));
    }
    let draft = directory.join(DRAFT_FILE);
    if draft.exists() {
        fs::remove_file(&draft).map_err(|error| OpenError::io(&draft, &error))?;
    }
    private::make_file(&draft).map_err(|error| OpenError::io(&draft, &error))?;
    write_draft(&draft).map_err(|error| OpenError::sqlite(&draft, &error))?;
    sync(&draft)?;
    // Before the log, which says that it is there.
    witness::create(directory, &Record::settled(0, Last::NONE, FIRST_GENERATION))
        .map_err(|error| OpenError::io(&directory.join(witness::WITNESS_FILE), &error))?;
    fs::rename(&draft, &path).map_err(|error| OpenError::io(&path, &error))?;
    sync(directory)
}

fn write_draft(draft: &Path) -> Result<(), rusqlite::Error> {
    let connection = Connection::open(draft)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES.cast_signed())?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO meta(key, value) VALUES ('format', ?1), ('version', ?2)",
        [FORMAT, VERSION],
    )?;
    mark_witness(&connection)?;
    connection.pragma_update(None, "user_version", FIRST_GENERATION)?;
    // Recorded in the file's header; closing writes everything into the one file.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_connection, error)| error)
}

/// Refuses every file that is not a log this version can read, with the reason. Costs one pass over
/// the streams, none over the events, which `doorbuster verify` and replays check. Returns the
/// connection it used. `in_use` states that another process may be writing.
pub(super) fn inspect(path: &Path, in_use: bool) -> Result<Connection, OpenError> {
    inspect_header(path)?;
    let connection = look::open(path, in_use).map_err(|error| OpenError::sqlite(path, &error))?;
    inspect_meta(path, &connection)?;
    if !look::has_wal(path) {
        inspect_length(path)?;
    }
    for probe in PROBES {
        connection.prepare(probe).map_err(|error| OpenError::damaged(path, error.to_string()))?;
    }
    match inspect_streams(&connection) {
        Ok(None) => Ok(connection),
        Ok(Some(problem)) => Err(OpenError::damaged(path, problem)),
        Err(error) => Err(OpenError::sqlite(path, &error)),
    }
}

fn inspect_header(path: &Path) -> Result<(), OpenError> {
    let file = File::open(path).map_err(|error| OpenError::io(path, &error))?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err(OpenError::foreign(path, "it is not a file"));
    }
    let mut start = Vec::with_capacity(16);
    file.take(16).read_to_end(&mut start).map_err(|error| OpenError::io(path, &error))?;
    if start.is_empty() {
        return Err(OpenError::foreign(path, "it is empty"));
    }
    if start != b"SQLite format 3\0" {
        return Err(OpenError::foreign(path, "it is not an SQLite database"));
    }
    Ok(())
}

/// Compares the file's length with what its header says. SQLite itself takes a last page that is
/// cut short for one that ends in zeros.
fn inspect_length(path: &Path) -> Result<(), OpenError> {
    let mut header = [0; 32];
    let length = File::open(path)
        .and_then(|mut file| {
            file.read_exact(&mut header)?;
            file.metadata()
        })
        .map_err(|error| OpenError::io(path, &error))?
        .len();
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    let expected = page_bytes * u64::from(pages);
    if length == expected {
        return Ok(());
    }
    Err(OpenError::damaged(path, format!("it has {length} bytes where it should have {expected}")))
}

fn inspect_meta(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let value = |key: &str| {
        connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get::<_, String>(0)
            })
            .optional()
    };
    let unknown = || OpenError::foreign(path, "it is another application's SQLite database");
    match value("format") {
        Ok(Some(format)) if format == FORMAT => {}
        Ok(_) => return Err(unknown()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            return Err(unknown());
        }
        Err(error) => return Err(OpenError::sqlite(path, &error)),
    }
    match value("version") {
        Ok(Some(version)) if version == VERSION => Ok(()),
        Ok(Some(version)) => Err(OpenError::Newer { path: path.to_owned(), version }),
        Ok(None) => Err(OpenError::damaged(path, "it does not say its version")),
        Err(error) => Err(OpenError::sqlite(path, &error)),
    }
}

/// What is wrong with the heads of the streams, if anything.
fn inspect_streams(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    // Both questions see the same moment of a log that may be written meanwhile.
    let moment = connection.unchecked_transaction()?;
    let marked = is_marked(&moment)?;
    let mut streams = moment.prepare(
        "SELECT name, revision, stream IS (SELECT o.stream FROM streams AS o WHERE o.name = s.name)
         FROM streams AS s",
    )?;
    let mut rows = streams.query([])?;
    let mut events: i64 = 0;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if !marked && StreamName::parse(&name).is_none() {
            return Ok(Some(format!("it holds a stream of an unknown kind, {name:?}")));
        }
        if !row.get::<_, bool>(2)? {
            return Ok(Some(format!("the stream {name} is not found by its name")));
        }
        events = events.saturating_add(row.get::<_, i64>(1)?.saturating_add(1));
    }
    let last: i64 =
        moment.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| row.get(0))?;
    Ok((last != events).then(|| {
        format!("its streams hold {events} events by their heads, but the last position is {last}")
    }))
}

fn sync(path: &Path) -> Result<(), OpenError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| OpenError::io(path, &error))
}
