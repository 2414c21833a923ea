//! What a node does although nobody asks: it carries out sales that were left half told, and sees to
//! it that the units of unpaid orders come back, also those of a node that is gone.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use crate::{
    actors::{
        ClockWatch, Directory, Holds, OwnAppends, Readiness, Sales, Waker, finish_sales,
        watch_store,
    },
    admission::Service,
    clock::SharedClock,
    domain::item::Item,
    grpc::ReadSide,
    store::SharedStore,
};

/// How often a node looks for holds that nobody ends: a look asks nobody but its own memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the background_tasks need.
pub(super) struct BackgroundTasks {
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
    pub(super) holds: Arc<Holds>,
}

impl BackgroundTasks {
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
        tokio::join!(self.finish_sales(), self.look_after_holds());
    }

    /// Carries out the sales that were left half told.
    async fn finish_sales(&self) {
        match self.reads.unfinished(self.store.head()).await {
            Ok(unfinished) => finish_sales(&self.sales, unfinished).await,
            Err(error) => tracing::error!(error, "sales may be half told to their items"),
        }
    }

    /// Wakes the items that nobody serves, again and again: those of a node that is gone, and those
    /// whose actor stopped because the store did not take the end of a hold.
    async fn look_after_holds(&self) {
        let waker = Waker::default();
        loop {
            sleep(LOOK_EVERY).await;
            // Nothing that is woken could end anything, and rebuilding it costs.
            if self.readiness.takes_nothing_since().is_none() {
                waker.look(&self.items, &self.holds).await;
            }
        }
    }
}
