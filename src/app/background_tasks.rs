//! What a node does without being asked: it watches its store and its clock.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::{
    actors::{ClockWatch, OwnAppends, Readiness, watch_store},
    admission::CurrentServiceLevel,
    clock::SharedClock,
    store::SharedStore,
};

/// What the background tasks need.
pub(super) struct BackgroundTasks {
    pub(super) store: SharedStore,
    /// What this node appended last.
    pub(super) own: Arc<OwnAppends>,
    pub(super) service: Arc<CurrentServiceLevel>,
    /// What the log calls the store.
    pub(super) address: String,
    pub(super) clock: SharedClock,
    pub(super) readiness: Readiness,
}

impl BackgroundTasks {
    /// Runs them until the tasks are aborted.
    pub(super) fn start(self) -> [JoinHandle<()>; 2] {
        let Self { store, service, clock, readiness, address, own } = self;
        let clock_watch = ClockWatch {
            clock: Arc::clone(&clock),
            store: Arc::clone(&store),
            own,
            readiness: readiness.clone(),
        };
        let watching = watch_store(store, service, clock, readiness, address);
        [tokio::spawn(watching), tokio::spawn(clock_watch.run())]
    }
}
