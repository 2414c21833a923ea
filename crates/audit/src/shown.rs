//! The verifier for logs outside of a data directory: the caller passes the events one by one.
//!
//! Such a log is in a foreign store, so there are no hash chains to recompute and no index to
//! compare. The contents of the events are checked exactly as in a file. The caller must leave out
//! foreign streams, pass all doorbuster events, and change nothing.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    Judged, Proof,
    auditor::{EventRow, Positions, Walk},
    item::Keep,
};

/// An event as its store shows it.
#[derive(Debug, Clone, Copy)]
pub struct ShownEvent<'a> {
    /// Place in the whole log: above that of the event before. There may be gaps.
    pub position: u64,
    /// Name of its stream.
    pub stream: &'a str,
    /// Place in its stream, from 0 without gaps.
    pub revision: u64,
    pub id: &'a [u8; 16],
    /// The name it is stored under.
    pub kind: &'a str,
    pub data: &'a [u8],
    pub metadata: &'a [u8],
    /// Milliseconds since the Unix epoch.
    pub recorded_at_ms: i64,
}

/// A verdict in the making.
pub struct Verifier {
    walk: Walk,
    streams: HashMap<Box<str>, usize>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::keeping(Keep::default())
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("events", &self.walk.events()).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier after which a sound log can be certified. It takes about 32 bytes more an order.
    /// The buyer of `opening_of` is remembered, so that the certificate's hash can be opened.
    pub fn for_certificate(opening_of: Option<Uuid>) -> Self {
        Self::keeping(Keep { certificate: true, opening_of })
    }

    fn keeping(keep: Keep) -> Self {
        Self { walk: Walk::new(Positions::Growing, false, keep), streams: HashMap::new() }
    }

    /// Judges the next event of the log. All must be shown, from the first on.
    pub fn see(&mut self, event: &ShownEvent<'_>) {
        let stream = match self.streams.get(event.stream) {
            Some(stream) => *stream,
            None => {
                let stream = self.walk.stream(event.stream, None);
                self.streams.insert(event.stream.into(), stream);
                stream
            }
        };
        let row = EventRow {
            // Beyond what our files can hold; two such positions are out of order, which is said.
            position: i64::try_from(event.position).unwrap_or(i64::MAX),
            revision: i64::try_from(event.revision).unwrap_or(i64::MAX),
            id: event.id,
            kind: event.kind.as_bytes(),
            data: event.data,
            binary: false,
            metadata: event.metadata,
            recorded_at_ms: event.recorded_at_ms,
            hash: None,
        };
        self.walk.event(stream, &row);
    }

    /// The verdict, once the last event was shown.
    pub fn end(self) -> Proof {
        self.walk.end().proof
    }

    /// The verdict, and what a certificate is made of.
    pub fn judged(self) -> Judged {
        self.walk.end()
    }
}
