//! What an actor of a stream remembers.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};

use actix::SpawnHandle;
use tokio::sync::oneshot;

use crate::{
    actors::{
        Fault, Shared,
        batch::{Batch, Delivery, Landing},
        inbox::Inbox,
        own_directory::OwnDirectory,
    },
    clock,
    domain::Decider,
    events::{NewEvent, StreamName},
    metrics::InDoubt,
    values::UnixMs,
};

/// The actor of one stream.
pub(in crate::actors) struct Aggregate<D: Decider> {
    pub(super) stream: StreamName,
    pub(super) shared: Arc<Shared>,
    pub(super) directory: Weak<dyn OwnDirectory<D>>,
    pub(super) inbox: Arc<Inbox<D>>,
    pub(super) state: D,
    /// The state behind the last event of ours that is in the log, where another node was seen to
    /// write: what is gone back to when it writes first again. It costs the memory of a second state.
    pub(super) landed: Option<D>,
    /// The log has the stream up to this revision, and the state does not.
    pub(super) reached: Option<u64>,
    /// Where the last append landed; `None` while nothing was ever written.
    pub(super) landing: Option<Landing>,
    /// Commands not decided yet, because the forming batch is full.
    pub(super) waiting: VecDeque<Delivery<D>>,
    pub(super) forming: Batch<D>,
    pub(super) flying: Option<Flight<D>>,
    pub(super) standing: Standing,
    /// A pump is scheduled and will see what came since.
    pub(super) pump_scheduled: bool,
    /// The alarm for the next deadline, and when it rings.
    pub(super) alarm: Option<(UnixMs, SpawnHandle)>,
    pub(super) used_at: UnixMs,
    /// By how much the clock had been set when it was last looked at.
    pub(super) moved_ms: i64,
    pub(super) draining: Vec<oneshot::Sender<()>>,
    /// It stops once nothing is in flight.
    pub(super) stops: bool,
    /// Told when what others wrote is read.
    pub(super) warming: Vec<oneshot::Sender<()>>,
    /// It was read for another node, which may have written since: it is read on before it is decided on.
    pub(super) is_heir: bool,
    /// From so many events on a snapshot may be due.
    pub(super) look_behind_at: u64,
    /// It is looked at again once no event comes any more.
    pub(super) rest_is_awaited: bool,
}

/// What an actor does with its commands.
pub(super) enum Standing {
    /// It decides.
    Serving,
    /// It reads what another node wrote; they wait.
    CatchingUp,
    /// It dropped its state while it was deciding: it tells them why.
    Lost(Fault),
}

impl<D: Decider> Aggregate<D> {
    pub(in crate::actors) fn new(
        stream: StreamName,
        shared: Arc<Shared>,
        directory: Weak<dyn OwnDirectory<D>>,
        inbox: Arc<Inbox<D>>,
    ) -> Self {
        let used_at = shared.clock.now();
        // An id for each life of each actor: even two of one node are never taken for each other.
        let writer = shared.store.is_shared().then(clock::new_writer_id);
        Self {
            stream,
            state: D::initial(stream.id),
            landed: None,
            reached: None,
            shared,
            directory,
            inbox,
            landing: None,
            waiting: VecDeque::new(),
            forming: Batch::starting_at(0, writer),
            flying: None,
            standing: Standing::Serving,
            pump_scheduled: false,
            alarm: None,
            used_at,
            moved_ms: 0,
            draining: Vec::new(),
            stops: false,
            warming: Vec::new(),
            is_heir: false,
            look_behind_at: 0,
            rest_is_awaited: false,
        }
    }
}

/// A batch on its way to the store.
pub(super) struct Flight<D: Decider> {
    pub(super) batch: Batch<D>,
    /// The same bytes however often they have to be sent; none if the batch only asks.
    pub(super) events: Arc<[NewEvent]>,
    /// Set once an append's outcome was unknown: how long to pause before the next try.
    pub(super) doubt: Option<Duration>,
    /// Held as long as the outcome is unknown; counted by the metrics.
    pub(super) shown_in_doubt: Option<InDoubt>,
}

impl<D: Decider> Flight<D> {
    /// Answers all commands of the batch with the fault.
    pub(super) fn fail(&mut self, fault: &Fault) {
        self.batch.fail(fault);
    }
}
