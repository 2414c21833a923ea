//! Reading the log.
//!
//! Every event that is read is checked against its place and its hash, so a damaged log ends a
//! replay instead of changing its outcome. Reading takes no lock of ours and goes on beside the
//! writer; it must never keep a transaction open between two pages, because that would keep the
//! write-ahead log from being started over.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params, types::ValueRef};
use uuid::Uuid;

use super::{
    OpenError,
    chain::{self, Hash},
    schema::{self, LOG_FILE, is_damage},
};
use crate::{
    events::{Position, Recorded, StreamName},
    store::ReadError,
};

/// Text in one page, at most, unless its first event alone is larger.
const PAGE_TEXT_BYTES_MAX: usize = 8 << 20;

/// Stream names remembered by one reader; past this all are forgotten and read again as needed.
const NAMES_MAX: usize = 100_000;

const COLUMNS: &str =
    "stream, revision, id, kind, data, metadata, recorded_at_ms, hash, position FROM events";

/// Reads a log that somebody else may be writing: another process, or nobody. Takes no lock and
/// changes nothing in the log. Its methods block.
#[derive(Debug)]
pub struct LogReader {
    session: Mutex<ReadSession>,
}

/// Where one stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    pub name: StreamName,
    pub last_revision: u64,
    /// Hash of its last event.
    pub hash: Hash,
}

impl LogReader {
    /// Opens the log of a directory.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOG_FILE);
        schema::inspect(&path)?;
        let session = ReadSession::open(&path)
            .map_err(|error| OpenError::Io { path, problem: error.to_string() })?;
        Ok(Self { session: Mutex::new(session) })
    }

    /// Like [`read_stream`](crate::store::EventStore::read_stream) of the store.
    pub fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.with(|session| session.read_stream(stream, from_revision, max))
    }

    /// Like [`read_all`](crate::store::EventStore::read_all) of the store.
    pub fn read_all(&self, after: Position, max: usize) -> Result<Vec<Recorded>, ReadError> {
        self.with(|session| session.read_all(after, max, Position::START))
    }

    /// Position of the last event.
    pub fn head(&self) -> Result<Position, ReadError> {
        self.with(|session| {
            let sql = "SELECT coalesce(max(position), 0) FROM events";
            let last = session.connection.query_row(sql, [], |row| row.get(0));
            last.map(|last: i64| Position(last.cast_unsigned())).map_err(read_error)
        })
    }

    /// All streams, in the order of their first events.
    pub fn streams(&self) -> Result<Vec<StreamHead>, ReadError> {
        self.with(ReadSession::streams)
    }

    fn with<T>(&self, read: impl FnOnce(&mut ReadSession) -> T) -> T {
        read(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One reading connection and the stream names it has met.
#[derive(Debug)]
pub(super) struct ReadSession {
    connection: Connection,
    names: HashMap<i64, StreamName>,
}

/// An event that stands before another one in its stream.
#[derive(Debug, Clone, Copy)]
struct Link {
    revision: u64,
    position: u64,
    hash: Hash,
}

/// What is known of a stream while one page is read: its name, and the last event seen of it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    name: StreamName,
    last: Option<Link>,
}

/// A page, and whether it was ended because it is large enough.
struct Page {
    events: Vec<Recorded>,
    large: bool,
}

impl ReadSession {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(read_error)?;
        // Memory-mapped reading stays off: a file cut short would end the whole program.
        connection.pragma_update(None, "mmap_size", 0).map_err(read_error)?;
        connection.pragma_update(None, "busy_timeout", 1_000).map_err(read_error)?;
        Ok(Self { connection, names: HashMap::new() })
    }

    pub(super) fn last_revision(&mut self, stream: StreamName) -> Result<Option<u64>, ReadError> {
        Ok(self.find_stream(stream)?.map(|(_number, last)| last))
    }

    pub(super) fn read_stream(
        &mut self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        let Ok(from) = i64::try_from(from_revision) else { return Ok(Vec::new()) };
        let Some((number, head)) = self.find_stream(stream)? else { return Ok(Vec::new()) };
        let sql = format!(
            "SELECT {COLUMNS} WHERE stream = ?1 AND revision >= ?2 ORDER BY revision LIMIT ?3"
        );
        let Page { events, large } = self.read_page(&sql, params![number, from, limit(max)])?;
        match events.first() {
            Some(first) if first.revision != from_revision => {
                return Err(ReadError::Damaged(format!(
                    "{stream} goes on at revision {}, not {from_revision}",
                    first.revision
                )));
            }
            _ => {}
        }
        // All there is up to the head, unless more was not wanted.
        let end = from_revision + events.len() as u64;
        if events.len() < max && !large && end <= head {
            let problem = format!("{stream} ends before revision {end}; its head is {head}");
            return Err(ReadError::Damaged(problem));
        }
        Ok(events)
    }

    /// Reads on after a position. `head` is a position that is known to be there.
    pub(super) fn read_all(
        &mut self,
        after: Position,
        max: usize,
        head: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        let Ok(from) = i64::try_from(after.0) else { return Ok(Vec::new()) };
        let sql = format!("SELECT {COLUMNS} WHERE position > ?1 ORDER BY position LIMIT ?2");
        let Page { events, large } = self.read_page(&sql, params![from, limit(max)])?;
        for (event, expected) in events.iter().zip(after.0 + 1..) {
            if event.position.0 != expected {
                let position = event.position;
                let problem = format!("it goes on at position {position}, not {expected}");
                return Err(ReadError::Damaged(problem));
            }
        }
        let end = after.0 + events.len() as u64;
        if events.len() < max && !large && end < head.0 {
            let problem = format!("it ends at position {end}, though {head} was written");
            return Err(ReadError::Damaged(problem));
        }
        Ok(events)
    }

    /// Number and last revision of a stream.
    fn find_stream(&self, stream: StreamName) -> Result<Option<(i64, u64)>, ReadError> {
        let sql = "SELECT stream, revision FROM streams WHERE name = ?1";
        let mut find = self.connection.prepare_cached(sql).map_err(read_error)?;
        let found = find.query_row([stream.to_string()], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        });
        found.optional().map_err(read_error)
    }

    fn streams(&mut self) -> Result<Vec<StreamHead>, ReadError> {
        let sql = "SELECT name, revision, hash FROM streams ORDER BY stream";
        let mut query = self.connection.prepare_cached(sql).map_err(read_error)?;
        let mut rows = query.query([]).map_err(read_error)?;
        let mut heads = Vec::new();
        while let Some(row) = rows.next().map_err(read_error)? {
            let name = row.get_ref(0).map_err(read_error)?;
            let revision: i64 = row.get(1).map_err(read_error)?;
            heads.push(StreamHead {
                name: stream_name(name)?,
                last_revision: revision.cast_unsigned(),
                hash: row.get(2).map_err(read_error)?,
            });
        }
        Ok(heads)
    }

    fn read_page(
        &mut self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Page, ReadError> {
        let Self { connection, names } = self;
        let mut query = connection.prepare_cached(sql).map_err(read_error)?;
        let mut rows = query.query(parameters).map_err(read_error)?;
        let mut events = Vec::new();
        let mut seen = HashMap::new();
        let mut bytes = 0;
        while let Some(row) = rows.next().map_err(read_error)? {
            let event = recorded(connection, names, &mut seen, row)?;
            bytes += event.data.len() + event.metadata.len();
            if !events.is_empty() && bytes > PAGE_TEXT_BYTES_MAX {
                return Ok(Page { events, large: true });
            }
            events.push(event);
        }
        Ok(Page { events, large: false })
    }
}

/// Reading connections that wait for the next page to be read.
#[derive(Debug)]
pub(super) struct IdleReaders {
    path: PathBuf,
    sessions: Mutex<Vec<ReadSession>>,
}

impl IdleReaders {
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path, sessions: Mutex::new(Vec::new()) }
    }

    /// Reads with an idle connection or a new one. Blocks.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut ReadSession) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.sessions().pop();
        let mut session = match idle {
            Some(session) => session,
            None => ReadSession::open(&self.path)?,
        };
        let outcome = read(&mut session)?;
        // Not reached after an error: a fresh connection is the better one to try with then.
        self.sessions().push(session);
        Ok(outcome)
    }

    pub(super) fn close(&self) {
        self.sessions().clear();
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<ReadSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recorded(
    connection: &Connection,
    names: &mut HashMap<i64, StreamName>,
    seen: &mut HashMap<i64, Seen>,
    row: &Row<'_>,
) -> Result<Recorded, ReadError> {
    let column = |index| row.get_ref(index).map_err(read_error);
    let position = integer(column(8)?)?;
    let number = column(0)?.as_i64().map_err(wrong_type)?;
    let seen = match seen.entry(number) {
        Entry::Occupied(seen) => seen.into_mut(),
        Entry::Vacant(new) => {
            new.insert(Seen { name: find_name(connection, names, number)?, last: None })
        }
    };
    let stream = seen.name;
    let revision = integer(column(1)?)?;
    let id = Uuid::from_slice(column(2)?.as_blob().map_err(wrong_type)?)
        .map_err(|error| ReadError::Damaged(format!("the id at position {position}: {error}")))?;
    let (kind, data, metadata) = (text(column(3)?)?, text(column(4)?)?, text(column(5)?)?);
    let recorded_at_ms = column(6)?.as_i64().map_err(wrong_type)?;
    let previous = match seen.last {
        Some(last) => last,
        None => find_link(connection, number, stream, revision)?,
    };
    if revision != previous.revision.wrapping_add(1) || position <= previous.position {
        return Err(ReadError::Damaged(format!(
            "revision {revision} of {stream} is out of order at position {position}"
        )));
    }
    let hash = chain::link(&previous.hash, revision, &id, recorded_at_ms, kind, data, metadata);
    if column(7)?.as_blob() != Ok(hash.as_slice()) {
        return Err(ReadError::Damaged(format!(
            "the event at position {position} (revision {revision} of {stream}) is not what was \
             written: its hash does not match"
        )));
    }
    seen.last = Some(Link { revision, position, hash });
    let kind = String::from_utf8(kind.to_vec())
        .map_err(|_| ReadError::Damaged(format!("the kind at position {position} is no text")))?;
    Ok(Recorded {
        position: Position(position),
        stream,
        revision,
        id,
        kind,
        data: data.to_vec(),
        metadata: metadata.to_vec(),
        recorded_at_ms,
    })
}

fn find_name(
    connection: &Connection,
    names: &mut HashMap<i64, StreamName>,
    number: i64,
) -> Result<StreamName, ReadError> {
    if let Some(name) = names.get(&number) {
        return Ok(*name);
    }
    let sql = "SELECT name FROM streams WHERE stream = ?1";
    let mut find = connection.prepare_cached(sql).map_err(read_error)?;
    let mut rows = find.query([number]).map_err(read_error)?;
    let Some(row) = rows.next().map_err(read_error)? else {
        return Err(ReadError::Damaged(format!("stream number {number} has no name")));
    };
    let name = stream_name(row.get_ref(0).map_err(read_error)?)?;
    if names.len() >= NAMES_MAX {
        names.clear();
    }
    names.insert(number, name);
    Ok(name)
}

/// The link before an event whose predecessor is not on the page. Before the first event stands
/// the genesis, at no revision and no position.
fn find_link(
    connection: &Connection,
    number: i64,
    stream: StreamName,
    revision: u64,
) -> Result<Link, ReadError> {
    let before = revision.wrapping_sub(1);
    if revision == 0 {
        let hash = chain::genesis(&stream);
        return Ok(Link { revision: before, position: 0, hash });
    }
    let sql = "SELECT position, hash FROM events WHERE stream = ?1 AND revision = ?2";
    let mut find = connection.prepare_cached(sql).map_err(read_error)?;
    let found = find.query_row(params![number, before.cast_signed()], |row| {
        let position = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(Link { revision: before, position, hash: row.get(1)? })
    });
    found
        .optional()
        .map_err(read_error)?
        .ok_or_else(|| ReadError::Damaged(format!("revision {before} of {stream} is missing")))
}

fn stream_name(value: ValueRef<'_>) -> Result<StreamName, ReadError> {
    let name = value.as_str().map_err(wrong_type)?;
    StreamName::parse(name)
        .ok_or_else(|| ReadError::Damaged(format!("a stream of an unknown kind, {name:?}")))
}

fn integer(value: ValueRef<'_>) -> Result<u64, ReadError> {
    let value = value.as_i64().map_err(wrong_type)?;
    u64::try_from(value).map_err(|_| ReadError::Damaged(format!("{value} is below zero")))
}

fn text(value: ValueRef<'_>) -> Result<&[u8], ReadError> {
    match value {
        ValueRef::Text(text) => Ok(text),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
            Err(ReadError::Damaged("a text is missing".to_owned()))
        }
    }
}

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

fn wrong_type(error: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}

fn read_error(error: rusqlite::Error) -> ReadError {
    if is_damage(&error) {
        ReadError::Damaged(error.to_string())
    } else {
        ReadError::Unavailable(error.to_string())
    }
}
