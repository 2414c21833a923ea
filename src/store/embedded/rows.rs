//! Rows of the log, checked: the one way from the file to an event.
//!
//! Every event that is read is checked against its place and its hash, so a damaged log ends a
//! replay instead of changing its outcome. What is not ours is damage, too, unless the log says that
//! a client of EventStoreDB wrote to it. No transaction may stay open between two pages, because
//! that would keep the write-ahead log from being started over.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _, Row, params, types::ValueRef};
use uuid::Uuid;

use super::{
    chain::{self, Hash},
    key::StreamKey,
    look,
    raw::Direction,
    schema::{self, is_damage},
};
use crate::store::ReadError;

/// Text in one page, at most, unless its first event alone is larger.
const PAGE_TEXT_BYTES_MAX: usize = 8 << 20;

/// Stream names remembered by one reader; past this all are forgotten and read again as needed.
const NAMES_MAX: usize = 100_000;

/// What a query for a page selects.
pub(super) const COLUMNS: &str =
    "stream, revision, id, kind, data, metadata, recorded_at_ms, hash, position FROM events";

/// One reading connection and the stream names it has met.
#[derive(Debug)]
pub(super) struct ReadSession {
    pub(super) connection: Connection,
    names: HashMap<i64, Name>,
    /// The log was seen to say that it holds what is not ours. It never unsays that.
    marked: bool,
}

/// A stream's name, and the text that others know it by.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) key: StreamKey,
    pub(super) text: Arc<str>,
}

/// An event as it stands in its row, checked.
pub(super) struct Checked<'r> {
    pub(super) position: u64,
    pub(super) name: &'r Name,
    pub(super) revision: u64,
    pub(super) id: Uuid,
    pub(super) kind: &'r str,
    pub(super) data: &'r [u8],
    /// Data is a BLOB.
    pub(super) binary: bool,
    pub(super) metadata: &'r [u8],
    pub(super) recorded_at_ms: i64,
}

/// A page: what its reader kept of the events, and what there was.
pub(super) struct Page<T> {
    pub(super) kept: Vec<T>,
    /// Events that were looked at.
    pub(super) rows: usize,
    /// Revision of the first of them.
    pub(super) first_revision: u64,
    /// Position and revision of the last of them.
    pub(super) last_position: u64,
    pub(super) last_revision: u64,
    /// It ended because it is large enough, not because there is no more.
    pub(super) large: bool,
}

/// What a query for a page asks for.
pub(super) struct Query<'q> {
    pub(super) sql: &'q str,
    pub(super) direction: Direction,
    /// Events to keep, at most; the query's own limit is about events looked at.
    pub(super) max: usize,
}

/// An event that stands before another one in its stream.
#[derive(Debug, Clone, Copy)]
struct Link {
    revision: u64,
    position: u64,
    hash: Hash,
}

/// What is known of a stream while one page is read: its name, and the last event seen of it.
#[derive(Debug, Clone)]
struct Seen {
    name: Name,
    last: Option<Link>,
}

impl ReadSession {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let opened = look::open_beside_others(path);
        let connection = opened.map_err(read_error)?;
        // Memory-mapped reading stays off: a file cut short would end the whole program.
        connection.pragma_update(None, "mmap_size", 0).map_err(read_error)?;
        connection.pragma_update(None, "busy_timeout", 1_000).map_err(read_error)?;
        Ok(Self::over(connection))
    }

    /// Reads with a connection that is open.
    pub(super) fn over(connection: Connection) -> Self {
        Self { connection, names: HashMap::new(), marked: false }
    }

    /// Number and last revision of a stream.
    pub(super) fn find_stream(&self, name: &str) -> Result<Option<(i64, u64)>, ReadError> {
        let sql = "SELECT stream, revision FROM streams WHERE name = ?1";
        let mut find = self.connection.prepare_cached(sql).map_err(read_error)?;
        let found =
            find.query_row([name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())));
        found.optional().map_err(read_error)
    }

    /// Reads and checks what a query selects and keeps what its reader wants of it.
    pub(super) fn read_page<T>(
        &mut self,
        query: &Query<'_>,
        parameters: impl rusqlite::Params,
        mut keep: impl FnMut(&Checked<'_>) -> Option<T>,
    ) -> Result<Page<T>, ReadError> {
        let Self { connection, names, marked } = self;
        let mut statement = connection.prepare_cached(query.sql).map_err(read_error)?;
        let mut rows = statement.query(parameters).map_err(read_error)?;
        let mut page = Page {
            kept: Vec::new(),
            rows: 0,
            first_revision: 0,
            last_position: 0,
            last_revision: 0,
            large: false,
        };
        let mut seen = HashMap::new();
        let mut bytes = 0;
        while page.kept.len() < query.max
            && let Some(row) = rows.next().map_err(read_error)?
        {
            let mut check = Check { connection, names, marked, seen: &mut seen };
            let event = check.row(row, query.direction)?;
            if page.rows == 0 {
                page.first_revision = event.revision;
            }
            if let Some(kept) = keep(&event) {
                bytes += event.data.len() + event.metadata.len();
                if !page.kept.is_empty() && bytes > PAGE_TEXT_BYTES_MAX {
                    page.large = true;
                    return Ok(page);
                }
                page.kept.push(kept);
            }
            page.rows += 1;
            page.last_position = event.position;
            page.last_revision = event.revision;
        }
        Ok(page)
    }
}

/// What checking a row needs.
struct Check<'c> {
    connection: &'c Connection,
    names: &'c mut HashMap<i64, Name>,
    marked: &'c mut bool,
    seen: &'c mut HashMap<i64, Seen>,
}

impl<'c> Check<'c> {
    fn row<'r>(
        self: &'r mut Check<'c>,
        row: &'r Row<'_>,
        direction: Direction,
    ) -> Result<Checked<'r>, ReadError> {
        let column = |index| row.get_ref(index).map_err(read_error);
        let position = integer(column(8)?)?;
        let number = column(0)?.as_i64().map_err(wrong_type)?;
        let revision = integer(column(1)?)?;
        let id = Uuid::from_slice(column(2)?.as_blob().map_err(wrong_type)?).map_err(|error| {
            ReadError::Damaged(format!("the id at position {position}: {error}"))
        })?;
        let kind = text(column(3)?)?;
        let (data, binary) = self.text_or_blob(column(4)?)?;
        let (metadata, _) = self.text_or_blob(column(5)?)?;
        let recorded_at_ms = column(6)?.as_i64().map_err(wrong_type)?;

        let Check { connection, names, marked, seen } = self;
        let seen = match seen.entry(number) {
            Entry::Occupied(seen) => seen.into_mut(),
            Entry::Vacant(new) => {
                let name = name_of(connection, names, marked, number)?;
                new.insert(Seen { name, last: None })
            }
        };
        // Backwards the event before is on the page only after this one.
        let previous = match seen.last.filter(|_| direction == Direction::Forwards) {
            Some(last) => last,
            None => find_link(connection, number, &seen.name.key, revision)?,
        };
        if revision != previous.revision.wrapping_add(1) || position <= previous.position {
            return Err(ReadError::Damaged(format!(
                "revision {revision} of {} is out of order at position {position}",
                seen.name.text
            )));
        }
        let hashed =
            chain::Link { revision, id: &id, recorded_at_ms, kind, data, binary, metadata };
        let hash = chain::link(&previous.hash, &hashed);
        if column(7)?.as_blob() != Ok(hash.as_slice()) {
            return Err(ReadError::Damaged(format!(
                "the event at position {position} (revision {revision} of {}) is not what was \
                 written: its hash does not match",
                seen.name.text
            )));
        }
        seen.last = Some(Link { revision, position, hash });
        let kind = std::str::from_utf8(kind).map_err(|_| {
            ReadError::Damaged(format!("the kind at position {position} is no text"))
        })?;
        let name = &seen.name;
        Ok(Checked { position, name, revision, id, kind, data, binary, metadata, recorded_at_ms })
    }

    /// A value and whether it is a BLOB.
    fn text_or_blob<'v>(&mut self, value: ValueRef<'v>) -> Result<(&'v [u8], bool), ReadError> {
        match value {
            ValueRef::Text(text) => Ok((text, false)),
            ValueRef::Blob(blob) if is_marked(self.connection, self.marked)? => Ok((blob, true)),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
                Err(ReadError::Damaged("a text is missing".to_owned()))
            }
        }
    }
}

/// The name of a stream by its number.
fn name_of(
    connection: &Connection,
    names: &mut HashMap<i64, Name>,
    marked: &mut bool,
    number: i64,
) -> Result<Name, ReadError> {
    if let Some(name) = names.get(&number) {
        return Ok(name.clone());
    }
    let sql = "SELECT name FROM streams WHERE stream = ?1";
    let mut find = connection.prepare_cached(sql).map_err(read_error)?;
    let mut rows = find.query([number]).map_err(read_error)?;
    let Some(row) = rows.next().map_err(read_error)? else {
        return Err(ReadError::Damaged(format!("stream number {number} has no name")));
    };
    let text = row.get_ref(0).map_err(read_error)?.as_str().map_err(wrong_type)?;
    let name = Name { key: StreamKey::of(text), text: text.into() };
    match name.key {
        StreamKey::Ours(_) => {}
        StreamKey::Foreign(_) if is_marked(connection, marked)? => {}
        StreamKey::Foreign(_) => return Err(unknown_stream(text)),
    }
    if names.len() >= NAMES_MAX {
        names.clear();
    }
    names.insert(number, name.clone());
    Ok(name)
}

/// Whether the log says that it holds what is not ours.
fn is_marked(connection: &Connection, known: &mut bool) -> Result<bool, ReadError> {
    if !*known {
        *known = schema::is_marked(connection).map_err(read_error)?;
    }
    Ok(*known)
}

/// The link before an event whose predecessor is not on the page. Before the first event stands
/// the genesis, at no revision and no position.
fn find_link(
    connection: &Connection,
    number: i64,
    stream: &StreamKey,
    revision: u64,
) -> Result<Link, ReadError> {
    let before = revision.wrapping_sub(1);
    if revision == 0 {
        let hash = chain::genesis(stream);
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

/// A stream that is not ours, in a log that does not say it may hold such.
pub(super) fn unknown_stream(name: &str) -> ReadError {
    ReadError::Damaged(format!("a stream of an unknown kind, {name:?}"))
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

/// A number of events as SQL takes it: a negative one is no limit.
pub(super) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(-1)
}

pub(super) fn wrong_type(error: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}

pub(super) fn read_error(error: rusqlite::Error) -> ReadError {
    if is_damage(&error) {
        ReadError::Damaged(error.to_string())
    } else {
        ReadError::Unavailable(error.to_string())
    }
}
