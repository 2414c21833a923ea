//! A store whose appends are timed and counted, whoever makes them. It changes nothing else.

use std::{sync::Arc, time::Instant};

use crate::{
    events::{Category, NewEvent, StreamName},
    metrics::{AppendResult, Metrics, StreamKind},
    store::{AppendError, Appended, EventStore, Expected, SharedStore, StoreFuture, StoreLayer},
};

/// That store, counted.
pub struct MeteredStore {
    store: SharedStore,
    metrics: Arc<Metrics>,
}

impl MeteredStore {
    /// Counts the appends to a store.
    pub fn over(store: SharedStore, metrics: Arc<Metrics>) -> SharedStore {
        Arc::new(Self { store, metrics })
    }
}

impl StoreLayer for MeteredStore {
    fn below(&self) -> &dyn EventStore {
        &*self.store
    }

    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        let count = events.len();
        let append = self.store.append(stream, expected, events);
        Box::pin(async move {
            let started = Instant::now();
            let appended = append.await;
            if let Some(kind) = stream_kind(stream.category) {
                self.metrics.appended(kind, append_result(&appended), count, started.elapsed());
            }
            appended
        })
    }
}

fn stream_kind(category: Category) -> Option<StreamKind> {
    match category {
        Category::Sale => Some(StreamKind::Sale),
        Category::Item => Some(StreamKind::Item),
        Category::Demand => Some(StreamKind::Demand),
        Category::Traffic => Some(StreamKind::Traffic),
        Category::Alert => Some(StreamKind::Alert),
        Category::Incident => Some(StreamKind::Incident),
        Category::Script => Some(StreamKind::Script),
        Category::Level => Some(StreamKind::Level),
        // No node writes there.
        Category::Probe => None,
    }
}

fn append_result(appended: &Result<Appended, AppendError>) -> AppendResult {
    match appended {
        Ok(_) => AppendResult::Written,
        Err(AppendError::Conflict) => AppendResult::Conflict,
        Err(AppendError::NotWritten(_)) => AppendResult::NotWritten,
        Err(AppendError::Unknown(_)) => AppendResult::Unknown,
    }
}
