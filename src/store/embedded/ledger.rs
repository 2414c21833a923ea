//! Writing appends inside an open transaction: the rule of expected revisions, and the rows.
//!
//! The heads of the streams are remembered between transactions, so an append costs no query. They
//! are true only while every transaction ends in a commit; whoever rolls back must forget them. An
//! append that is refused here has written nothing, so the others of its group are not disturbed.

use std::collections::HashMap;

use rusqlite::{
    CachedStatement, Connection, OptionalExtension as _, Result, ToSql, params,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    chain::{self, Hash},
    queue::{Answer, Request},
};
use crate::{
    events::{Position, StreamName},
    store::{AppendError, Appended, Expected},
};

/// Heads remembered; past this all are forgotten and read again as needed.
const HEADS_MAX: usize = 100_000;

/// Where the log and its streams end.
#[derive(Debug)]
pub(super) struct Heads {
    /// Last position of the log.
    pub(super) position: i64,
    /// Highest stream number.
    stream: i64,
    streams: HashMap<StreamName, Head>,
}

/// Where one stream ends.
#[derive(Debug, Clone, Copy)]
struct Head {
    stream: i64,
    revision: u64,
    hash: Hash,
}

/// The prepared statements of one transaction.
pub(super) struct Statements<'c> {
    insert_event: CachedStatement<'c>,
    insert_stream: CachedStatement<'c>,
    update_stream: CachedStatement<'c>,
    find_stream: CachedStatement<'c>,
    find_events: CachedStatement<'c>,
}

/// Bytes that are UTF-8, bound as text without a copy of ours.
struct Text<'a>(&'a [u8]);

impl Heads {
    /// Reads where the log ends.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let last = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
        Ok(Self {
            position: last("SELECT coalesce(max(position), 0) FROM events")?,
            stream: last("SELECT coalesce(max(stream), 0) FROM streams")?,
            streams: HashMap::new(),
        })
    }

    /// Writes one append if its stream is as it expects. An error of SQLite means that the whole
    /// transaction must be rolled back.
    pub(super) fn append(
        &mut self,
        statements: &mut Statements<'_>,
        request: &Request,
        recorded_at_ms: i64,
    ) -> Result<Answer> {
        let head = self.head(statements, request.stream)?;
        match (request.expected, head) {
            (Expected::NoStream, None) => self.write(statements, request, None, recorded_at_ms),
            (Expected::Exact(revision), Some(head)) if head.revision == revision => {
                self.write(statements, request, Some(head), recorded_at_ms)
            }
            (Expected::NoStream, Some(head)) => find_repeat(statements, request, head),
            (Expected::Exact(revision), Some(head)) if head.revision > revision => {
                find_repeat(statements, request, head)
            }
            (Expected::Exact(_), _) => Ok(Err(AppendError::Conflict)),
        }
    }

    fn head(&mut self, statements: &mut Statements<'_>, name: StreamName) -> Result<Option<Head>> {
        if let Some(head) = self.streams.get(&name) {
            return Ok(Some(*head));
        }
        let found = statements
            .find_stream
            .query_row([name.to_string()], |row| {
                Ok(Head {
                    stream: row.get(0)?,
                    revision: row.get::<_, i64>(1)?.cast_unsigned(),
                    hash: row.get(2)?,
                })
            })
            .optional()?;
        if let Some(head) = found {
            self.remember(name, head);
        }
        Ok(found)
    }

    fn remember(&mut self, name: StreamName, head: Head) {
        if self.streams.len() >= HEADS_MAX {
            self.streams.clear();
        }
        self.streams.insert(name, head);
    }

    fn write(
        &mut self,
        statements: &mut Statements<'_>,
        request: &Request,
        head: Option<Head>,
        recorded_at_ms: i64,
    ) -> Result<Answer> {
        let name = request.stream;
        let (stream, mut hash) = match head {
            Some(head) => (head.stream, head.hash),
            None => (self.stream + 1, chain::genesis(&name)),
        };
        let mut revision = request.expected.next_revision();
        let insert = &mut statements.insert_event;
        // What is the same for all events of an append stays bound.
        insert.raw_bind_parameter(2, stream)?;
        insert.raw_bind_parameter(8, recorded_at_ms)?;
        for event in request.events.iter() {
            let kind = event.kind.as_bytes();
            hash = chain::link(
                &hash,
                revision,
                &event.id,
                recorded_at_ms,
                kind,
                &event.data,
                &event.metadata,
            );
            self.position += 1;
            insert.raw_bind_parameter(1, self.position)?;
            insert.raw_bind_parameter(3, revision.cast_signed())?;
            insert.raw_bind_parameter(4, event.id.as_bytes().as_slice())?;
            insert.raw_bind_parameter(5, &*event.kind)?;
            insert.raw_bind_parameter(6, Text(&event.data))?;
            insert.raw_bind_parameter(7, Text(&event.metadata))?;
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
                params![stream, name.to_string(), last_revision.cast_signed(), hash.as_slice()];
            statements.insert_stream.execute(row)?;
        }
        self.remember(name, Head { stream, revision: last_revision, hash });
        Ok(Ok(Appended { last_revision, last_position: Position(self.position.cast_unsigned()) }))
    }
}

/// An append that comes late is a repeat if exactly its events stand where it wants to write them,
/// and a conflict otherwise. Ids are compared, not texts: ids are derived from commands.
fn find_repeat(statements: &mut Statements<'_>, request: &Request, head: Head) -> Result<Answer> {
    let first = request.expected.next_revision();
    let last = first + (request.events.len() as u64 - 1);
    let mut rows = statements.find_events.query(params![
        head.stream,
        first.cast_signed(),
        last.cast_signed()
    ])?;
    let mut position = 0;
    for event in request.events.iter() {
        match rows.next()? {
            Some(row) if row.get_ref(0)?.as_blob()? == event.id.as_bytes() => {
                position = row.get::<_, i64>(1)?;
            }
            _ => return Ok(Err(AppendError::Conflict)),
        }
    }
    Ok(Ok(Appended { last_revision: last, last_position: Position(position.cast_unsigned()) }))
}

impl<'c> Statements<'c> {
    /// From the connection's cache: prepared once, not for each transaction.
    pub(super) fn of(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            insert_event: connection.prepare_cached(
                "INSERT INTO events(position, stream, revision, id, kind, data, metadata,
                                    recorded_at_ms, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            insert_stream: connection.prepare_cached(
                "INSERT INTO streams(stream, name, revision, hash) VALUES (?1, ?2, ?3, ?4)",
            )?,
            update_stream: connection
                .prepare_cached("UPDATE streams SET revision = ?2, hash = ?3 WHERE stream = ?1")?,
            find_stream: connection
                .prepare_cached("SELECT stream, revision, hash FROM streams WHERE name = ?1")?,
            find_events: connection.prepare_cached(
                "SELECT id, position FROM events
                 WHERE stream = ?1 AND revision BETWEEN ?2 AND ?3 ORDER BY revision",
            )?,
        })
    }
}

impl ToSql for Text<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}
