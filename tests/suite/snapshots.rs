//! Goal: what comes out of a snapshot and the events behind it is what all events come to, on every
//! store; and whatever is wrong with a file, it is ignored. Method: histories of items with everything
//! that can happen to them, in real stores; files are written, cut off and changed between the events,
//! and after each step the state from the file is compared with a fold, byte by byte.
//!
//! That answers are the same as well is held by `spec` and `model`: there every item that is rebuilt
//! goes through what is written of it.

mod histories;
mod history;
mod long;
mod refused;
mod rule;
mod served;

use std::sync::Arc;

use doorbuster::{
    clock::WallClock,
    domain::{Decider, item::Item},
    events::{Category, ItemEvent, StreamName, encode},
    snapshots::{Folded, Loaded, SnapshotFiles, fold, load},
    store::{Expected, LogSource, SharedStore, embedded::EmbeddedStore},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::spec::live;

/// An item's stream in a store, and the snapshots of a node.
pub struct Bench {
    pub store: SharedStore,
    pub log: LogSource,
    pub files: SnapshotFiles,
    _data: TempDir,
    /// Events that are appended.
    appended: u64,
}

pub fn stream() -> StreamName {
    StreamName { category: Category::Item, id: live::item_id().0 }
}

impl Bench {
    pub fn embedded() -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(data.path(), Arc::new(WallClock)).unwrap();
        Self::on(store, data)
    }

    pub fn on(store: SharedStore, data: TempDir) -> Self {
        let (log, files) = (LogSource::Store(Arc::clone(&store)), SnapshotFiles::of(data.path()));
        Self { store, log, files, _data: data, appended: 0 }
    }

    /// Appends events, as one append.
    pub async fn append(&mut self, events: &[ItemEvent]) {
        if events.is_empty() {
            return;
        }
        let numbered = events.iter().zip(self.appended + 1..);
        let encoded = numbered.map(|(event, number)| {
            let id = Uuid::from_u128(number.into());
            encode(id, event, id, id)
        });
        let encoded: Vec<_> = encoded.collect();
        let expected = Expected::before(self.appended);
        self.store.append(stream(), expected, encoded.into()).await.unwrap();
        self.appended += events.len() as u64;
    }

    /// What all events come to.
    pub async fn folded(&self) -> Folded<Item> {
        fold(&self.log, stream(), Folded::nothing(stream()), Vec::new(), None).await.unwrap()
    }

    /// What a node starts with.
    pub async fn loaded(&self) -> Loaded<Item> {
        load(Some(&self.files), &self.log, stream(), Vec::new()).await.unwrap()
    }

    /// Writes a snapshot of all events.
    pub async fn write(&self) {
        let folded = self.folded().await;
        let mark = folded.last.unwrap();
        self.files.write(stream(), &mark, &folded.state, &|| true).unwrap();
    }

    /// A node starts with just what all events come to; gives how many of them the snapshot held.
    pub async fn assert_loaded_as_folded(&self) -> u64 {
        let (folded, loaded) = (self.folded().await, self.loaded().await);
        assert_eq!(loaded.folded.last, folded.last);
        assert_eq!(loaded.folded.state.next_due(), folded.state.next_due());
        if folded.last.is_some() {
            assert_eq!(live::written(&loaded.folded.state), live::written(&folded.state));
        }
        loaded.covered
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.store.close();
    }
}
