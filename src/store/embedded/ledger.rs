//! Writing appends inside an open transaction: the rule of expected revisions, and the rows.
//!
//! The heads of the streams are cached between transactions, so an append costs no query. They are
//! valid only while every transaction ends in a commit; a rollback must drop them. An append that
//! is refused here has written nothing, so the others of its group are not affected.

use std::collections::HashMap;

use rusqlite::{
    CachedStatement, Connection, OptionalExtension as _, Result, ToSql, params,
    types::{ToSqlOutput, ValueRef},
};
use uuid::Uuid;

use super::{
    chain::{self, Hash, Link},
    judge,
    key::StreamKey,
    queue::{Answer, Append},
    schema::{self, FOREIGN_MARK},
    witness::Last,
};
use crate::{
    events::Position,
    store::{AppendError, Appended, Expected},
};

/// Heads remembered; past this all are forgotten and read again as needed.
pub(super) const HEADS_MAX: usize = 100_000;

/// Where the log and its streams end.
#[derive(Debug)]
pub(super) struct Heads {
    /// Last position of the log.
    pub(super) position: i64,
    /// Id and hash of the event there.
    last: (Uuid, Hash),
    /// Last position of an event in one of our own streams.
    pub(super) ours: i64,
    /// The log says that it may hold what is not ours.
    marked: bool,
    /// Highest stream number.
    stream: i64,
    streams: HashMap<StreamKey, Head>,
}

/// Where one stream ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) stream: i64,
    pub(super) revision: u64,
    hash: Hash,
}

/// An event, ready to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewRow<'a> {
    pub(super) id: &'a Uuid,
    pub(super) kind: &'a str,
    pub(super) data: Bytes<'a>,
    pub(super) metadata: Bytes<'a>,
}

/// Bytes and how they are stored. They are bound without a copy of ours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes<'a> {
    /// Must be UTF-8.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// The prepared statements of one transaction. Those that every append needs are at hand; the others stay in
/// the connection's cache until they are needed, because taking one out and putting it back is not free.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    insert_event: CachedStatement<'c>,
    update_stream: CachedStatement<'c>,
}

const INSERT_STREAM: &str =
    "INSERT INTO streams(stream, name, revision, hash) VALUES (?1, ?2, ?3, ?4)";
const FIND_STREAM: &str = "SELECT stream, revision, hash FROM streams WHERE name = ?1";
const FIND_EVENTS: &str = "SELECT id, position FROM events
                           WHERE stream = ?1 AND revision >= ?2 ORDER BY revision";
const FIND_EVENT: &str = "SELECT position, kind, data, recorded_at_ms FROM events
                          WHERE stream = ?1 AND revision = ?2";
const MARK: &str = "INSERT INTO meta(key, value) VALUES (?1, '1') ON CONFLICT DO NOTHING";

impl Heads {
    /// Reads where the log ends.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let last = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
        let event = judge::last_event(connection)?;
        let position = event.position.cast_signed();
        let marked = schema::is_marked(connection)?;
        Ok(Self {
            position,
            last: (event.id, event.hash),
            ours: if marked { last_of_ours(connection)? } else { position },
            marked,
            stream: last("SELECT coalesce(max(stream), 0) FROM streams")?,
            streams: HashMap::new(),
        })
    }

    /// The last event of the log.
    pub(super) fn last(&self) -> Last {
        let (id, hash) = self.last;
        Last { position: self.position.cast_unsigned(), id, hash }
    }

    /// Writes one append if its stream is as it expects. An error of SQLite means that the whole
    /// transaction must be rolled back.
    pub(super) fn append(
        &mut self,
        statements: &mut Statements<'_>,
        append: &Append,
        recorded_at_ms: i64,
    ) -> Result<Answer> {
        let key = StreamKey::Ours(append.stream);
        let head = self.head(statements, &key)?;
        let as_expected = match (append.expected, head) {
            (Expected::NoStream, None) => true,
            (Expected::Exact(revision), Some(head)) => head.revision == revision,
            (Expected::NoStream, Some(_)) | (Expected::Exact(_), None) => false,
        };
        if as_expected {
            let rows = append.events.iter().map(|event| NewRow {
                id: &event.id,
                kind: &event.kind,
                data: Bytes::Text(&event.data),
                metadata: Bytes::Text(&event.metadata),
            });
            let last_revision = self.write(statements, &key, head, rows, recorded_at_ms)?;
            let last_position = Position(self.position.cast_unsigned());
            return Ok(Ok(Appended { last_revision, last_position }));
        }
        match head {
            Some(head) if head.revision >= append.expected.next_revision() => {
                find_repeat(statements, append, head)
            }
            Some(_) | None => Ok(Err(AppendError::Conflict(head.map(|head| head.revision)))),
        }
    }

    /// Where a stream ends; `None` if nothing was ever written to it.
    pub(super) fn head(
        &mut self,
        statements: &mut Statements<'_>,
        key: &StreamKey,
    ) -> Result<Option<Head>> {
        if let Some(head) = self.streams.get(key) {
            return Ok(Some(*head));
        }
        let found = statements
            .rare(FIND_STREAM)?
            .query_row([key.to_string()], |row| {
                Ok(Head {
                    stream: row.get(0)?,
                    revision: row.get::<_, i64>(1)?.cast_unsigned(),
                    hash: row.get(2)?,
                })
            })
            .optional()?;
        if let Some(head) = found {
            self.remember(key, head);
        }
        Ok(found)
    }

    /// Writes at least one event behind the head of a stream and returns the last revision.
    pub(super) fn write<'a>(
        &mut self,
        statements: &mut Statements<'_>,
        key: &StreamKey,
        head: Option<Head>,
        rows: impl Iterator<Item = NewRow<'a>>,
        recorded_at_ms: i64,
    ) -> Result<u64> {
        let (stream, mut hash, mut revision) = match head {
            Some(head) => (head.stream, head.hash, head.revision + 1),
            None => (self.stream + 1, chain::genesis(key), 0),
        };
        // What is the same for all events of an append stays bound.
        statements.insert_event.raw_bind_parameter(2, stream)?;
        statements.insert_event.raw_bind_parameter(8, recorded_at_ms)?;
        for NewRow { id, kind, data, metadata } in rows {
            if !self.marked && (data.is_blob() || metadata.is_blob()) {
                self.mark(statements)?;
            }
            let event = Link {
                revision,
                id,
                recorded_at_ms,
                kind: kind.as_bytes(),
                data: data.bytes(),
                binary: data.is_blob(),
                metadata: metadata.bytes(),
            };
            hash = chain::link(&hash, &event);
            self.position += 1;
            self.last = (*id, hash);
            let insert = &mut statements.insert_event;
            insert.raw_bind_parameter(1, self.position)?;
            insert.raw_bind_parameter(3, revision.cast_signed())?;
            insert.raw_bind_parameter(4, id.as_bytes().as_slice())?;
            insert.raw_bind_parameter(5, kind)?;
            insert.raw_bind_parameter(6, data)?;
            insert.raw_bind_parameter(7, metadata)?;
            insert.raw_bind_parameter(9, hash.as_slice())?;
            insert.raw_execute()?;
            revision += 1;
        }
        let last_revision = revision - 1;
        if head.is_some() {
            let row = params![stream, last_revision.cast_signed(), hash.as_slice()];
            statements.update_stream.execute(row)?;
        } else {
            self.stream = stream;
            let row =
                params![stream, key.to_string(), last_revision.cast_signed(), hash.as_slice()];
            statements.rare(INSERT_STREAM)?.execute(row)?;
        }
        match key {
            StreamKey::Ours(_) => self.ours = self.position,
            StreamKey::Foreign(_) => self.mark(statements)?,
        }
        self.remember(key, Head { stream, revision: last_revision, hash });
        Ok(last_revision)
    }

    fn remember(&mut self, key: &StreamKey, head: Head) {
        if self.streams.len() >= HEADS_MAX {
            self.streams.clear();
        }
        self.streams.insert(key.clone(), head);
    }

    /// Makes the log say that it may hold what is not ours, in the same transaction as the first
    /// of it.
    fn mark(&mut self, statements: &mut Statements<'_>) -> Result<()> {
        if !self.marked {
            statements.rare(MARK)?.execute([FOREIGN_MARK])?;
            self.marked = true;
        }
        Ok(())
    }
}

/// Position of the last event in one of our streams. Looks at what was written after it.
fn last_of_ours(connection: &Connection) -> Result<i64> {
    let mut query = connection.prepare(
        "SELECT position, name FROM events JOIN streams USING (stream) ORDER BY position DESC",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        match StreamKey::of(row.get_ref(1)?.as_str()?) {
            StreamKey::Ours(_) => return row.get(0),
            StreamKey::Foreign(_) => {}
        }
    }
    Ok(0)
}

/// An append that comes late is a repeat if exactly its events stand where it wants to write them,
/// and a conflict otherwise. Ids are compared, not texts: ids are derived from commands.
fn find_repeat(statements: &mut Statements<'_>, append: &Append, head: Head) -> Result<Answer> {
    let first = append.expected.next_revision();
    let ids = append.events.iter().map(|event| &event.id);
    let same = statements.same_ids(head.stream, first, ids)?;
    if same.count < append.events.len() {
        return Ok(Err(AppendError::Conflict(Some(head.revision))));
    }
    let last_revision = first + (same.count as u64 - 1);
    Ok(Ok(Appended { last_revision, last_position: Position(same.position.cast_unsigned()) }))
}

/// How many events from the first on have the ids they should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Same {
    pub(super) count: usize,
    /// Position of the last of them.
    pub(super) position: i64,
}

/// One event of a stream.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) position: i64,
    pub(super) kind: String,
    pub(super) data: Vec<u8>,
    pub(super) recorded_at_ms: i64,
}

impl<'c> Statements<'c> {
    /// From the connection's cache: prepared once, not for each transaction.
    pub(super) fn of(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            connection,
            insert_event: connection.prepare_cached(
                "INSERT INTO events(position, stream, revision, id, kind, data, metadata,
                                    recorded_at_ms, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            update_stream: connection
                .prepare_cached("UPDATE streams SET revision = ?2, hash = ?3 WHERE stream = ?1")?,
        })
    }

    /// A statement that few appends need.
    fn rare(&self, sql: &str) -> Result<CachedStatement<'c>> {
        self.connection.prepare_cached(sql)
    }

    /// Compares the ids of a stream's events from a revision on.
    pub(super) fn same_ids<'a>(
        &mut self,
        stream: i64,
        first_revision: u64,
        ids: impl Iterator<Item = &'a Uuid>,
    ) -> Result<Same> {
        let mut find = self.rare(FIND_EVENTS)?;
        let mut rows = find.query(params![stream, first_revision.cast_signed()])?;
        let mut same = Same { count: 0, position: 0 };
        for id in ids {
            match rows.next()? {
                Some(row) if row.get_ref(0)?.as_blob()? == id.as_bytes() => {
                    same = Same { count: same.count + 1, position: row.get(1)? };
                }
                Some(_) | None => break,
            }
        }
        Ok(same)
    }

    /// One event of a stream.
    pub(super) fn event(&mut self, stream: i64, revision: u64) -> Result<Option<Found>> {
        let place = params![stream, revision.cast_signed()];
        let found = self.rare(FIND_EVENT)?.query_row(place, |row| {
            Ok(Found {
                position: row.get(0)?,
                kind: row.get(1)?,
                data: row.get_ref(2)?.as_bytes()?.to_vec(),
                recorded_at_ms: row.get(3)?,
            })
        });
        found.optional()
    }
}

impl<'a> Bytes<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(bytes) | Self::Blob(bytes) => bytes,
        }
    }

    fn is_blob(self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Blob(_) => true,
        }
    }
}

impl ToSql for Bytes<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
