//! Conversion between protocol messages and the types of the log.

use uuid::Uuid;

use super::{
    proto::{
        AllStreamPosition, Nothing, StreamIdentifier, Uuid as WireUuid,
        streams::{
            MetadataEntry, ProposedMessage, ReadResp, append_req, batch_append_req,
            deletion_options,
            read_resp::{self, ReadEvent, read_event},
        },
        uuid::{Structured, Value},
    },
    status::BadAppend,
};
use crate::{
    events::Position,
    store::embedded::raw::{RawEvent, RawExpected, RawRecorded, TOMBSTONE},
};

const TYPE: &str = "type";
const CONTENT_TYPE: &str = "content-type";
const CREATED: &str = "created";
const JSON: &str = "application/json";
const BINARY: &str = "application/octet-stream";

/// The revision that marks the end of a permanently ended stream.
const TOMBSTONE_REVISION: u64 = i64::MAX.cast_unsigned();

/// How a client wants ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UuidForm {
    Structured,
    Text,
}

/// Milliseconds as ticks of 100 ns.
pub(super) fn ticks(ms: i64) -> i64 {
    ms.saturating_mul(10_000)
}

/// Milliseconds since the Unix epoch as protobuf has them.
pub(super) fn timestamp(ms: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(ms.rem_euclid(1_000) * 1_000_000).unwrap_or(0);
    prost_types::Timestamp { seconds: ms.div_euclid(1_000), nanos }
}

pub(super) fn uuid(id: Uuid, form: UuidForm) -> WireUuid {
    let value = match form {
        UuidForm::Text => Value::String(id.to_string()),
        UuidForm::Structured => {
            let (most, least) = id.as_u64_pair();
            Value::Structured(Structured {
                most_significant_bits: most.cast_signed(),
                least_significant_bits: least.cast_signed(),
            })
        }
    };
    WireUuid { value: Some(value) }
}

/// Reads an id; `None` if there is none or it is not one.
pub(super) fn read_uuid(id: Option<&WireUuid>) -> Option<Uuid> {
    match id?.value.as_ref()? {
        Value::String(text) => Uuid::try_parse(text).ok(),
        Value::Structured(bits) => Some(Uuid::from_u64_pair(
            bits.most_significant_bits.cast_unsigned(),
            bits.least_significant_bits.cast_unsigned(),
        )),
    }
}

/// Reads a stream's name.
pub(super) fn stream_name(stream: Option<StreamIdentifier>) -> Result<String, BadAppend> {
    let name = stream.map(|stream| stream.stream_name).unwrap_or_default();
    let name = String::from_utf8(name)
        .map_err(|_| BadAppend::Invalid("stream_identifier: the name is not UTF-8".to_owned()))?;
    if name.is_empty() {
        return Err(BadAppend::Invalid("stream_identifier: a stream has a name".to_owned()));
    }
    Ok(name)
}

pub(super) fn stream_identifier(name: &str) -> StreamIdentifier {
    StreamIdentifier { stream_name: name.as_bytes().to_vec() }
}

/// A position of ours: both parts of the wire's are the same.
pub(super) fn position(position: Position) -> AllStreamPosition {
    AllStreamPosition { commit_position: position.0, prepare_position: position.0 }
}

/// What each of the three requests that write calls its expectation.
macro_rules! expectations {
    ($($name:ident: $wire:path, $exact:ident);+ $(;)?) => {
        $(pub(super) fn $name(wire: Option<$wire>) -> Result<RawExpected, BadAppend> {
            use $wire as Wire;
            match wire {
                Some(Wire::$exact(revision)) => Ok(RawExpected::Exact(revision)),
                Some(Wire::NoStream(Nothing {})) => Ok(RawExpected::NoStream),
                Some(Wire::Any(Nothing {})) => Ok(RawExpected::Any),
                Some(Wire::StreamExists(Nothing {})) => Ok(RawExpected::StreamExists),
                None => Err(BadAppend::Invalid(
                    "expected_stream_revision: what is expected of the stream is missing".to_owned(),
                )),
            }
        })+
    };
}

expectations! {
    expected_by_append: append_req::options::ExpectedStreamRevision, Revision;
    expected_by_batch: batch_append_req::options::ExpectedStreamPosition, StreamPosition;
    expected_by_deletion: deletion_options::ExpectedStreamRevision, Revision;
}

/// Reads an event to append, and how many bytes it counts for.
pub(super) fn event(message: ProposedMessage) -> Result<(RawEvent, usize), BadAppend> {
    let id = read_uuid(message.id.as_ref())
        .ok_or_else(|| BadAppend::Invalid("id: an event has a UUID".to_owned()))?;
    let (mut kind, mut json) = (None, None);
    for MetadataEntry { key, value } in message.metadata {
        match key.as_str() {
            TYPE => kind = Some(value),
            CONTENT_TYPE => json = Some(value == JSON),
            // The real server forgets the others, too.
            _ => {}
        }
    }
    let kind = kind.ok_or(BadAppend::MissingProperty(TYPE))?;
    let json = json.ok_or(BadAppend::MissingProperty(CONTENT_TYPE))?;
    let (data, metadata) = (message.data, message.custom_metadata);
    // The real server counts nothing else.
    let bytes = data.len();
    Ok((RawEvent { id, kind, json, data, metadata }, bytes))
}

/// An event as a reader gets it.
pub(super) fn recorded(event: RawRecorded, form: UuidForm) -> ReadResp {
    let entry = |key: &str, value: String| MetadataEntry { key: key.to_owned(), value };
    let is_tombstone = event.kind == TOMBSTONE;
    let content_type = if event.json { JSON } else { BINARY };
    let position = event.position.0;
    let recorded = read_event::RecordedEvent {
        id: Some(uuid(event.id, form)),
        stream_identifier: Some(stream_identifier(&event.stream)),
        stream_revision: if is_tombstone { TOMBSTONE_REVISION } else { event.revision },
        prepare_position: position,
        commit_position: position,
        metadata: vec![
            entry(TYPE, event.kind),
            entry(CREATED, ticks(event.recorded_at_ms).to_string()),
            entry(CONTENT_TYPE, content_type.to_owned()),
        ],
        custom_metadata: event.metadata,
        data: event.data,
    };
    say(read_resp::Content::Event(ReadEvent {
        event: Some(recorded),
        link: None,
        position: Some(read_event::Position::CommitPosition(position)),
    }))
}

/// One message of a read.
pub(super) fn say(content: read_resp::Content) -> ReadResp {
    ReadResp { content: Some(content) }
}
