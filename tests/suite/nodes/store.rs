//! One node's way to the store that several nodes share: the embedded store itself, told that it is
//! shared, with a gate where a test can hold a node up, take its store away, and see what it asks.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use doorbuster::{
    events::{Category, NewEvent, Position, Recorded, StreamName},
    store::{
        AppendError, Appended, EventStore, Expected, ReadError, StoreFuture, StoreLayer,
        embedded::EmbeddedStore,
    },
};
use tokio::sync::watch;

use crate::support::PATIENCE;

pub struct NodeStore {
    log: Arc<EmbeddedStore>,
    shared: bool,
    away: AtomicBool,
    /// It answers from a copy that has not come so far yet.
    behind: AtomicBool,
    /// The next append to an item is written, but its answer does not come.
    loses_answer: AtomicBool,
    /// A stream that cannot be read although the store is there.
    damaged: Mutex<Option<StreamName>>,
    held: watch::Sender<bool>,
    /// Appends to items and questions about them that came to the gate.
    came: watch::Sender<usize>,
    /// Appends of beacons that found the store away.
    turned_away: watch::Sender<usize>,
    questions: AtomicUsize,
    loads: watch::Sender<usize>,
    /// So many appends to items find that another node was first.
    races_lost: AtomicUsize,
    conflicts: AtomicUsize,
}

impl NodeStore {
    pub fn new(log: &Arc<EmbeddedStore>, shared: bool) -> Arc<Self> {
        Arc::new(Self {
            log: Arc::clone(log),
            shared,
            away: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            loses_answer: AtomicBool::new(false),
            damaged: Mutex::new(None),
            held: watch::Sender::new(false),
            came: watch::Sender::new(0),
            turned_away: watch::Sender::new(0),
            questions: AtomicUsize::new(0),
            loads: watch::Sender::new(0),
            races_lost: AtomicUsize::new(0),
            conflicts: AtomicUsize::new(0),
        })
    }

    /// Takes the store away from this node, or gives it back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, SeqCst);
    }

    pub fn set_behind(&self, behind: bool) {
        self.behind.store(behind, SeqCst);
    }

    pub fn lose_next_answer(&self) {
        self.loses_answer.store(true, SeqCst);
    }

    /// From now on what this node writes to items or asks about them does not reach the store.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// How many came to the gate so far.
    pub fn came(&self) -> usize {
        *self.came.borrow()
    }

    /// Waits until more than that many have come to the gate.
    pub async fn more_came_than(&self, before: usize) {
        let mut counted = self.came.subscribe();
        let more = counted.wait_for(|came| *came > before);
        tokio::time::timeout(PATIENCE, more).await.expect("a writer comes").unwrap();
    }

    pub fn damage(&self, stream: StreamName) {
        *self.damaged.lock().unwrap() = Some(stream);
    }

    /// Waits until an append of beacons has found the store away.
    pub async fn beacons_are_turned_away(&self) {
        let mut counted = self.turned_away.subscribe();
        let turned = counted.wait_for(|count| *count > 0);
        tokio::time::timeout(PATIENCE, turned).await.expect("beacons are written").unwrap();
    }

    /// Questions about where an item's stream ends.
    pub fn questions(&self) -> usize {
        self.questions.load(SeqCst)
    }

    /// How often an item's stream was read from its start.
    pub fn loads(&self) -> usize {
        *self.loads.borrow()
    }

    /// Waits until items' streams were read from their starts so often.
    pub async fn has_loaded(&self, times: usize) {
        let mut counted = self.loads.subscribe();
        let loaded = counted.wait_for(|loads| *loads >= times);
        tokio::time::timeout(PATIENCE, loaded).await.expect("items are read").unwrap();
    }

    /// The next appends to items lose against another node.
    pub fn lose_races(&self, times: usize) {
        self.races_lost.store(times, SeqCst);
    }

    /// Appends to items that came too late.
    pub fn conflicts(&self) -> usize {
        self.conflicts.load(SeqCst)
    }

    async fn pass(&self, stream: StreamName) {
        if stream.category == Category::Item {
            self.came.send_modify(|came| *came += 1);
            self.held.subscribe().wait_for(|held| !*held).await.unwrap();
        }
    }

    fn here(&self) -> Result<(), ReadError> {
        match self.away.load(SeqCst) {
            true => Err(ReadError::Unavailable("taken away by a test".to_owned())),
            false => Ok(()),
        }
    }
}

impl StoreLayer for NodeStore {
    fn below(&self) -> &dyn EventStore {
        &*self.log
    }

    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            self.pass(stream).await;
            if let Err(error) = self.here() {
                if stream.category == Category::Traffic {
                    self.turned_away.send_modify(|count| *count += 1);
                }
                return Err(AppendError::NotWritten(error.to_string()));
            }
            let lost = |left: usize| left.checked_sub(1);
            if stream.category == Category::Item
                && self.races_lost.fetch_update(SeqCst, SeqCst, lost).is_ok()
            {
                return Err(AppendError::Conflict(self.log.last_revision(stream).await.unwrap()));
            }
            let appended = self.log.append(stream, expected, events).await;
            if stream.category == Category::Item && self.loses_answer.swap(false, SeqCst) {
                return Err(AppendError::Unknown("its answer was lost by a test".to_owned()));
            }
            if stream.category == Category::Item
                && matches!(appended, Err(AppendError::Conflict(_)))
            {
                self.conflicts.fetch_add(1, SeqCst);
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
        Box::pin(async move {
            self.here()?;
            if stream.category == Category::Item && from_revision == 0 {
                self.loads.send_modify(|loads| *loads += 1);
            }
            self.log.read_stream(stream, from_revision, max).await
        })
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            self.here()?;
            self.log.read_all(after, max).await
        })
    }

    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>> {
        Box::pin(async move {
            if stream.category == Category::Item {
                self.questions.fetch_add(1, SeqCst);
            }
            self.pass(stream).await;
            self.here()?;
            if *self.damaged.lock().unwrap() == Some(stream) {
                return Err(ReadError::Damaged("by a test".to_owned()));
            }
            let last = self.log.last_revision(stream).await?;
            let behind = self.behind.load(SeqCst) && stream.category == Category::Item;
            Ok(if behind { last.and_then(|last| last.checked_sub(1)) } else { last })
        })
    }

    fn end(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            self.here()?;
            self.log.end().await
        })
    }

    fn is_shared(&self) -> bool {
        self.shared
    }

    /// The log outlives the nodes.
    fn close(&self) {}
}
