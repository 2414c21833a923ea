//! What a node does although nobody asks: it carries out sales that were left half told, and sees to
//! it that the units of unpaid orders come back, also those of a node that is gone.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::{
    actors::{
        ClockWatch, Directory, OwnAppends, Readiness, Sales, finish_and_wake, wake_abandoned,
        watch_store,
    },
    admission::Service,
    clock::SharedClock,
    domain::item::Item,
    grpc::ReadSide,
    store::SharedStore,
};

/// How often a node looks for holds that nobody ends. The units of a node that is gone are back
/// within about this time and the grace below; a look is one question to a small file.
const LOOK_EVERY_MS: i64 = 5_000;

/// A hold whose deadline passed less than this ago may be ending right now, or has ended and this
/// node has not read of it yet. Clocks of nodes differ by less, too.
const GRACE_MS: i64 = 3_000;

/// What the chores need.
pub(super) struct Chores {
    pub(super) store: SharedStore,
    /// What this node appended last.
    pub(super) own: Arc<OwnAppends>,
    pub(super) service: Arc<Service>,
    /// What the log calls the store.
    pub(super) address: String,
    pub(super) clock: SharedClock,
    pub(super) readiness: Readiness,
    pub(super) reads: ReadSide,
    pub(super) sales: Sales,
    pub(super) items: Arc<Directory<Item>>,
}

impl Chores {
    /// Does them, and watches the store, until the tasks are aborted.
    pub(super) fn start(self) -> [JoinHandle<()>; 3] {
        let Self { store, service, clock, readiness, address, own, .. } = &self;
        let clock_watch = ClockWatch {
            clock: Arc::clone(clock),
            store: Arc::clone(store),
            own: Arc::clone(own),
            readiness: readiness.clone(),
        };
        let watching = watch_store(
            Arc::clone(store),
            Arc::clone(service),
            Arc::clone(clock),
            readiness.clone(),
            address.clone(),
        );
        [tokio::spawn(watching), tokio::spawn(clock_watch.run()), tokio::spawn(self.run())]
    }

    async fn run(self) {
        // Before the store has answered nobody knows where the log ends.
        self.readiness.has_started().await;
        match self.reads.unfinished(self.store.head()).await {
            Ok((unfinished, holding)) => {
                finish_and_wake(&self.sales, unfinished, &self.items, holding).await;
            }
            Err(error) => tracing::error!(%error, "items with unpaid orders were not woken"),
        }
        self.look_after_holds().await;
    }

    /// Wakes the items that nobody serves, again and again: those of a node that is gone, and those
    /// whose actor stopped because the store did not take the end of a hold.
    async fn look_after_holds(&self) {
        loop {
            self.clock.sleep_until(self.clock.now().plus(LOOK_EVERY_MS)).await;
            if self.readiness.takes_nothing_since().is_some() {
                continue;
            }
            match self.reads.abandoned(self.clock.now().plus(-GRACE_MS)).await {
                Ok(abandoned) => wake_abandoned(&self.items, abandoned).await,
                // Whoever asks the read model is told what is wrong with it.
                Err(error) => tracing::debug!(error, "nobody looks for abandoned holds"),
            }
        }
    }
}
