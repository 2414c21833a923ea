//! The shared parts of all items and sales of a node, passed in by the composition root.

use std::{sync::Arc, time::Duration};

use actix_rt::ArbiterHandle;

use super::{DemandDesk, FreezeWatch, Readiness, moves::Moves};
use crate::{
    clock::{Reading, SharedClock},
    metrics::Metrics,
    snapshots::Snapshots,
    store::SharedStore,
};

/// What all aggregates of a node share.
pub struct Shared {
    pub store: SharedStore,
    /// Where states of large streams are kept; none where a node keeps none.
    pub snapshots: Option<Arc<Snapshots>>,
    pub clock: SharedClock,
    /// How far the clock was set since the start.
    pub moves: Moves,
    pub metrics: Arc<Metrics>,
    /// Commands are taken once the store has answered for the first time.
    pub readiness: Readiness,
    /// Where attempts are counted.
    pub demand: Arc<DemandDesk>,
    /// The main runtime: states are rebuilt there.
    pub runtime: tokio::runtime::Handle,
    /// The threads that actors live on.
    pub arbiters: Vec<ArbiterHandle>,
    /// Commands that may wait at one actor.
    pub waiting_max: usize,
    /// While one has waited this long at an actor and is not sent to the store, it takes no orders.
    pub order_wait_max: Duration,
    /// Where other nodes may decide what its caller asks again, a command is decided within this or not
    /// at all.
    pub decide_within: Duration,
    /// When this process did not run, and callers turned elsewhere.
    pub freezes: Arc<FreezeWatch>,
    /// An actor without commands for this long is stopped.
    pub idle_ms: i64,
}

impl Shared {
    /// What the clock says, noting down that it was set.
    pub(super) fn reading(&self) -> Reading {
        self.moves.reading(&self.clock, &self.store)
    }
}
