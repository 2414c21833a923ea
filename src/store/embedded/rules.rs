//! How a write of a client of EventStoreDB is decided: exactly as its server decides.
//!
//! Four expectations, two kinds of idempotency, two kinds of deletion. Everything is decided in the
//! writer's thread, one write after the other, so nothing changes between looking and writing. A
//! write that is refused has written nothing. The state cached here is valid only while every
//! transaction ends in a commit; a rollback must drop it.

use std::collections::HashMap;

use rusqlite::Result;
use uuid::Uuid;

use super::{
    key::StreamKey,
    ledger::{Bytes, HEADS_MAX, Head, Heads, NewRow, Statements},
    raw::{
        METADATA, RawAnswer, RawChange, RawEvent, RawExpected, RawRefusal, RawWrite, RawWritten,
        TOMBSTONE,
    },
    recent::{Known, REMEMBERED_BYTES, RecentIds},
    settings::{self, Settings},
};
use crate::events::Position;

/// What the writer remembers for clients.
#[derive(Debug)]
pub(super) struct Rules {
    recent: RecentIds,
    streams: HashMap<StreamKey, Stream>,
}

/// What a stream's metadata and its last event say about it.
#[derive(Debug, Clone)]
struct Stream {
    settings: Settings,
    /// Metadata was written, whatever it says.
    has_metadata: bool,
    tombstoned: bool,
}

/// One transaction: the log as it is written, and its moment.
struct Moment<'m, 'c> {
    heads: &'m mut Heads,
    statements: &'m mut Statements<'c>,
    now_ms: i64,
}

/// What is to happen to an append.
enum Decision {
    Write,
    /// It was written before, up to this revision.
    Repeat {
        last_revision: u64,
    },
    Refuse(RawRefusal),
}

impl Rules {
    pub(super) fn new() -> Self {
        Self { recent: RecentIds::new(REMEMBERED_BYTES), streams: HashMap::new() }
    }

    /// Forgets everything: what was remembered is not true any more.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
        self.streams.clear();
    }

    /// Does one write, or says why not. An error of SQLite means that the whole transaction must
    /// be rolled back.
    pub(super) fn write(
        &mut self,
        heads: &mut Heads,
        statements: &mut Statements<'_>,
        write: &RawWrite,
        now_ms: i64,
    ) -> Result<RawAnswer> {
        let moment = &mut Moment { heads, statements, now_ms };
        let key = StreamKey::of(&write.stream);
        let described = key.described();
        // The end of a stream also ends its metadata.
        for stream in described.iter().chain([&key]) {
            if self.stream(moment, stream)?.tombstoned {
                return Ok(Err(RawRefusal::Deleted));
            }
        }
        match &write.change {
            RawChange::Append(events) => self.append(moment, &key, write.expected, events),
            RawChange::Delete | RawChange::Tombstone if described.is_some() => {
                let problem = "stream: metadata is not deleted by itself; write it instead";
                Ok(Err(RawRefusal::Invalid(problem.to_owned())))
            }
            RawChange::Delete => self.delete(moment, &key, write.expected),
            RawChange::Tombstone => self.tombstone(moment, &key, write.expected),
        }
    }

    fn append(
        &mut self,
        moment: &mut Moment<'_, '_>,
        key: &StreamKey,
        expected: RawExpected,
        events: &[RawEvent],
    ) -> Result<RawAnswer> {
        let head = moment.heads.head(moment.statements, key)?;
        let stream = self.stream(moment, key)?;
        let decision = self.decide(moment, key, (expected, head, &stream), events)?;
        match decision {
            Decision::Refuse(refusal) => return Ok(Err(refusal)),
            Decision::Repeat { last_revision } => {
                let position = visible(moment, head, &stream.settings, last_revision)?;
                return Ok(Ok(RawWritten { last_revision: Some(last_revision), position }));
            }
            Decision::Write => {}
        }
        let first_revision = next_revision(head);
        let written = if events.is_empty() {
            RawWritten {
                last_revision: head.map(|head| head.revision),
                position: Some(moment.position()),
            }
        } else {
            let last_revision = moment.append(key, events)?;
            for (event, revision) in events.iter().zip(first_revision..) {
                self.recent.insert(event.id, key, revision);
            }
            RawWritten { last_revision: Some(last_revision), position: Some(moment.position()) }
        };
        if stream.settings.is_deleted() {
            self.undelete(moment, key, first_revision)?;
        }
        if let Some(described) = key.described() {
            let deleted = self.stream(moment, &described)?.settings.is_deleted();
            self.streams.remove(&described);
            if deleted {
                let head = moment.heads.head(moment.statements, &described)?;
                self.undelete(moment, &described, next_revision(head))?;
            }
        }
        Ok(Ok(written))
    }

    /// Compares an append with its stream.
    fn decide(
        &self,
        moment: &mut Moment<'_, '_>,
        key: &StreamKey,
        (expected, head, stream): (RawExpected, Option<Head>, &Stream),
        events: &[RawEvent],
    ) -> Result<Decision> {
        let current = head.map(|head| head.revision);
        let wrong = Decision::Refuse(RawRefusal::WrongVersion { current });
        let expected_next = match expected {
            RawExpected::StreamExists if stream.settings.is_deleted() => {
                return Ok(Decision::Refuse(RawRefusal::Deleted));
            }
            RawExpected::StreamExists if head.is_none() && !stream.has_metadata => {
                return Ok(wrong);
            }
            RawExpected::Any | RawExpected::StreamExists => {
                let ids = events.iter().map(|event| &event.id);
                return Ok(match self.recent.find(key, ids) {
                    Known::New => Decision::Write,
                    Known::All { last_revision } => Decision::Repeat { last_revision },
                    Known::Some => wrong,
                });
            }
            RawExpected::NoStream => 0,
            RawExpected::Exact(revision) => revision.saturating_add(1),
        };
        let next = next_revision(head);
        match head {
            _ if expected_next == next => Ok(Decision::Write),
            Some(head) if expected_next < next && !events.is_empty() => {
                let ids = events.iter().map(|event| &event.id);
                let same = moment.statements.same_ids(head.stream, expected_next, ids)?.count;
                let may_restart = expected == RawExpected::NoStream && stream.settings.is_deleted();
                Ok(if same == events.len() {
                    Decision::Repeat { last_revision: expected_next + (same as u64 - 1) }
                } else if same == 0 && may_restart {
                    Decision::Write
                } else {
                    wrong
                })
            }
            Some(_) | None => Ok(wrong),
        }
    }

    fn delete(
        &mut self,
        moment: &mut Moment<'_, '_>,
        key: &StreamKey,
        expected: RawExpected,
    ) -> Result<RawAnswer> {
        let head = moment.heads.head(moment.statements, key)?;
        let stream = self.stream(moment, key)?;
        let without_events = match expected {
            RawExpected::Any | RawExpected::NoStream | RawExpected::StreamExists => {
                stream.has_metadata
            }
            RawExpected::Exact(_) => false,
        };
        if let Err(refusal) = may_delete(head, &stream, expected, without_events) {
            return Ok(Err(refusal));
        }
        moment.append_metadata(key, settings::deleted())?;
        self.streams.remove(key);
        let last_revision = head.map(|head| head.revision);
        Ok(Ok(RawWritten { last_revision, position: Some(moment.position()) }))
    }

    fn tombstone(
        &mut self,
        moment: &mut Moment<'_, '_>,
        key: &StreamKey,
        expected: RawExpected,
    ) -> Result<RawAnswer> {
        let head = moment.heads.head(moment.statements, key)?;
        let stream = self.stream(moment, key)?;
        let without_events = match expected {
            RawExpected::Any | RawExpected::NoStream => true,
            RawExpected::StreamExists => stream.has_metadata,
            RawExpected::Exact(_) => false,
        };
        if let Err(refusal) = may_delete(head, &stream, expected, without_events) {
            return Ok(Err(refusal));
        }
        let id = derived_id(key, next_revision(head));
        let row =
            NewRow { id: &id, kind: TOMBSTONE, data: Bytes::Blob(b""), metadata: Bytes::Text(b"") };
        let last_revision = moment.write(key, head, [row].into_iter())?;
        self.streams.remove(key);
        Ok(Ok(RawWritten { last_revision: Some(last_revision), position: Some(moment.position()) }))
    }

    /// Shows a deleted stream again, from a revision on; its other metadata stays.
    fn undelete(
        &mut self,
        moment: &mut Moment<'_, '_>,
        key: &StreamKey,
        first_revision: u64,
    ) -> Result<()> {
        let metadata = moment.last_event(&key.metastream())?.map(|(_kind, data)| data);
        let metadata = settings::beginning_at(&metadata.unwrap_or_default(), first_revision);
        moment.append_metadata(key, metadata)?;
        self.streams.remove(key);
        Ok(())
    }

    /// What is known about a stream; looked up once.
    fn stream(&mut self, moment: &mut Moment<'_, '_>, key: &StreamKey) -> Result<Stream> {
        if let Some(stream) = self.streams.get(key) {
            return Ok(stream.clone());
        }
        let tombstoned = moment.last_event(key)?.is_some_and(|(kind, _data)| kind == TOMBSTONE);
        let stream = if key.described().is_some() {
            Stream { settings: Settings::of_metastream(), has_metadata: false, tombstoned }
        } else {
            let metadata = moment.last_event(&key.metastream())?.map(|(_kind, data)| data);
            Stream {
                has_metadata: metadata.is_some(),
                settings: metadata.map(|data| Settings::read(&data)).unwrap_or_default(),
                tombstoned,
            }
        };
        if self.streams.len() >= HEADS_MAX {
            self.streams.clear();
        }
        self.streams.insert(key.clone(), stream.clone());
        Ok(stream)
    }
}

impl Moment<'_, '_> {
    fn position(&self) -> Position {
        Position(self.heads.position.cast_unsigned())
    }

    fn append(&mut self, key: &StreamKey, events: &[RawEvent]) -> Result<u64> {
        let head = self.heads.head(self.statements, key)?;
        self.write(key, head, events.iter().map(row))
    }

    fn write<'a>(
        &mut self,
        key: &StreamKey,
        head: Option<Head>,
        rows: impl Iterator<Item = NewRow<'a>>,
    ) -> Result<u64> {
        self.heads.write(self.statements, key, head, rows, self.now_ms)
    }

    fn append_metadata(&mut self, key: &StreamKey, metadata: Vec<u8>) -> Result<()> {
        let metastream = key.metastream();
        let head = self.heads.head(self.statements, &metastream)?;
        let event = RawEvent {
            id: derived_id(&metastream, next_revision(head)),
            kind: METADATA.to_owned(),
            json: true,
            data: metadata,
            metadata: Vec::new(),
        };
        self.append(&metastream, &[event]).map(drop)
    }

    /// Kind and data of the last event of a stream.
    fn last_event(&mut self, key: &StreamKey) -> Result<Option<(String, Vec<u8>)>> {
        let Some(head) = self.heads.head(self.statements, key)? else { return Ok(None) };
        let found = self.statements.event(head.stream, head.revision)?;
        Ok(found.map(|found| (found.kind, found.data)))
    }
}

/// The rule that both deletions share. `without_events` says whether a stream without events may
/// be deleted.
fn may_delete(
    head: Option<Head>,
    stream: &Stream,
    expected: RawExpected,
    without_events: bool,
) -> Result<(), RawRefusal> {
    let current = head.map(|head| head.revision);
    let allowed = match expected {
        RawExpected::StreamExists if stream.settings.is_deleted() => {
            return Err(RawRefusal::Deleted);
        }
        _ if current.is_none() => without_events,
        RawExpected::Any | RawExpected::StreamExists => true,
        RawExpected::NoStream => stream.settings.is_deleted(),
        RawExpected::Exact(revision) => current == Some(revision),
    };
    if allowed { Ok(()) } else { Err(RawRefusal::WrongVersion { current }) }
}

/// Position of an event that was written earlier, if readers of the stream still see it.
fn visible(
    moment: &mut Moment<'_, '_>,
    head: Option<Head>,
    settings: &Settings,
    revision: u64,
) -> Result<Option<Position>> {
    let Some(head) = head else { return Ok(None) };
    if revision < settings.first_revision(head.revision) {
        return Ok(None);
    }
    let found = moment.statements.event(head.stream, revision)?;
    let oldest_ms = settings.oldest_ms(moment.now_ms);
    let shown = found.filter(|event| oldest_ms.is_none_or(|oldest| event.recorded_at_ms >= oldest));
    Ok(shown.map(|event| Position(event.position.cast_unsigned())))
}

fn row(event: &RawEvent) -> NewRow<'_> {
    let stored = |bytes, text: bool| {
        if text && std::str::from_utf8(bytes).is_ok() {
            Bytes::Text(bytes)
        } else {
            Bytes::Blob(bytes)
        }
    };
    NewRow {
        id: &event.id,
        kind: &event.kind,
        data: stored(&event.data, event.json),
        metadata: stored(&event.metadata, true),
    }
}

fn next_revision(head: Option<Head>) -> u64 {
    head.map_or(0, |head| head.revision + 1)
}

/// The id of an event that the server writes by itself.
fn derived_id(key: &StreamKey, revision: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{revision}@{key}").as_bytes())
}
