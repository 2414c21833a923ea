//! The store of the log: one port, and its implementations.
//!
//! A store keeps streams of events. Appends name the exact revision they expect, so two writers of
//! one stream cannot both succeed; an append repeated with the same event ids at the same revision
//! succeeds without writing again. Everything above relies on these two rules and on nothing else.

mod address;
pub mod copy;
pub mod embedded;
pub mod kurrent;
mod layer;
mod open;
mod source;
pub mod wire;

use std::{future::Future, pin::Pin, sync::Arc};

pub use address::{ClusterAddress, StoreAddress};
pub use layer::StoreLayer;
pub use open::{StoreOpenError, WitnessSync, keep_to_one_node, open, open_with};
pub use source::LogSource;

use crate::events::{NewEvent, Position, Recorded, Shown, StreamName};

/// A store shared by all readers and writers.
pub type SharedStore = Arc<dyn EventStore>;

/// A boxed future: the port is used as a trait object.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes events one after the other, each only for as long as it is shown. A store that reads once more
/// begins again with the first one.
pub type Show = Arc<dyn Fn(&Shown<'_>) + Send + Sync>;

/// What a stream must look like for an append to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing was ever written to it.
    NoStream,
    /// Its last event has exactly this revision.
    Exact(u64),
}

impl Expected {
    /// Before the event that is to get this revision.
    pub fn before(revision: u64) -> Self {
        match revision.checked_sub(1) {
            None => Self::NoStream,
            Some(last) => Self::Exact(last),
        }
    }

    /// Revision that the first event of the append gets.
    pub fn next_revision(self) -> u64 {
        match self {
            Self::NoStream => 0,
            Self::Exact(revision) => revision + 1,
        }
    }
}

/// Where an append ended up, now or when it was first written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub last_revision: u64,
    /// Position of the last event. Between the events of one append the embedded log leaves no
    /// gaps; a cluster does, so what stands before it there is only known to be below it.
    pub last_position: Position,
}

/// Why an append was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Another writer appended to the stream. Certainly nothing of this append was written. It names
    /// the last revision that the store compared with, where the store says it: on a cluster that
    /// event may not be readable yet.
    #[error("the stream is not at the expected revision")]
    Conflict(Option<u64>),
    /// Certainly nothing was written; trying again later may help.
    #[error("the store did not write: {0}")]
    NotWritten(String),
    /// It may or may not have been written. Repeat the identical append until it is known.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Trying again later may help.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// The log holds something that no store of ours wrote.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

/// How much one append can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendLimits {
    pub events_max: usize,
    /// Data, metadata and twice the stored name of each event, added up.
    pub bytes_max: usize,
    /// From this size on an append is better sent than made larger.
    pub bytes_enough: usize,
}

/// A log of events in streams.
pub trait EventStore: Send + Sync + 'static {
    /// Appends events to one stream: all of them or none. `events` is never empty.
    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>>;

    /// Reads a stream forwards from a revision, inclusive; at most `max` events. A stream that was
    /// never written is empty. A store may end a page earlier when it has become large, but then
    /// it holds at least one event: only an empty page means that there is nothing more.
    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>>;

    /// The same events as `read_stream` gives, shown to `show` on a thread that may block; gives how many
    /// these were. A store that has them at hand copies none of them. After an error nothing that
    /// was shown counts.
    fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: Show,
    ) -> StoreFuture<'_, Result<usize, ReadError>> {
        show_read(self.read_stream(stream, from_revision, max), show)
    }

    /// Reads the whole log forwards after a position, exclusive; at most `max` events. As with
    /// `read_stream`, only an empty page means that there is nothing more.
    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>>;

    /// Revision of the last event of a stream; `None` if nothing was ever written to it.
    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>>;

    /// Position of the last event that can be read; [`Position::START`] before it is known.
    fn head(&self) -> Position;

    /// Position of the last event, by asking the store: it counts what other nodes wrote, too.
    fn end(&self) -> StoreFuture<'_, Result<Position, ReadError>>;

    /// Waits until it is known where the log ends. On a cluster that is not before it has answered.
    fn found_end(&self) -> StoreFuture<'_, ()>;

    /// Waits until there is an event after this position. Together with `read_all` this is a
    /// subscription from any position. Ends with an error when the store closes.
    fn wait_after(&self, position: Position) -> StoreFuture<'_, Result<(), ReadError>>;

    /// How much one append can hold. A single event may be larger than `bytes_max`, up to
    /// 1,000,000 bytes.
    fn limits(&self) -> AppendLimits;

    /// Why the last commit failed, until a try of the store's own succeeds: meanwhile it is known
    /// that little or nothing can be written. A store that is elsewhere is known by its answers alone
    /// and says nothing here.
    fn commit_failure(&self) -> Option<String> {
        None
    }

    /// Whether other nodes may write to the same streams. Where they may, a state in memory can be
    /// out of date, and what rests on it alone has to be confirmed with the store.
    fn is_shared(&self) -> bool;

    /// Finishes what was accepted, refuses what comes later and lets go of the store. Blocks until
    /// that is done. Closing twice is harmless.
    fn close(&self);
}

/// Shows what is read.
fn show_read<'a>(
    read: StoreFuture<'a, Result<Vec<Recorded>, ReadError>>,
    show: Show,
) -> StoreFuture<'a, Result<usize, ReadError>> {
    Box::pin(async move {
        let page = read.await?;
        let shown = tokio::task::spawn_blocking(move || {
            page.iter().for_each(|recorded| show(&recorded.shown()));
            page.len()
        });
        shown.await.map_err(|error| ReadError::Unavailable(error.to_string()))
    })
}
