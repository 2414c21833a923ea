//! A store that can be held up: what is to be written waits until it is let go.
//!
//! For demonstrations that break on purpose. It delays and never loses: an append that waits is
//! carried out afterwards as it was given, so every promise has to hold in spite of it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    events::{NewEvent, Position, Recorded, StreamName},
    store::{
        AppendError, AppendLimits, Appended, EventStore, Expected, ReadError, SharedStore,
        StoreFuture,
    },
};

/// That store.
pub struct StallingStore {
    store: SharedStore,
    held: watch::Receiver<bool>,
}

impl StallingStore {
    /// Holds appends to a store for as long as `held` says so, and lets them go for good when
    /// nobody can say any more.
    pub fn over(store: SharedStore, held: watch::Receiver<bool>) -> SharedStore {
        Arc::new(Self { store, held })
    }
}

impl EventStore for StallingStore {
    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        let mut held = self.held.clone();
        Box::pin(async move {
            // An error means that nobody holds it any more.
            let _ = held.wait_for(|held| !held).await;
            self.store.append(stream, expected, events).await
        })
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.store.read_stream(stream, from_revision, max)
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.store.read_all(after, max)
    }

    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>> {
        self.store.last_revision(stream)
    }

    fn head(&self) -> Position {
        self.store.head()
    }

    fn found_end(&self) -> StoreFuture<'_, ()> {
        self.store.found_end()
    }

    fn wait_after(&self, position: Position) -> StoreFuture<'_, Result<(), ReadError>> {
        self.store.wait_after(position)
    }

    fn limits(&self) -> AppendLimits {
        self.store.limits()
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn close(&self) {
        self.store.close();
    }
}
