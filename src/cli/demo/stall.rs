//! A store that can be stalled: appends wait until the stall ends.
//!
//! For demonstrations with injected faults. It delays and never loses appends: a waiting append is
//! carried out unchanged afterwards, so every promise must hold.

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
    /// Holds appends to a store for as long as `held` is set, and releases them permanently when
    /// its sender is gone.
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
            // An error means that the sender is gone.
            let _ = held.wait_for(|held| !held).await;
            self.store.append(stream, expected, events).await
        })
    }
}
