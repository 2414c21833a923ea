//! The messages to an aggregate, and the batch that forms while an append is in flight.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};

use actix::Message;
use tokio::{runtime::Handle, sync::oneshot};
use uuid::Uuid;

use super::{Deadline, Fault, patience::Patience};
use crate::{
    domain::{Caused, Decider, Decision},
    events::{Attempt, NewEvent, Position},
    values::UnixMs,
};

/// What a command came to, once everything it rests on is in the log. Nodes send it to one another,
/// by the rules of [`Decider::Command`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer<O> {
    pub outcome: O,
    pub revision: u64,
    pub position: Position,
}

/// All answers of a delivery, in the order of its commands.
pub(super) type Answers<O> = Result<Vec<Answer<O>>, Fault>;

/// Commands for one aggregate that are decided together and answered together.
pub(super) struct Delivery<D: Decider> {
    pub(super) commands: Vec<D::Command>,
    pub(super) deadline: Option<Deadline>,
    /// Where other nodes may decide what its caller asks again.
    pub(super) patience: Option<Patience>,
    /// When it came.
    pub(super) since: Instant,
    pub(super) reply: Reply<D::Outcome>,
    /// It was decided before, and another node wrote first.
    pub(super) is_anew: bool,
}

impl<D: Decider> Delivery<D> {
    /// Why it must not be decided any more. Nothing of it is in the log.
    pub(super) fn too_late(&self) -> Option<Fault> {
        let in_time = |deadline: &Deadline| {
            if self.is_anew { !deadline.is_over() } else { deadline.decide() }
        };
        if !self.deadline.as_ref().is_none_or(in_time) {
            return Some(Fault::DeadlineExceeded);
        }
        let is_left =
            |patience: &Patience| patience.is_over(self.since) || self.reply.is_abandoned();
        let comes_from_node = self.patience.as_ref().is_some_and(Patience::is_of_node);
        let fault = match self.is_anew {
            true => Fault::LostOwnership,
            // That node knows whether its caller still waits.
            false if comes_from_node => Fault::DeadlineExceeded,
            false => Fault::Overloaded,
        };
        self.patience.as_ref().is_some_and(is_left).then_some(fault)
    }

    /// Whether it asks for units. Deliveries are of one kind.
    pub(super) fn is_order(&self) -> bool {
        self.commands.first().is_some_and(D::is_attempt)
    }
}

/// Look into the inbox.
pub(super) struct Look;

impl Message for Look {
    type Result = ();
}

/// Finish what is in flight.
pub(super) struct Drain {
    pub(super) done: oneshot::Sender<()>,
    /// And stop.
    pub(super) stop: bool,
}

impl Message for Drain {
    type Result = ();
}

/// Be ready to go on where another node stops: read what it wrote.
pub(super) struct Warm {
    /// Told when that is done. Without it the log is read only where it is known to have more.
    pub(super) done: Option<oneshot::Sender<()>>,
}

impl Message for Warm {
    type Result = ();
}

/// The log contains the actor's stream up to this revision.
pub(super) struct Reached {
    pub(super) revision: u64,
}

impl Message for Reached {
    type Result = ();
}

/// Where the answers go. While it lives, its commands count as waiting.
pub(super) struct Reply<O> {
    pub(super) to: oneshot::Sender<Answers<O>>,
    pub(super) ticket: Ticket,
}

impl<O> Reply<O> {
    /// Whether nobody waits for the answers any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.to.is_closed()
    }

    pub(super) fn send(self, answers: Answers<O>) {
        // The receiver of the answer finds the permits free.
        drop(self.ticket);
        // The caller may have gone away; the answer is in the log all the same.
        let _ = self.to.send(answers);
    }
}

/// A place in the queue of an aggregate, given back when dropped.
pub(super) struct Ticket {
    waiting: Arc<AtomicUsize>,
    commands: usize,
}

impl Ticket {
    /// Takes places in the queue, or none if that many are not free.
    pub(super) fn take(waiting: &Arc<AtomicUsize>, commands: usize, max: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                now.checked_add(commands).filter(|&after| after <= max)
            })
            .ok()?;
        Some(Self { waiting: Arc::clone(waiting), commands })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.commands, Ordering::AcqRel);
    }
}

/// Events decided and not yet appended, and the commands that wait for them.
pub(super) struct Batch<D: Decider> {
    pub(super) first_revision: u64,
    pub(super) events: Vec<NewEvent>,
    pub(super) bytes: usize,
    /// What the events say, where another node may write first: what has landed is applied to the
    /// state that is gone back to then.
    pub(super) facts: Vec<D::Event>,
    /// When the first of its deliveries came that are not answered.
    pub(super) oldest: Option<Instant>,
    /// Whose events these are, where others write to the store, too.
    writer: Option<Uuid>,
    asked: Vec<Asked<D>>,
    attempts: Vec<(Attempt, UnixMs)>,
}

/// A delivery that was decided and not yet answered.
struct Asked<D: Decider> {
    reply: Reply<D::Outcome>,
    answers: Vec<Pending<D::Outcome>>,
    /// What decides it anew where another node may write first.
    anew: Option<Anew<D>>,
}

/// A delivery without its reply.
struct Anew<D: Decider> {
    commands: Vec<D::Command>,
    deadline: Option<Deadline>,
    patience: Option<Patience>,
    since: Instant,
}

/// An answer that waits for its batch.
struct Pending<O> {
    outcome: O,
    revision: u64,
    /// Absent where it is not known before the batch has landed.
    position: Option<Position>,
}

/// Where the last append of an aggregate ended up: it tells the position of each of its revisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Landing {
    pub(super) first_revision: u64,
    pub(super) last_revision: u64,
    pub(super) last_position: Position,
}

impl Landing {
    fn position_of(&self, revision: u64) -> Position {
        self.last_position.back(self.last_revision.saturating_sub(revision))
    }
}

impl<D: Decider> Batch<D> {
    /// An empty batch whose first event gets this revision.
    pub(super) fn starting_at(first_revision: u64, writer: Option<Uuid>) -> Self {
        Self {
            first_revision,
            events: Vec::new(),
            bytes: 0,
            facts: Vec::new(),
            oldest: None,
            writer,
            asked: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// Decides a delivery on the state and applies what happened to it.
    pub(super) fn decide(&mut self, state: &mut D, delivery: Delivery<D>, now: UnixMs) {
        let Delivery { commands, deadline, patience, since, reply, .. } = delivery;
        self.oldest.get_or_insert(since);
        let anew =
            self.writer.map(|_| Anew { commands: commands.clone(), deadline, patience, since });
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            let Decision { events, outcome, revision, position, attempt } =
                state.decide(command, now);
            for event in events {
                self.apply(state, event);
            }
            let outcome = state.answer(outcome, now);
            self.attempts.extend(attempt.map(|attempt| (attempt, now)));
            answers.push(Pending { outcome, revision, position });
        }
        self.asked.push(Asked { reply, answers, anew });
    }

    /// Applies an event to the state and keeps it for the append.
    pub(super) fn apply(&mut self, state: &mut D, caused: Caused<D::Event>) {
        state.evolve(&caused.event, self.first_revision + self.events.len() as u64);
        let mut encoded = caused.encode();
        if let Some(writer) = self.writer {
            encoded = encoded.by(writer);
            self.facts.push(caused.event);
        }
        self.bytes += encoded.data.len() + encoded.metadata.len() + 2 * encoded.kind.len();
        self.events.push(encoded);
    }

    /// An empty batch of the same writer.
    pub(super) fn starting_over_at(&self, first_revision: u64) -> Self {
        Self::starting_at(first_revision, self.writer)
    }

    /// An empty batch for what comes after this one.
    pub(super) fn following(&self) -> Self {
        self.starting_over_at(self.first_revision + self.events.len() as u64)
    }

    /// Whether no command waits for it.
    pub(super) fn is_unasked(&self) -> bool {
        self.asked.is_empty()
    }

    /// Answers all commands, several of them on the threads of the runtime. `before` is the position of
    /// the previous append; `landing` is that of this one, if it had events. Returns the attempts.
    pub(super) fn answer(
        self,
        runtime: &Handle,
        before: Option<Landing>,
        landing: Option<Landing>,
    ) -> Vec<(Attempt, UnixMs)> {
        let place = |revision: u64| match (landing, before) {
            (Some(landing), _) if revision >= landing.first_revision => {
                landing.position_of(revision)
            }
            // What an answer rests on is in this append or in the one before it.
            (_, Some(before)) => before.position_of(revision),
            // Nothing was ever written, so the answer rests on no event.
            (_, None) => Position::START,
        };
        let answered = |Asked { reply, answers, .. }: Asked<D>| {
            let placed = answers.into_iter().map(|Pending { outcome, revision, position }| {
                let position = position.unwrap_or_else(|| place(revision));
                Answer { outcome, revision, position }
            });
            (reply, placed.collect())
        };
        let mut answered: Vec<_> = self.asked.into_iter().map(answered).collect();
        if answered.len() > 1 {
            // Each answer from here would wake a thread of the runtime; one task wakes its callers
            // on the thread that it runs on.
            runtime.spawn(async move {
                answered.into_iter().for_each(|(reply, answers)| reply.send(Ok(answers)));
            });
        } else if let Some((reply, answers)) = answered.pop() {
            reply.send(Ok(answers));
        }
        self.attempts
    }

    /// Gives back what was decided and certainly not written, to be decided anew.
    pub(super) fn take_back(&mut self) -> VecDeque<Delivery<D>> {
        self.attempts.clear();
        self.oldest = None;
        let mut back = VecDeque::with_capacity(self.asked.len());
        for Asked { reply, anew, .. } in self.asked.drain(..) {
            if reply.is_abandoned() {
                continue;
            }
            match anew {
                Some(Anew { commands, deadline, patience, since }) => back.push_back(Delivery {
                    commands,
                    deadline,
                    patience,
                    since,
                    reply,
                    is_anew: true,
                }),
                None => reply.send(Err(Fault::LostOwnership)),
            }
        }
        back
    }

    /// Answers all waiting commands with the fault. The events stay.
    pub(super) fn fail(&mut self, fault: &Fault) {
        for Asked { reply, .. } in self.asked.drain(..) {
            reply.send(Err(fault.clone()));
        }
        self.attempts.clear();
        self.oldest = None;
    }
}
