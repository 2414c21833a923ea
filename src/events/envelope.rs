//! The envelope of an event in the log: its place, its id, its time of recording.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StreamName;
use crate::values::UnixMs;

/// How the moment of the decision stands in metadata, behind other members.
const JUDGED_AT: &[u8] = br#","judged_at_ms":"#;

/// A place in the whole log. Positions only ever grow; there may be gaps between them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event: where to read from, and how far what has read nothing has come.
    pub const START: Self = Self(0);

    /// The place of the event that stands so many events before this one in the same append, or in
    /// appends that followed each other without a gap.
    #[must_use]
    pub fn back(self, events: u64) -> Self {
        Self(self.0.saturating_sub(events))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event on its way into the log. The same bytes go to every store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Deterministic, so that an append repeated after an unknown outcome is recognised.
    pub id: Uuid,
    /// The stored name, for example `OrderPlaced`.
    pub kind: Cow<'static, str>,
    /// JSON.
    pub data: Vec<u8>,
    /// JSON: `$correlationId`, `$causationId`, `schema`, `judged_at_ms` where the event was judged
    /// at another moment than it is stamped with, and `writer` where several may write.
    pub metadata: Vec<u8>,
}

impl NewEvent {
    /// The event with the moment by which it was decided, where its own stamp is another one: see
    /// [`Recorded::judged_at`].
    #[must_use]
    pub fn judged_at(mut self, moment: UnixMs) -> Self {
        // Metadata is an object with members, written by `encode`.
        self.metadata.pop();
        self.metadata.extend_from_slice(JUDGED_AT);
        self.metadata.extend_from_slice(moment.0.to_string().as_bytes());
        self.metadata.push(b'}');
        self
    }

    /// The event as this writer's own, for a log that others write to, too.
    ///
    /// Two nodes that carry out the same command at the same revision make events of the same id
    /// and, because their clocks differ, of different content. The store would take the second for
    /// a repeat of the first, and its sender would go on from what is not in the log. With the
    /// writer in the id it is what it should be: a conflict. The metadata name the writer, so that
    /// the id can be checked.
    pub fn by(mut self, writer: Uuid) -> Self {
        self.id = Uuid::new_v5(&writer, self.id.as_bytes());
        // Metadata is an object with members, written by `encode`.
        self.metadata.pop();
        self.metadata.extend_from_slice(br#","writer":""#);
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = writer.hyphenated().encode_lower(&mut text);
        self.metadata.extend_from_slice(text.as_bytes());
        self.metadata.extend_from_slice(br#""}"#);
        self
    }
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub position: Position,
    pub stream: StreamName,
    /// Place in its stream, from 0 without gaps.
    pub revision: u64,
    pub id: Uuid,
    pub kind: String,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
    /// When the store wrote it, milliseconds since the Unix epoch.
    pub recorded_at_ms: i64,
}

/// An event of the log where a store has it, for as long as it shows it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub position: Position,
    pub stream: StreamName,
    pub revision: u64,
    pub id: Uuid,
    pub kind: &'a str,
    pub data: &'a [u8],
    pub metadata: &'a [u8],
    pub recorded_at_ms: i64,
}

impl Shown<'_> {
    /// The event to be kept.
    pub fn recorded(&self) -> Recorded {
        let Self { position, stream, revision, id, kind, data, metadata, recorded_at_ms } = *self;
        let (kind, data, metadata) = (kind.to_owned(), data.to_vec(), metadata.to_vec());
        Recorded { position, stream, revision, id, kind, data, metadata, recorded_at_ms }
    }
}

/// The one member of the metadata that is read here.
#[derive(Deserialize)]
struct Judged {
    #[serde(default)]
    judged_at_ms: Option<UnixMs>,
}

impl Recorded {
    /// The event as a store shows it.
    pub fn shown(&self) -> Shown<'_> {
        let Self { position, stream, revision, id, kind, data, metadata, recorded_at_ms } = self;
        Shown {
            position: *position,
            stream: *stream,
            revision: *revision,
            id: *id,
            kind,
            data,
            metadata,
            recorded_at_ms: *recorded_at_ms,
        }
    }

    /// The moment by which the rules decided this, where it is not the event's own stamp: stamps
    /// never go back within a stream, but clocks are set back, and deadlines move with a clock that
    /// is set.
    pub fn judged_at(&self) -> Option<UnixMs> {
        // Hardly any event has it, and every event is looked at.
        let name = &JUDGED_AT[1..JUDGED_AT.len() - 1];
        if !self.metadata.windows(name.len()).any(|part| part == name) {
            return None;
        }
        serde_json::from_slice::<Judged>(&self.metadata).ok()?.judged_at_ms
    }
}
