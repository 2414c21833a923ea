//! Goal: a layer over a store is that store but for what it says it changes.
//!
//! Method: the rules of every store through a layer that changes nothing, and a layer above one that
//! changes what can be told apart.

use std::sync::Arc;

use doorbuster::{
    events::{Category, Position},
    store::{AppendError, AppendLimits, EventStore, Expected, SharedStore, StoreLayer},
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

#[tokio::test]
async fn closing_a_layer_closes_the_store_below() {
    let (store, _alive) = fresh();
    let layer: SharedStore = Arc::new(Clear(Arc::clone(&store)));
    layer.close();
    let refused = store.append(stream(1), Expected::NoStream, events([1])).await;
    assert!(matches!(refused, Err(AppendError::NotWritten(_))), "{refused:?}");
}
