//! Goal: a layer over a store is that store but for what it says it changes.
//!
//! Method: the rules of every store through a layer that changes nothing, and a layer above one that
//! changes what can be told apart.

use std::sync::{Arc, Mutex};

use doorbuster::{
    events::{Category, Position, Recorded, StreamName},
    store::{
        AppendError, AppendLimits, EventStore, Expected, ReadError, SharedStore, Show, StoreFuture,
        StoreLayer,
    },
};

use super::{conforms, embedded::fresh, events, stream};

/// Changes nothing.
struct Clear(SharedStore);

impl StoreLayer for Clear {
    fn below(&self) -> &dyn EventStore {
        &*self.0
    }
}

/// Says of the same store what it is not.
struct Tinted(SharedStore);

const NARROW: AppendLimits = AppendLimits { events_max: 3, bytes_max: 2_000, bytes_enough: 1_000 };

impl StoreLayer for Tinted {
    fn below(&self) -> &dyn EventStore {
        &*self.0
    }

    fn head(&self) -> Position {
        Position(77)
    }

    fn limits(&self) -> AppendLimits {
        NARROW
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_layer_that_changes_nothing_conforms() {
    let (store, _alive) = fresh();
    conforms(Arc::new(Clear(store)), Category::Item).await;
}

#[tokio::test]
async fn what_a_layer_changes_shows_through_those_above_it_and_the_rest_is_as_below() {
    let (store, _alive) = fresh();
    let layer: SharedStore = Arc::new(Clear(Arc::new(Tinted(Arc::clone(&store)))));
    assert!(layer.is_shared() && !store.is_shared());
    assert_eq!((layer.limits(), layer.head()), (NARROW, Position(77)));
    let written = layer.append(stream(1), Expected::NoStream, events([1, 2])).await.unwrap();
    layer.found_end().await;
    assert_eq!(store.head(), written.last_position);
    assert_eq!(layer.last_revision(stream(1)).await, Ok(Some(1)));
    assert_eq!(layer.read_stream(stream(1), 1, 9).await, store.read_stream(stream(1), 1, 9).await);
}

/// Reads a stream without its first events.
struct Headless(SharedStore);

impl StoreLayer for Headless {
    fn below(&self) -> &dyn EventStore {
        &*self.0
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.0.read_stream(stream, from_revision.max(2), max)
    }
}

/// What is shown of a stream.
async fn shown(store: &SharedStore, from_revision: u64, max: usize) -> Vec<Recorded> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&all);
    let show: Show = Arc::new(move |event| to.lock().unwrap().push(event.recorded()));
    let count = store.show_stream(stream(1), from_revision, max, show).await.unwrap();
    let all = std::mem::take(&mut *all.lock().unwrap());
    assert_eq!(count, all.len());
    all
}

#[tokio::test]
async fn what_is_shown_of_a_stream_is_what_is_read_of_it() {
    let (store, _alive) = fresh();
    let clear: SharedStore = Arc::new(Clear(Arc::clone(&store)));
    let headless: SharedStore = Arc::new(Headless(Arc::clone(&store)));
    store.append(stream(1), Expected::NoStream, events([1, 2, 3, 4, 5])).await.unwrap();
    for store in [store, clear, headless] {
        for (from, max) in [(0, 9), (1, 2), (3, 1), (5, 9), (0, 0)] {
            let read = store.read_stream(stream(1), from, max).await.unwrap();
            assert_eq!(shown(&store, from, max).await, read, "{from} {max}");
        }
    }
}

#[tokio::test]
async fn closing_a_layer_closes_the_store_below() {
    let (store, _alive) = fresh();
    let layer: SharedStore = Arc::new(Clear(Arc::clone(&store)));
    layer.close();
    let refused = store.append(stream(1), Expected::NoStream, events([1])).await;
    assert!(matches!(refused, Err(AppendError::NotWritten(_))), "{refused:?}");
}
