//! A log that is only read: the file of a data directory, also beside a running server, or any
//! store that is open.
//!
//! Listing, verifying, rebuilding and copying read from here, independent of the kind of source. It
//! must never write, and never take the lock of a directory.

use std::{sync::Arc, time::Duration};

use super::{ReadError, SharedStore, Show, embedded::LogReader};
use crate::{
    events::{Position, Recorded, StreamName},
    values::UnixMs,
};

/// How often a file is polled for new events: writes of another process give no notification.
const LOOK: Duration = Duration::from_millis(200);

/// Events read at once on a walk along the log.
const WALK_EVENTS: usize = 1_000;

/// Where to read from. Cheap to clone.
#[derive(Clone)]
pub enum LogSource {
    /// The log of a data directory.
    File(Arc<LogReader>),
    /// A store of any kind.
    Store(SharedStore),
}

impl std::fmt::Debug for LogSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File(_) => "LogSource::File",
            Self::Store(_) => "LogSource::Store",
        })
    }
}

impl LogSource {
    /// Like [`read_all`](super::EventStore::read_all) of a store.
    pub async fn read_all(&self, after: Position, max: usize) -> Result<Vec<Recorded>, ReadError> {
        match self {
            Self::File(reader) => on_file(reader, move |file| file.read_all(after, max)).await,
            Self::Store(store) => store.read_all(after, max).await,
        }
    }

    /// Like [`read_stream`](super::EventStore::read_stream) of a store.
    pub async fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        match self {
            Self::File(reader) => {
                on_file(reader, move |file| file.read_stream(stream, from_revision, max)).await
            }
            Self::Store(store) => store.read_stream(stream, from_revision, max).await,
        }
    }

    /// Like [`show_stream`](super::EventStore::show_stream) of a store.
    pub async fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: Show,
    ) -> Result<usize, ReadError> {
        match self {
            Self::File(reader) => {
                on_file(reader, move |file| file.show_stream(stream, from_revision, max, &*show))
                    .await
            }
            Self::Store(store) => store.show_stream(stream, from_revision, max, show).await,
        }
    }

    /// Like [`last_revision`](super::EventStore::last_revision) of a store.
    pub async fn last_revision(&self, stream: StreamName) -> Result<Option<u64>, ReadError> {
        match self {
            Self::File(reader) => on_file(reader, move |file| file.last_revision(stream)).await,
            Self::Store(store) => store.last_revision(stream).await,
        }
    }

    /// Position of the last event, as far as it is known: to say how far a walk has come.
    pub async fn head(&self) -> Result<Position, ReadError> {
        match self {
            Self::File(reader) => on_file(reader, LogReader::head).await,
            Self::Store(store) => Ok(store.head()),
        }
    }

    /// Position of the last event, by asking the store: see [`end`](super::EventStore::end).
    pub async fn end(&self) -> Result<Position, ReadError> {
        match self {
            Self::File(reader) => on_file(reader, LogReader::head).await,
            Self::Store(store) => store.end().await,
        }
    }

    /// What [`LogSource::head`] gives, without waiting for anything but a disk; what is not known is the start.
    pub fn head_now(&self) -> Position {
        match self {
            Self::File(reader) => reader.head().unwrap_or(Position::START),
            Self::Store(store) => store.head(),
        }
    }

    /// When the first event after a position was recorded, in a file and without waiting for anything
    /// but a disk; `None` if there is none or it is unknown.
    pub fn recorded_after_now(&self, position: Position) -> Option<UnixMs> {
        match self {
            Self::File(reader) => {
                let next = reader.read_all(position, 1).ok()?;
                next.first().map(|recorded| UnixMs(recorded.recorded_at_ms))
            }
            Self::Store(_) => None,
        }
    }

    /// Position of the last event that was recorded at or before a moment; `None` where the first
    /// event was recorded later. Rests on a clock that never went back while the log was written.
    pub async fn last_at_or_before(&self, moment: UnixMs) -> Result<Option<Position>, ReadError> {
        match self {
            // Others' positions have gaps, and not every store can be asked about the middle of
            // one: their log is walked.
            Self::Store(store) if store.is_shared() => self.walk_until(moment).await,
            Self::File(_) | Self::Store(_) => self.search_until(moment).await,
        }
    }

    /// Halves the log again and again.
    async fn search_until(&self, moment: UnixMs) -> Result<Option<Position>, ReadError> {
        let mut last = None;
        let (mut low, mut high) = (Position::START, self.head().await?);
        while low < high {
            let middle = Position(low.0 + (high.0 - low.0) / 2);
            match self.read_all(middle, 1).await?.first() {
                Some(recorded) if recorded.recorded_at_ms <= moment.0 => {
                    low = recorded.position;
                    last = Some(low);
                }
                Some(_) | None => high = middle,
            }
        }
        Ok(last)
    }

    async fn walk_until(&self, moment: UnixMs) -> Result<Option<Position>, ReadError> {
        let mut last = None;
        loop {
            let page = self.read_all(last.unwrap_or(Position::START), WALK_EVENTS).await?;
            let known = page.iter().take_while(|recorded| recorded.recorded_at_ms <= moment.0);
            let count = known.count();
            last = page[..count].last().map(|recorded| recorded.position).or(last);
            if count < page.len() || page.is_empty() {
                return Ok(last);
            }
        }
    }

    /// Waits until it is worth looking for events after this position. There may still be none.
    pub async fn wait_after(&self, position: Position) -> Result<(), ReadError> {
        match self {
            Self::File(_) => {
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            Self::Store(store) => store.wait_after(position).await,
        }
    }
}

/// Reads a file on a thread that may block.
async fn on_file<T: Send + 'static>(
    reader: &Arc<LogReader>,
    read: impl FnOnce(&LogReader) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let reader = Arc::clone(reader);
    let reading = tokio::task::spawn_blocking(move || read(&reader));
    reading.await.map_err(|error| ReadError::Unavailable(error.to_string()))?
}
