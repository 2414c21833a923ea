//! What a stream's metadata says about reading it: where it begins, how many events and how old ones
//! it keeps. Metadata that is not a JSON object says nothing.

use crate::values::bound_of;
use serde_json::{Map, Value};

/// What `$tb` is of a deleted stream: no event will ever come after it.
const DELETED: i64 = i64::MAX;

/// The settings of one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// `$tb`: events before this revision are not shown.
    truncate_before: Option<i64>,
    /// `$maxCount`.
    count_max: Option<u64>,
    /// `$maxAge`, seconds.
    age_max_s: Option<u64>,
}

impl Settings {
    /// Reads the data of a metadata event.
    pub(super) fn read(metadata: &[u8]) -> Self {
        let object = object(metadata);
        let unsigned = |key: &str| object.get(key).and_then(Value::as_u64);
        Self {
            truncate_before: object.get("$tb").and_then(Value::as_i64),
            count_max: unsigned("$maxCount"),
            age_max_s: unsigned("$maxAge"),
        }
    }

    /// Those of a metadata stream: only the newest metadata counts.
    pub(super) fn of_metastream() -> Self {
        Self { count_max: Some(1), ..Self::default() }
    }

    /// The stream was deleted and not written again.
    pub(super) fn is_deleted(&self) -> bool {
        self.truncate_before == Some(DELETED)
    }

    /// The first revision that is shown of a stream with this last one. May be after it.
    pub(super) fn first_revision(&self, last_revision: u64) -> u64 {
        let truncated = self.truncate_before.map_or(0, |before| before.max(0).cast_unsigned());
        let counted = self.count_max.map_or(0, |max| (last_revision + 1).saturating_sub(max));
        truncated.max(counted)
    }

    /// Events recorded before this moment are not shown.
    pub(super) fn oldest_ms(&self, now_ms: i64) -> Option<i64> {
        let age_max_ms = bound_of(self.age_max_s?.saturating_mul(1_000));
        Some(now_ms.saturating_sub(age_max_ms))
    }
}

/// The metadata of a stream that is deleted.
pub(super) fn deleted() -> Vec<u8> {
    with_truncate_before(b"", DELETED)
}

/// Metadata as it was, but the stream begins at this revision.
pub(super) fn beginning_at(metadata: &[u8], revision: u64) -> Vec<u8> {
    with_truncate_before(metadata, revision.cast_signed())
}

fn with_truncate_before(metadata: &[u8], revision: i64) -> Vec<u8> {
    let mut object = object(metadata);
    object.insert("$tb".to_owned(), revision.into());
    Value::Object(object).to_string().into_bytes()
}

fn object(metadata: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(metadata).unwrap_or_default()
}
