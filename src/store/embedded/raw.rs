//! What clients of EventStoreDB may ask of the log, beyond the port: any stream, any kind of event,
//! four expectations, deletion, reading both ways.
//!
//! These are the words only. How an append is decided is in `rules`, how pages are read in
//! `raw_pages`. Nothing here knows a wire.

use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{EmbeddedStore, closed, queue::Work, raw_pages};
use crate::{
    events::Position,
    store::{AppendError, ReadError},
};

/// Data and metadata of one append, and twice the length of the names of its events.
pub const RAW_APPEND_BYTES_MAX: usize = 16 << 20;

/// The kind of the event that ends a stream permanently. Clients may not write one.
pub const TOMBSTONE: &str = "$streamDeleted";

/// The kind of the events that hold a stream's metadata.
pub const METADATA: &str = "$metadata";

/// What a stream must look like for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawExpected {
    Any,
    NoStream,
    StreamExists,
    Exact(u64),
}

/// An event on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    pub id: Uuid,
    pub kind: String,
    /// Its data is said to be JSON. Data that is not even text comes back as not JSON.
    pub json: bool,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
}

/// What is to become of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawChange {
    /// Events go to its end. Without events only the expectation is checked.
    Append(Vec<RawEvent>),
    /// It looks empty until it is written again.
    Delete,
    /// It can never be read or written again.
    Tombstone,
}

/// A write to one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawWrite {
    pub stream: String,
    pub expected: RawExpected,
    pub change: RawChange,
}

/// Where a write ended up, now or when it was first written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawWritten {
    /// Last revision of the append; `None` if the stream is empty still.
    pub last_revision: Option<u64>,
    /// Position of its last event; `None` if that was written earlier and cannot be read any more.
    pub position: Option<Position>,
}

/// Why a write was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RawRefusal {
    /// Nothing was written.
    #[error("the stream is at revision {current:?}, which was not expected")]
    WrongVersion { current: Option<u64> },
    /// Nothing was written: the stream was ended permanently, or it is deleted and had to exist.
    #[error("the stream is deleted")]
    Deleted,
    /// Nothing was written, and never will be.
    #[error("{0}")]
    Invalid(String),
    /// Nothing was written; trying again later may help.
    #[error("the log did not write: {0}")]
    NotWritten(String),
    /// It may or may not have been written.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
}

/// What the writer says to a write.
pub type RawAnswer = Result<RawWritten, RawRefusal>;

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecorded {
    pub position: Position,
    pub stream: Arc<str>,
    /// Place in its stream, from 0 without gaps; of a tombstone, too.
    pub revision: u64,
    pub id: Uuid,
    pub kind: String,
    pub json: bool,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
    /// Milliseconds since the Unix epoch.
    pub recorded_at_ms: i64,
}

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forwards,
    Backwards,
}

/// Where in a stream to start reading, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawFrom {
    Start,
    End,
    Revision(u64),
}

/// What a stream looks like to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawStream {
    /// Never written, or deleted and not written again.
    Missing,
    /// Ended permanently. The page holds only the event that ended it.
    Tombstoned,
    Live {
        /// The first revision that its metadata leaves visible; may be after the last one.
        first_revision: u64,
        last_revision: u64,
    },
}

/// Some events of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawStreamPage {
    pub stream: RawStream,
    pub events: Vec<RawRecorded>,
    /// Where to read on in the same direction; `None` when there is nothing more.
    pub next: Option<u64>,
}

/// Some events of the whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPage {
    pub events: Vec<RawRecorded>,
    /// Events that were looked at, wanted or not.
    pub considered: usize,
    /// Position of the last one looked at; `None` when there was nothing to look at.
    pub last: Option<Position>,
}

/// Whether a reader wants an event, by the names of its stream and its kind.
pub type Wanted = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

impl EmbeddedStore {
    /// Hands a write to the writer; writes are done in the order in which this returns. The answer
    /// comes when it is on disk.
    ///
    /// # Errors
    /// When the write is too large, the store is closed, or it was not opened for clients.
    pub async fn submit(
        &self,
        write: RawWrite,
    ) -> Result<oneshot::Receiver<RawAnswer>, RawRefusal> {
        if !self.for_clients {
            return Err(RawRefusal::Invalid("the log is not open for clients".to_owned()));
        }
        let (events, bytes) = match &write.change {
            RawChange::Append(events) => (events.len(), checked_bytes(events)?),
            RawChange::Delete | RawChange::Tombstone => (1, 0),
        };
        let (answer, answered) = oneshot::channel();
        let work = Work::raw(write, answer);
        let pushed = self.queue.push(work, events, bytes).await;
        pushed.map_err(|_closed| RawRefusal::NotWritten("the store is closed".to_owned()))?;
        Ok(answered)
    }

    /// Like [`submit`](Self::submit), and waits for the answer.
    pub async fn write(&self, write: RawWrite) -> RawAnswer {
        let answered = self.submit(write).await?;
        answered.await.unwrap_or_else(|_gone| Err(RawRefusal::gone()))
    }

    /// Position of the last event of the whole log, ours or not.
    pub fn raw_head(&self) -> Position {
        self.ends.borrow().all
    }

    /// Waits until there is any event after this position.
    ///
    /// # Errors
    /// When the store closes.
    pub async fn wait_raw_after(&self, position: Position) -> Result<(), ReadError> {
        let mut ends = self.ends.clone();
        ends.wait_for(|ends| ends.all > position).await.map(|_ends| ()).map_err(|_gone| closed())
    }

    /// Reads at most `max` events of a stream. `now_ms` decides what its metadata lets expire.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn read_raw_stream(
        &self,
        stream: &str,
        from: RawFrom,
        direction: Direction,
        max: usize,
        now_ms: i64,
    ) -> Result<RawStreamPage, ReadError> {
        let stream = stream.to_owned();
        let wish = raw_pages::StreamWish { stream, from, direction, max, now_ms };
        self.read(move |session| session.raw_stream(&wish)).await
    }

    /// Looks at events of the whole log and returns those that are wanted, at most `max`. Forwards
    /// it starts after a position, backwards before one; in both cases exclusive.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn read_raw(
        &self,
        from: Position,
        direction: Direction,
        wanted: Option<Wanted>,
        max: usize,
    ) -> Result<RawPage, ReadError> {
        let head = self.raw_head();
        self.read(move |session| session.raw_all(from, direction, wanted.as_ref(), max, head)).await
    }
}

impl RawRefusal {
    /// The writer ended before it answered.
    pub fn gone() -> Self {
        Self::Unknown("the store stopped before it answered".to_owned())
    }
}

impl From<&AppendError> for RawRefusal {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::Conflict(current) => Self::WrongVersion { current: *current },
            AppendError::NotWritten(why) => Self::NotWritten(why.clone()),
            AppendError::Unknown(why) => Self::Unknown(why.clone()),
        }
    }
}

fn checked_bytes(events: &[RawEvent]) -> Result<usize, RawRefusal> {
    let mut total = 0;
    for event in events {
        if event.kind.is_empty() {
            return Err(RawRefusal::Invalid("type: an event must have one".to_owned()));
        }
        if event.kind == TOMBSTONE {
            return Err(RawRefusal::Invalid(format!("type: {TOMBSTONE} is the server's own")));
        }
        if event.id.is_nil() {
            return Err(RawRefusal::Invalid("id: an event must have one".to_owned()));
        }
        total += event.data.len() + event.metadata.len() + 2 * event.kind.len();
    }
    if total > RAW_APPEND_BYTES_MAX {
        let most = RAW_APPEND_BYTES_MAX;
        return Err(RawRefusal::Invalid(format!(
            "{total} bytes in one append; {most} is the most"
        )));
    }
    Ok(total)
}
