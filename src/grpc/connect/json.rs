//! ProtoJSON to protobuf and back, by the descriptors of the contract.
//!
//! A body that is no such message is refused with the path of the field that is wrong, in the names
//! of the proto files, as a handler names it.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde::de::DeserializeSeed as _;
use serde_path_to_error::{Path, Segment, Track};

use super::strict::{BEYOND, INEXACT, Strict, TWICE};
use crate::values::Invalid;

/// How prost-reflect begins what it says of a field that does not exist.
const UNKNOWN: &str = "unrecognized field name '";

/// A message as protobuf.
///
/// # Errors
/// What is wrong with the text, and where.
pub(super) fn to_proto(message: &MessageDescriptor, text: &[u8]) -> Result<Vec<u8>, Invalid> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let read = DynamicMessage::deserialize(message.clone(), tracked)
        .map_err(|why| unreadable(message, &track.path(), &why))?;
    reader.end().map_err(|why| Invalid::new("message", format!("cannot be read: {why}")))?;
    check(message, text)?;
    Ok(read.encode_to_vec())
}

/// A message of ours as ProtoJSON.
///
/// # Errors
/// When the bytes are no such message.
pub(super) fn to_json(message: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let read = DynamicMessage::decode(message.clone(), bytes).map_err(|why| why.to_string())?;
    serde_json::to_vec(&read).map_err(|why| why.to_string())
}

/// Checks what prost-reflect does not: each field is given once, and whole numbers are exact.
fn check(message: &MessageDescriptor, text: &[u8]) -> Result<(), Invalid> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let checked = Strict::message(message.clone()).deserialize(tracked);
    checked.map_err(|why| unreadable(message, &track.path(), &why))
}

fn unreadable(message: &MessageDescriptor, path: &Path, why: &serde_json::Error) -> Invalid {
    let (mut field, why) = (path_in(message, path), why.to_string());
    for (begins, problem) in [(UNKNOWN, "is no field of this message"), (TWICE, "is given twice")] {
        let named = why.strip_prefix(begins).and_then(|rest| rest.split_once('\''));
        if let Some((name, rest)) = named {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(name);
            return Invalid::new(field, format!("{problem}{rest}"));
        }
    }
    let field = if field.is_empty() { "message".to_owned() } else { field };
    let inexact = [BEYOND, INEXACT].into_iter().find(|problem| why.starts_with(problem));
    if let Some(problem) = inexact {
        return Invalid::new(field, problem);
    }
    Invalid::new(field, format!("cannot be read: {why}"))
}

/// A path in the names of the proto file.
fn path_in(message: &MessageDescriptor, path: &Path) -> String {
    let mut inside = Some(message.clone());
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                let field = inside.as_ref().and_then(|inside| {
                    inside.get_field_by_json_name(key).or_else(|| inside.get_field_by_name(key))
                });
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(field.as_ref().map_or(key.as_str(), |field| field.name()));
                inside = field.and_then(|field| field.kind().as_message().cloned());
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}
