//! From an id to its actor: spawned on first use, reused while it runs.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{Actor, Addr, prelude::SendError};
use futures_util::future::{join_all, ready};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use super::{
    Answer, Fault, Shared,
    aggregate::Aggregate,
    batch::{Answers, Delivery, Drain, Look, Reached, Reply, Ticket, Warm},
    deadline::Deadline,
    inbox::{Inbox, Put},
    lanes::{Lanes, Sent},
    other_nodes::{
        IncomingCall, Letters, OtherNodes, Parcel, Passed, PassedFuture, TakesParcels, WarmFuture,
    },
    own_directory::OwnDirectory,
    patience::{Lifeline, Patience},
    tail::StreamObserver,
    tally::{Counters, Tally},
};
use crate::{domain::Decider, events::StreamName, ownership::Route};

/// Actors that a command is sent to, one after the other, when each ends just before it comes.
const ACTORS_TRIED: usize = 3;

/// How long commands wait for an actor to rest before they go to another node.
const RESTS_WITHIN: Duration = Duration::from_millis(500);

/// All awake actors of one kind.
pub struct Directory<D: Decider> {
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    awake: RwLock<HashMap<Uuid, Arc<Desk<D>>>>,
    /// The ways to actors of other nodes, where this kind is passed on.
    lanes: Option<Arc<Lanes<D>>>,
    /// Nothing is decided any more: actors that stop have no successor.
    stopping: AtomicBool,
    me: Weak<Self>,
}

/// The running actors, and their waiting commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    pub awake: usize,
    /// Commands that are undecided or not yet in the log.
    pub waiting: usize,
    /// Those of the one where most are.
    pub fullest: usize,
}

/// Where one actor is reached. Shared: a clone of an address allocates.
struct Desk<D: Decider> {
    address: Addr<Aggregate<D>>,
    inbox: Arc<Inbox<D>>,
    waiting: Arc<AtomicUsize>,
}

/// Why an actor got no delivery.
enum NotPut<D: Decider> {
    /// It takes nothing any more.
    Gone(Delivery<D>),
    /// Others have waited for too long.
    TooMany(Delivery<D>),
}

impl<D: Decider> Desk<D> {
    /// Gives the actor a delivery.
    fn put(&self, delivery: Delivery<D>) -> Result<(), NotPut<D>> {
        match self.inbox.put(delivery) {
            Put::Waits => {}
            Put::Wake => match self.address.try_send(Look) {
                // After each message of a full mailbox the actor looks into its inbox, too.
                Ok(()) | Err(SendError::Full(_)) => {}
                // Its thread is gone: the callers are told that it is being rebuilt.
                Err(SendError::Closed(_)) => drop(self.inbox.close()),
            },
            Put::Gone(delivery) => return Err(NotPut::Gone(delivery)),
            Put::TooMany(delivery) => return Err(NotPut::TooMany(delivery)),
        }
        Ok(())
    }

    /// Lets the actor finish what is in flight, and stop if it is to.
    async fn rest(&self, stop: bool) {
        let (done, drained) = oneshot::channel();
        // A full mailbox is being emptied: wait for a place. An error means it has stopped.
        if self.address.send(Drain { done, stop }).await.is_ok() {
            let _ = drained.await;
        }
    }
}

impl<D: Decider> Directory<D> {
    /// A directory in which every actor sleeps. Its commands are decided on this node.
    pub fn new(shared: Arc<Shared>) -> Arc<Self> {
        Self::with_lanes(shared, None)
    }

    /// The same, whose commands go to the nodes that own what they are for.
    pub fn passing_on(shared: Arc<Shared>, nodes: Arc<dyn OtherNodes>) -> Arc<Self>
    where
        D: Decider<Command: Serialize + DeserializeOwned, Outcome: Serialize + DeserializeOwned>,
    {
        Self::with_lanes(shared, Some(Arc::new(Lanes::new(nodes, Letters::json()))))
    }

    fn with_lanes(shared: Arc<Shared>, lanes: Option<Arc<Lanes<D>>>) -> Arc<Self> {
        let counters = Arc::new(Counters::of::<D>(Arc::clone(&shared.metrics)));
        Arc::new_cyclic(|me| Self {
            shared,
            counters,
            awake: RwLock::new(HashMap::new()),
            lanes,
            stopping: AtomicBool::new(false),
            me: Weak::clone(me),
        })
    }

    /// Sends one command and waits for its answer.
    pub async fn ask(
        &self,
        id: Uuid,
        command: D::Command,
        deadline: Option<Deadline>,
    ) -> Result<Answer<D::Outcome>, Fault> {
        let mut answers = self.ask_all(id, vec![command], deadline)?.await?;
        answers.pop().ok_or(Fault::Stopping)
    }

    /// Sends commands that are decided in their order and answered together. The sending is done
    /// when this returns; the waiting is the future's. Their outcome is counted unless the future
    /// was dropped.
    ///
    /// # Errors
    /// [`Fault::Overloaded`] when that many commands cannot wait at this actor,
    /// [`Fault::StoreUnavailable`] before the store has answered for the first time,
    /// [`Fault::Stopping`] once the directory is drained.
    pub fn ask_all(
        &self,
        id: Uuid,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
    ) -> Result<impl Future<Output = Answers<D::Outcome>> + Send + use<D>, Fault> {
        let counters = Arc::clone(&self.counters);
        let tally = Tally::of::<D>(&commands);
        let taken_in = Instant::now();
        let answers = self
            .send(id, commands, deadline)
            .inspect_err(|fault| tally.count_fault(&counters, fault))?;
        Ok(async move {
            let answers = answers.await.unwrap_or_else(|_| Err(being_rebuilt()));
            tally.took(&counters, taken_in.elapsed());
            tally.count::<D>(&counters, &answers);
            answers
        })
    }

    /// Sends commands to the actor that owns them, on this node or on another.
    fn send(
        &self,
        id: Uuid,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
    ) -> Result<oneshot::Receiver<Answers<D::Outcome>>, Fault> {
        self.takes_commands()?;
        let Some(lanes) = &self.lanes else { return self.put(id, commands, deadline, None) };
        let me: Weak<dyn OwnDirectory<D>> = self.me.clone();
        match lanes.send(&me, id, commands, deadline)? {
            Sent::OnLane(answers) => Ok(answers),
            Sent::Here(commands, deadline) => self.put(id, commands, deadline, None),
        }
    }

    fn takes_commands(&self) -> Result<(), Fault> {
        if self.shared.readiness.is_starting() {
            let why = "it has not answered yet since the start";
            return Err(Fault::StoreUnavailable(why.to_owned()));
        }
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Fault::Stopping);
        }
        Ok(())
    }

    /// Puts commands into the inbox of their actor.
    fn put(
        &self,
        id: Uuid,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
        call: Option<Arc<Lifeline>>,
    ) -> Result<oneshot::Receiver<Answers<D::Outcome>>, Fault> {
        let count = commands.len();
        let (to, answers) = oneshot::channel();
        let mut desk = self.desk(id);
        let ticket =
            Ticket::take(&desk.waiting, count, self.shared.waiting_max).ok_or(Fault::Overloaded)?;
        let (since, reply) = (Instant::now(), Reply { to, ticket });
        let patience = self.is_shared().then(|| Patience::new(&self.shared, call));
        let mut delivery = Delivery { commands, deadline, patience, since, reply, is_anew: false };
        for _ in 0..ACTORS_TRIED {
            match desk.put(delivery) {
                Ok(()) => return Ok(answers),
                Err(NotPut::TooMany(_)) => return Err(Fault::Overloaded),
                // It stopped between lookup and send.
                Err(NotPut::Gone(returned)) => {
                    delivery = returned;
                    self.forget_if(id, |desk| desk.inbox.is_closed());
                    desk = self.desk(id);
                    delivery.reply.ticket =
                        Ticket::take(&desk.waiting, count, self.shared.waiting_max)
                            .ok_or(Fault::Overloaded)?;
                }
            }
        }
        // Actors that end at once have no thread to live on any more.
        Err(Fault::Stopping)
    }

    /// Whether there is an actor of that id.
    pub(super) fn is_awake(&self, id: Uuid) -> bool {
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        awake.get(&id).is_some_and(|desk| !desk.inbox.is_closed())
    }

    /// Whether this node is to look after what happens to that actor by time alone.
    pub(super) fn is_owned_here(&self, id: Uuid) -> bool {
        let stream = StreamName { category: D::CATEGORY, id };
        self.lanes.as_ref().is_none_or(|lanes| lanes.nodes.route(stream) == Route::Here)
    }

    /// Those that are awake and owned here.
    fn own(&self) -> Vec<(Uuid, Arc<Desk<D>>)> {
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        let those = awake.iter().filter(|(id, _)| self.is_owned_here(**id));
        those.map(|(id, desk)| (*id, Arc::clone(desk))).collect()
    }

    /// Lets the actors that are owned here see to what is due by time: they may have come here just now.
    pub(super) fn look_after_own(&self) {
        for (_, desk) in self.own() {
            // A full mailbox is being emptied, and each message is a look.
            let _ = desk.address.try_send(Look);
        }
    }

    /// Lets the actors read what other nodes wrote.
    pub(super) fn keep_up(&self) {
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        for desk in awake.values().filter(|_| self.lanes.is_some()) {
            // One with a full mailbox is asked, so it reads anyway.
            let _ = desk.address.try_send(Warm { done: None });
        }
    }

    /// Whether other nodes may serve the same ids.
    pub(super) fn is_shared(&self) -> bool {
        self.shared.store.is_shared()
    }

    /// The ids of the running actors.
    pub fn awake(&self) -> Vec<Uuid> {
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        awake.keys().copied().collect()
    }

    /// Counts running actors and waiting commands.
    pub fn census(&self) -> Census {
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = awake.values().map(|desk| desk.waiting.load(Ordering::Relaxed)).sum();
        let fullest = awake.values().map(|desk| desk.waiting.load(Ordering::Relaxed)).max();
        Census { awake: awake.len(), waiting, fullest: fullest.unwrap_or(0) }
    }
}

impl<D: Decider> Directory<D> {
    fn desk(&self, id: Uuid) -> Arc<Desk<D>> {
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = awake.get(&id) {
            return Arc::clone(desk);
        }
        drop(awake);
        let mut awake = self.awake.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(awake.entry(id).or_insert_with(|| Arc::new(self.spawn(id))))
    }

    fn spawn(&self, id: Uuid) -> Desk<D> {
        let stream = StreamName { category: D::CATEGORY, id };
        let directory: Weak<dyn OwnDirectory<D>> = self.me.clone();
        let inbox = Arc::new(Inbox::new(self.shared.order_wait_max));
        let shared = Arc::clone(&self.shared);
        let aggregate = Aggregate::new(stream, shared, directory, Arc::clone(&inbox));
        // Any spread will do; the id's own bits are evenly distributed.
        let arbiter = id.as_u128() as usize % self.shared.arbiters.len().max(1);
        let address = Aggregate::start_in_arbiter(&self.shared.arbiters[arbiter], |_| aggregate);
        Desk { address, inbox, waiting: Arc::new(AtomicUsize::new(0)) }
    }

    fn forget_if(&self, id: Uuid, condition: impl Fn(&Desk<D>) -> bool) {
        let mut awake = self.awake.write().unwrap_or_else(PoisonError::into_inner);
        if awake.get(&id).is_some_and(|desk| condition(desk)) {
            awake.remove(&id);
        }
    }

    /// Takes no more commands, and lets every actor finish what is in flight and stop.
    pub async fn drain(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let desks: Vec<Arc<Desk<D>>> = {
            let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
            awake.values().cloned().collect()
        };
        join_all(desks.iter().map(|desk| desk.rest(true))).await;
    }
}

/// An actor that stops without an answer has either written nothing or its outcome is unknown; in both
/// cases the command can be repeated under its request id.
fn being_rebuilt() -> Fault {
    Fault::StoreUnavailable("the item is being rebuilt from the log".to_owned())
}

impl<D: Decider> OwnDirectory<D> for Directory<D> {
    fn pass_on(&self, id: Uuid, delivery: Delivery<D>) {
        if self.stopping.load(Ordering::Relaxed) {
            return delivery.reply.send(Err(Fault::Stopping));
        }
        match self.desk(id).put(delivery) {
            Ok(()) => {}
            Err(NotPut::Gone(delivery)) => delivery.reply.send(Err(Fault::LostOwnership)),
            Err(NotPut::TooMany(delivery)) => delivery.reply.send(Err(Fault::Overloaded)),
        }
    }

    fn forget(&self, id: Uuid, inbox: &Arc<Inbox<D>>) {
        self.forget_if(id, |desk| Arc::ptr_eq(&desk.inbox, inbox));
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn send_here(
        &self,
        id: Uuid,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
        call: Option<Arc<Lifeline>>,
    ) -> Result<oneshot::Receiver<Answers<D::Outcome>>, Fault> {
        self.takes_commands()?;
        self.put(id, commands, deadline, call)
    }

    fn is_owned_here(&self, id: Uuid) -> bool {
        self.is_owned_here(id)
    }

    fn rest(&self, id: Uuid) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let desk = {
            let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
            awake.get(&id).map(Arc::clone)
        };
        Box::pin(async move {
            // Each command is counted until it is answered. One that reads the log for the first time, for
            // another node, has none.
            if let Some(desk) = desk
                && desk.waiting.load(Ordering::Acquire) > 0
                && timeout(RESTS_WITHIN, desk.rest(false)).await.is_err()
            {
                tracing::debug!(category = D::CATEGORY.name(), %id, "an actor did not rest in time");
            }
        })
    }
}

impl<D: Decider> TakesParcels for Directory<D> {
    fn take(&self, parcel: Parcel, call: &mut IncomingCall) -> PassedFuture {
        let Parcel { stream, commands, remaining, turn, must_decide } = parcel;
        let passed = |passed: Passed| -> PassedFuture { Box::pin(ready(passed)) };
        let Some(lanes) = &self.lanes else { return passed(Passed::NotMine(None)) };
        let route = lanes.nodes.route(stream);
        if let Some(owner) = call.turned_away.judge(stream.id, turn, must_decide, route) {
            return passed(Passed::NotMine(owner));
        }
        let write = lanes.letters.answers;
        let deadline = remaining.map(|remaining| Deadline::at(Instant::now() + remaining));
        let asked = (lanes.letters.read_commands)(&commands).and_then(|commands| {
            self.send_here(stream.id, commands, deadline, Some(Arc::clone(&call.lifeline)))
        });
        match asked {
            Ok(answers) => Box::pin(async move {
                let rebuilt = |_| Err(being_rebuilt());
                Passed::Answers(write(&answers.await.unwrap_or_else(rebuilt)))
            }),
            Err(fault) => passed(Passed::Answers(write(&Err(fault)))),
        }
    }

    fn warm(&self, stream: StreamName) -> WarmFuture {
        if self.lanes.is_none() || self.takes_commands().is_err() {
            return Box::pin(ready(()));
        }
        let desk = self.desk(stream.id);
        Box::pin(async move {
            let (done, warmed) = oneshot::channel();
            // An error means that it cannot be read now: its first command tries again.
            if desk.address.send(Warm { done: Some(done) }).await.is_ok() {
                let _ = warmed.await;
            }
        })
    }

    fn in_use(&self) -> Vec<StreamName> {
        if self.lanes.is_none() {
            return Vec::new();
        }
        let stream = |(id, _)| StreamName { category: D::CATEGORY, id };
        self.own().into_iter().map(stream).collect()
    }
}

impl<D: Decider> StreamObserver for Directory<D> {
    /// Tells the actor of that stream, if it is awake. A full mailbox is no loss: the store tells
    /// it, too, when it next writes or asks.
    fn reached(&self, stream: StreamName, revision: u64) {
        if stream.category != D::CATEGORY {
            return;
        }
        let awake = self.awake.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = awake.get(&stream.id) {
            let _ = desk.address.try_send(Reached { revision });
        }
    }
}
