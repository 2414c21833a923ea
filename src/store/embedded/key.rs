//! The name of a stream as the log knows it: one of ours, or anything a client of EventStoreDB chose.
//!
//! Our own names stay small and are copied freely; only foreign ones cost memory. A text that only
//! looks like one of ours, for example with an id in capitals, is a foreign name: it is another
//! stream to every client.

use std::{fmt, sync::Arc};

use crate::events::StreamName;

/// What the names of metadata streams start with; the rest is the name of the stream they describe.
const METASTREAM_PREFIX: &str = "$$";

/// A stream's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum StreamKey {
    Ours(StreamName),
    Foreign(Arc<str>),
}

impl StreamKey {
    /// Reads any name.
    pub(super) fn of(text: &str) -> Self {
        match StreamName::parse(text) {
            Some(name) if name.to_string() == text => Self::Ours(name),
            Some(_) | None => Self::Foreign(text.into()),
        }
    }

    /// The stream that holds the metadata of this one.
    pub(super) fn metastream(&self) -> Self {
        Self::Foreign(format!("{METASTREAM_PREFIX}{self}").into())
    }

    /// The stream that this one describes, if it is a metadata stream.
    pub(super) fn described(&self) -> Option<Self> {
        match self {
            Self::Ours(_) => None,
            Self::Foreign(name) => name.strip_prefix(METASTREAM_PREFIX).map(Self::of),
        }
    }
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(name) => name.fmt(f),
            Self::Foreign(name) => f.write_str(name),
        }
    }
}
