//! Commands to aggregates that other nodes own: one lane for each such aggregate that is asked.
//!
//! A lane is a task of the runtime. It ends when it is empty and the owner is here, or when nothing was
//! asked for a while; as long as there is a lane, all commands of this node to its aggregate go through
//! it, because they must not overtake each other.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
    time::sleep,
};
use uuid::Uuid;

use super::{
    Deadline, Fault, Shared,
    batch::{Answers, Delivery, Reply, Ticket},
    other_nodes::{Letters, OtherNodes, Parcel, Passed},
    own_directory::OwnDirectory,
    patience::Patience,
};
use crate::{
    domain::Decider,
    events::StreamName,
    ownership::{Became, Dispatch, Lane, Route, TRIES_MAX},
    values::NodeId,
};

/// A lane on which nothing was sent for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// First and longest pause before what was not decided is sent again.
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// The lanes of one kind of aggregate.
pub(super) struct Lanes<D: Decider> {
    pub(super) nodes: Arc<dyn OtherNodes>,
    pub(super) letters: Letters<D>,
    /// Numbers of turns, over all lanes: a lane may be begun again for the same aggregate.
    turns: AtomicU64,
    open: RwLock<HashMap<Uuid, Open<D>>>,
}

/// Where a lane takes commands in.
struct Open<D: Decider> {
    inbox: mpsc::Sender<Delivery<D>>,
    waiting: Arc<AtomicUsize>,
}

/// Where commands went.
pub(super) enum Sent<D: Decider> {
    OnLane(oneshot::Receiver<Answers<D::Outcome>>),
    /// Nowhere: they are for an actor of this node.
    Here(Vec<D::Command>, Option<Deadline>),
}

impl<D: Decider> Lanes<D> {
    pub(super) fn new(nodes: Arc<dyn OtherNodes>, letters: Letters<D>) -> Self {
        Self { nodes, letters, turns: AtomicU64::new(0), open: RwLock::default() }
    }

    /// Puts commands on the lane of their aggregate, if it has one or needs one.
    pub(super) fn send(
        self: &Arc<Self>,
        directory: &Weak<dyn OwnDirectory<D>>,
        id: Uuid,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
    ) -> Result<Sent<D>, Fault> {
        let route = self.nodes.route(StreamName { category: D::CATEGORY, id });
        let directory = directory.upgrade().ok_or(Fault::Stopping)?;
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        match open.get(&id) {
            Some(lane) => return lane.put(commands, deadline, directory.shared()),
            None if route == Route::Here => return Ok(Sent::Here(commands, deadline)),
            None => drop(open),
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let lane = open.entry(id).or_insert_with(|| self.begin(&directory, id, route));
        lane.put(commands, deadline, directory.shared())
    }

    fn begin(
        self: &Arc<Self>,
        directory: &Arc<dyn OwnDirectory<D>>,
        id: Uuid,
        route: Route,
    ) -> Open<D> {
        let (sender, inbox) = mpsc::channel(directory.shared().waiting_max);
        let driver = Driver {
            stream: StreamName { category: D::CATEGORY, id },
            lanes: Arc::clone(self),
            directory: Arc::clone(directory),
            lane: Lane::new(route),
            under_way: FuturesUnordered::new(),
            inbox,
        };
        directory.shared().runtime.spawn(driver.run(self.nodes.changes()));
        Open { inbox: sender, waiting: Arc::default() }
    }

    /// Ends a lane on which nothing is, unless something came meanwhile.
    fn end_if_empty(&self, id: Uuid, inbox: &mpsc::Receiver<Delivery<D>>) -> bool {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let ends = inbox.is_empty();
        if ends {
            open.remove(&id);
        }
        ends
    }
}

impl<D: Decider> Open<D> {
    fn put(
        &self,
        commands: Vec<D::Command>,
        deadline: Option<Deadline>,
        shared: &Arc<Shared>,
    ) -> Result<Sent<D>, Fault> {
        let (to, answers) = oneshot::channel();
        let ticket = Ticket::take(&self.waiting, commands.len(), shared.waiting_max)
            .ok_or(Fault::Overloaded)?;
        let (since, reply) = (Instant::now(), Reply { to, ticket });
        let patience = Some(Patience::new(shared, None));
        let delivery = Delivery { commands, deadline, patience, since, reply, is_anew: false };
        match self.inbox.try_send(delivery) {
            Ok(()) => Ok(Sent::OnLane(answers)),
            Err(TrySendError::Full(_)) => Err(Fault::Overloaded),
            // The runtime ends.
            Err(TrySendError::Closed(_)) => Err(Fault::Stopping),
        }
    }
}

/// What is kept of commands until they are answered.
struct Kept<O> {
    commands: Bytes,
    deadline: Option<Deadline>,
    patience: Option<Patience>,
    since: Instant,
    reply: Reply<O>,
}

impl<O> Kept<O> {
    /// Until when it may be decided, if there is such a moment.
    fn until(&self) -> Option<Instant> {
        let deadline = self.deadline.as_ref().map(Deadline::moment);
        let patience = self.patience.as_ref().map(|patience| patience.ends_at(self.since));
        deadline.into_iter().chain(patience).min()
    }

    /// Why it needs no further try.
    fn too_late(&self, in_doubt: bool) -> Option<Fault> {
        let is_late = self.deadline.as_ref().is_some_and(Deadline::is_over);
        if !is_late && !self.patience.as_ref().is_some_and(|patience| patience.is_over(self.since))
        {
            None
        } else if in_doubt {
            let why = "a node that may have decided it gave no answer in time";
            Some(Fault::StoreUnavailable(why.to_owned()))
        } else if is_late {
            Some(Fault::DeadlineExceeded)
        } else {
            Some(Fault::Overloaded)
        }
    }
}

/// The task of a lane.
struct Driver<D: Decider> {
    stream: StreamName,
    lanes: Arc<Lanes<D>>,
    directory: Arc<dyn OwnDirectory<D>>,
    lane: Lane<Kept<D::Outcome>>,
    under_way: FuturesUnordered<BoxFuture<'static, (u64, Outcome<D>)>>,
    inbox: mpsc::Receiver<Delivery<D>>,
}

/// What became of commands, and their answers where they have any.
enum Outcome<D: Decider> {
    Answers(Answers<D::Outcome>),
    Became(Became),
}

impl<D: Decider> Driver<D> {
    async fn run(mut self, mut changes: watch::Receiver<u64>) {
        let mut used_at = Instant::now();
        let lanes = Arc::clone(&self.lanes);
        let lanes = &*lanes;
        // An actor of this node that was the owner's finishes first.
        self.turn(lanes).await;
        loop {
            if self.lane.has_to_resend() {
                sleep(pause(self.lane.tries())).await;
                self.turn(lanes).await;
                self.give_up();
                for dispatch in self.lane.resend() {
                    self.send(lanes, dispatch);
                }
            }
            let is_empty = self.lane.is_empty();
            let may_end =
                is_empty && (self.lane.route() == Route::Here || used_at.elapsed() >= IDLE);
            if may_end && lanes.end_if_empty(self.stream.id, &self.inbox) {
                return;
            }
            tokio::select! {
                // The owner first: what goes to the wrong one comes back.
                biased;
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.lane.owner_is(lanes.nodes.route(self.stream));
                }
                Some((number, outcome)) = self.under_way.next() => self.came(number, outcome),
                Some(delivery) = self.inbox.recv(), if !self.lane.is_held() => {
                    used_at = Instant::now();
                    self.push(lanes, delivery);
                }
                () = sleep(IDLE), if is_empty => {}
            }
        }
    }

    /// Goes over to the route that is to be taken now.
    async fn turn(&mut self, lanes: &Lanes<D>) {
        self.lane.owner_is(lanes.nodes.route(self.stream));
        let number = lanes.turns.fetch_add(1, Ordering::Relaxed) + 1;
        if self.lane.turn(number) != Route::Here {
            self.directory.rest(self.stream.id).await;
        }
    }

    /// Answers what is sent to no further node.
    fn give_up(&mut self) {
        let is_given_up = |kept: &Kept<D::Outcome>, in_doubt| {
            kept.reply.is_abandoned() || kept.too_late(in_doubt).is_some()
        };
        for (kept, in_doubt) in self.lane.give_up(is_given_up) {
            if let Some(fault) = kept.too_late(in_doubt) {
                kept.reply.send(Err(fault));
            }
        }
    }

    fn push(&mut self, lanes: &Lanes<D>, delivery: Delivery<D>) {
        // From here on it is another node that knows whether it is late.
        if let Some(fault) = delivery.too_late() {
            return delivery.reply.send(Err(fault));
        }
        let Delivery { commands, deadline, patience, since, reply, .. } = delivery;
        match (lanes.letters.commands)(&commands) {
            Ok(commands) => {
                let dispatch = self.lane.push(Kept { commands, deadline, patience, since, reply });
                self.send(lanes, dispatch);
            }
            Err(fault) => reply.send(Err(fault)),
        }
    }

    fn send(&mut self, lanes: &Lanes<D>, dispatch: Dispatch) {
        let Dispatch { number, route, turn, must_decide } = dispatch;
        let Some(kept) = self.lane.parcel(number) else { return };
        let (commands, until) = (kept.commands.clone(), kept.until());
        let sent: BoxFuture<'static, Outcome<D>> = match route {
            Route::Node(node) => {
                let remaining = until.map(|at| at.saturating_duration_since(Instant::now()));
                let parcel = Parcel { stream: self.stream, commands, remaining, turn, must_decide };
                let (own, read) = (lanes.nodes.node_id(), lanes.letters.read_answers);
                lanes.nodes.pass(node, parcel).map(move |passed| outcome(passed, own, read)).boxed()
            }
            Route::Here => {
                let asked = (lanes.letters.read_commands)(&commands).and_then(|commands| {
                    let deadline = until.map(Deadline::at);
                    self.directory.send_here(self.stream.id, commands, deadline, None)
                });
                decided_here(asked).boxed()
            }
        };
        self.under_way.push(sent.map(move |outcome| (number, outcome)).boxed());
    }

    fn came(&mut self, number: u64, outcome: Outcome<D>) {
        let (became, answers) = match outcome {
            Outcome::Answers(Err(fault @ Fault::LostOwnership)) => (Became::Nothing, Err(fault)),
            // A node that stops is left for another one.
            Outcome::Answers(Err(fault @ Fault::Stopping)) => (Became::Nothing, Err(fault)),
            // This copy was turned away, and not the one before it.
            Outcome::Answers(Err(fault @ (Fault::Overloaded | Fault::DeadlineExceeded)))
                if self.lane.is_in_doubt(number) =>
            {
                (Became::Unknown, Err(fault))
            }
            // The receiver was late. Whether the caller still waits is known here.
            Outcome::Answers(Err(Fault::DeadlineExceeded)) => {
                match self.lane.parcel(number).and_then(|kept| kept.too_late(false)) {
                    Some(late) => (Became::Answered, Err(late)),
                    None => (Became::Nothing, Err(Fault::Overloaded)),
                }
            }
            Outcome::Answers(answers) => (Became::Answered, answers),
            Outcome::Became(became) => {
                let why = format!("no node that owns it answered in {TRIES_MAX} tries");
                (became, Err(Fault::StoreUnavailable(why)))
            }
        };
        if let Some(kept) = self.lane.became(number, became) {
            kept.reply.send(answers);
        }
    }
}

fn outcome<D: Decider>(
    passed: Passed,
    own: NodeId,
    read: fn(&[u8]) -> Answers<D::Outcome>,
) -> Outcome<D> {
    match passed {
        Passed::Answers(bytes) => Outcome::Answers(read(&bytes)),
        Passed::NotMine(owner) => {
            // Views differ for a moment while nodes meet: then the receiver may name this one.
            let route = |node| if node == own { Route::Here } else { Route::Node(node) };
            Outcome::Became(Became::NotMine(owner.map(route)))
        }
        Passed::NotSent => Outcome::Became(Became::Nothing),
        Passed::Unknown => Outcome::Became(Became::Unknown),
    }
}

async fn decided_here<D: Decider>(
    asked: Result<oneshot::Receiver<Answers<D::Outcome>>, Fault>,
) -> Outcome<D> {
    match asked {
        Ok(answers) => match answers.await {
            Ok(answers) => Outcome::Answers(answers),
            // The actor stopped without an answer: nothing was written, or that is not known.
            Err(_) => Outcome::Became(Became::Unknown),
        },
        Err(fault) => Outcome::Answers(Err(fault)),
    }
}

/// None before the first try by another route, and longer before each further one.
fn pause(tries: u32) -> Duration {
    match tries {
        0 | 1 => Duration::ZERO,
        _ => (PAUSE_MIN * 2_u32.saturating_pow(tries - 2)).min(PAUSE_MAX),
    }
}
