//! A store wrapper that times and counts all appends and reports damage found by any reader to the
//! node. Damage is confirmed by a second read, because a single read error of a disk is no damage.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::Readiness;
use crate::{
    clock::SharedClock,
    events::{Category, NewEvent, Position, Recorded, StreamName},
    metrics::{AppendResult, Metrics, StreamKind},
    store::{
        AppendError, Appended, EventStore, Expected, ReadError, SharedStore, Show, StoreFuture,
        StoreLayer,
    },
    values::UnixMs,
};

/// That store, counted.
pub struct MeteredStore {
    store: SharedStore,
    metrics: Arc<Metrics>,
    clock: SharedClock,
    readiness: Readiness,
    own: Arc<OwnAppends>,
}

/// The last append of this node to a store that stamps events by a clock of its own.
#[derive(Debug, Default)]
pub struct OwnAppends(Mutex<Option<OwnAppend>>);

/// An append, and what this node's clock said before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAppend {
    pub position: Position,
    pub before: UnixMs,
    pub after: UnixMs,
}

impl OwnAppends {
    /// The last one since this was asked before.
    pub fn take(&self) -> Option<OwnAppend> {
        self.lock().take()
    }

    fn note(&self, append: OwnAppend) {
        *self.lock() = Some(append);
    }

    fn lock(&self) -> MutexGuard<'_, Option<OwnAppend>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnAppend {
    /// How far this node's clock is ahead of the store's, which stamped the event of that position
    /// so; behind it where negative, 0 where the stamp lies within the time that the append took.
    pub fn ahead_ms(&self, recorded: UnixMs) -> i64 {
        if recorded < self.before {
            self.before.since(recorded)
        } else {
            self.after.since(recorded).min(0)
        }
    }
}

impl MeteredStore {
    /// Counts the appends to a store, and tells the node when its log is damaged.
    pub fn over(
        store: SharedStore,
        metrics: Arc<Metrics>,
        clock: SharedClock,
        own: Arc<OwnAppends>,
        readiness: Readiness,
    ) -> SharedStore {
        Arc::new(Self { store, metrics, clock, readiness, own })
    }

    /// Reads, and reads again what seems to be damaged.
    async fn read<'a, T>(
        &'a self,
        read: impl Fn(&'a dyn EventStore) -> StoreFuture<'a, Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        match read(&*self.store).await {
            Err(ReadError::Damaged(_)) => {}
            answer => return answer,
        }
        let again = read(&*self.store).await;
        if let Err(ReadError::Damaged(why)) = &again {
            self.readiness.log_is_damaged(why);
        }
        again
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
            let before = self.store.is_shared().then(|| self.clock.now());
            let appended = append.await;
            if let (Some(before), Ok(Appended { last_position: position, .. })) =
                (before, &appended)
            {
                self.own.note(OwnAppend { position: *position, before, after: self.clock.now() });
            }
            if let Some(kind) = stream_kind(stream.category) {
                self.metrics.appended(kind, append_result(&appended), count, started.elapsed());
            }
            appended
        })
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.read(move |store| store.read_stream(stream, from_revision, max)))
    }

    fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: Show,
    ) -> StoreFuture<'_, Result<usize, ReadError>> {
        let show = move || Arc::clone(&show);
        Box::pin(self.read(move |store| store.show_stream(stream, from_revision, max, show())))
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.read(move |store| store.read_all(after, max)))
    }
}

fn stream_kind(category: Category) -> Option<StreamKind> {
    match category {
        Category::Sale => Some(StreamKind::Sale),
        Category::Item => Some(StreamKind::Item),
        Category::Coupon => Some(StreamKind::Coupon),
        Category::Quota => Some(StreamKind::Quota),
        Category::Demand => Some(StreamKind::Demand),
        Category::Fulfilment => Some(StreamKind::Fulfilment),
        Category::Traffic => Some(StreamKind::Traffic),
        Category::Alert => Some(StreamKind::Alert),
        Category::Incident => Some(StreamKind::Incident),
        Category::Script => Some(StreamKind::Script),
        Category::Level => Some(StreamKind::Level),
        Category::Node => Some(StreamKind::Node),
        // No node writes there.
        Category::Log | Category::Probe => None,
    }
}

fn append_result(appended: &Result<Appended, AppendError>) -> AppendResult {
    match appended {
        Ok(_) => AppendResult::Written,
        Err(AppendError::Conflict(_)) => AppendResult::Conflict,
        Err(AppendError::NotWritten(_)) => AppendResult::NotWritten,
        Err(AppendError::Unknown(_)) => AppendResult::Unknown,
    }
}
