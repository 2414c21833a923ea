//! A real store that now and then does not say the truth about an append.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use doorbuster::{
    events::{Category, NewEvent, StreamName},
    store::{
        AppendError, AppendLimits, Appended, EventStore, Expected, SharedStore, StoreFuture,
        StoreLayer,
    },
};
use uuid::Uuid;

/// What it does to one append.
#[derive(Clone, Copy)]
pub enum Lie {
    /// Writes it and says that it does not know.
    WrittenButUnknown,
    /// Does not write it and says that it does not know.
    LostAndUnknown,
    /// Does not write it and says so.
    Refused,
    /// Writes it, and an event of another stream.
    AnotherStreamToo,
}

pub struct Flaky {
    store: SharedStore,
    /// For each next append; afterwards it tells the truth.
    lies: Mutex<VecDeque<Lie>>,
    limits: AppendLimits,
    /// The most events that came in one append.
    events_most: AtomicUsize,
}

impl Flaky {
    pub fn new(store: SharedStore, lies: &[Lie]) -> Self {
        let (lies, limits) = (Mutex::new(lies.iter().copied().collect()), store.limits());
        Self { store, lies, limits, events_most: AtomicUsize::new(0) }
    }

    /// One that takes less at a time, and fails the test if it is given more.
    pub fn narrow(store: SharedStore, limits: AppendLimits) -> Self {
        Self { limits, ..Self::new(store, &[]) }
    }

    pub fn events_most(&self) -> usize {
        self.events_most.load(Ordering::Relaxed)
    }

    pub fn lies_left(&self) -> usize {
        self.lies.lock().unwrap().len()
    }
}

/// Where [`Lie::AnotherStreamToo`] writes.
pub fn another_stream() -> StreamName {
    StreamName { category: Category::Demand, id: Uuid::from_u128(90) }
}

impl StoreLayer for Flaky {
    fn below(&self) -> &dyn EventStore {
        &*self.store
    }

    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        let bytes =
            |event: &NewEvent| event.data.len() + event.metadata.len() + 2 * event.kind.len();
        let total: usize = events.iter().map(bytes).sum();
        assert!(events.len() <= self.limits.events_max, "{} events", events.len());
        assert!(total <= self.limits.bytes_max || events.len() == 1, "{total} bytes");
        self.events_most.fetch_max(events.len(), Ordering::Relaxed);
        let lie = self.lies.lock().unwrap().pop_front();
        Box::pin(async move {
            let unknown = Err(AppendError::Unknown("no answer came".to_owned()));
            match lie {
                Some(Lie::LostAndUnknown) => return unknown,
                Some(Lie::Refused) => {
                    return Err(AppendError::NotWritten("the disk is full".to_owned()));
                }
                Some(Lie::AnotherStreamToo) => {
                    let theirs = Arc::clone(&events);
                    self.store.append(another_stream(), Expected::NoStream, theirs).await?;
                }
                Some(Lie::WrittenButUnknown) | None => {}
            }
            let written = self.store.append(stream, expected, events).await;
            if matches!(lie, Some(Lie::WrittenButUnknown)) { unknown } else { written }
        })
    }

    fn limits(&self) -> AppendLimits {
        self.limits
    }
}
