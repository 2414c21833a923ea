//! A store that can be held up: what is to be written waits until it is let go.
//!
//! For demonstrations that break on purpose. It delays and never loses: an append that waits is
//! carried out afterwards as it was given, so every promise has to hold in spite of it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    events::{NewEvent, StreamName},
    store::{AppendError, Appended, EventStore, Expected, SharedStore, StoreFuture, StoreLayer},
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

impl StoreLayer for StallingStore {
    fn below(&self) -> &dyn EventStore {
        &*self.store
    }

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
}
