//! Which event a state stands behind: its place, its id and a hash of all that is recorded of it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::events::{Position, Recorded, Shown};

/// The last event of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub revision: u64,
    pub position: Position,
    pub id: Uuid,
    /// The same for every store: SHA-256 of the fields below, each text behind its length.
    pub hash: [u8; 32],
}

impl Mark {
    pub fn of(event: &Recorded) -> Self {
        Self::of_shown(&event.shown())
    }

    /// The same, of an event that a store shows.
    pub(super) fn of_shown(event: &Shown<'_>) -> Self {
        let Shown { position, revision, id, kind, data, metadata, recorded_at_ms, stream } = *event;
        let mut hash = Sha256::new();
        hash.update(position.0.to_be_bytes());
        hash.update(revision.to_be_bytes());
        hash.update(id.as_bytes());
        hash.update(recorded_at_ms.to_be_bytes());
        let stream = stream.to_string();
        for text in [stream.as_bytes(), kind.as_bytes(), data, metadata] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self { revision, position, id, hash: hash.finalize().into() }
    }

    /// The hash in hexadecimal.
    pub(super) fn hash_text(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.hash {
            // Writing to a string cannot fail.
            _ = write!(text, "{byte:02x}");
        }
        text
    }
}
