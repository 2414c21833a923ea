//! Appends on their way to the writer.
//!
//! The writer takes everything that waits as one group, so the queue is where group commit comes
//! from. It is bounded by bytes: an append that finds no room waits for its turn, in order. It must
//! never lose an append silently: whatever is dropped unanswered is seen as such by its sender.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::raw::{RawAnswer, RawRefusal, RawWrite};
use crate::{
    events::{NewEvent, StreamName},
    store::{AppendError, Appended, Expected},
    values::short,
};

/// What one group holds at most, unless its first append alone is larger.
const GROUP_EVENTS_MAX: usize = 8_192;
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Bytes that may wait or be in writing.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// What an append costs in the queue beside its events, and each event beside its text.
const APPEND_OVERHEAD_BYTES: usize = 256;
const EVENT_OVERHEAD_BYTES: usize = 128;

pub(super) type Answer = Result<Appended, AppendError>;

/// One append that waits for the writer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) work: Work,
    events: usize,
    /// Bytes of the texts of its events.
    pub(super) bytes: usize,
    _room: OwnedSemaphorePermit,
}

/// What is to be written, by the port or by a client of EventStoreDB.
#[derive(Debug)]
pub(super) enum Work {
    Append { append: Append, reply: Reply<Answer> },
    Raw { write: Box<RawWrite>, reply: Reply<RawAnswer> },
}

/// An append of the port.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) stream: StreamName,
    pub(super) expected: Expected,
    pub(super) events: Arc<[NewEvent]>,
}

/// A waiting caller, and its answer as soon as it is decided. It is sent only when the transaction
/// has ended.
#[derive(Debug)]
pub(super) struct Reply<A> {
    sender: oneshot::Sender<A>,
    pub(super) decided: Option<A>,
}

/// What the writer found in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Appends to be written.
    Group,
    /// No append came within the time.
    Nothing,
    /// The queue is closed and everything it held was taken.
    Closed,
}

/// The queue is closed: nothing was taken in.
#[derive(Debug)]
pub(super) struct Closed;

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Request>,
    open: bool,
}

impl Work {
    /// An append of the port.
    pub(super) fn append(append: Append, sender: oneshot::Sender<Answer>) -> Self {
        Self::Append { append, reply: Reply { sender, decided: None } }
    }

    /// A write of a client.
    pub(super) fn raw(write: RawWrite, sender: oneshot::Sender<RawAnswer>) -> Self {
        Self::Raw { write: Box::new(write), reply: Reply { sender, decided: None } }
    }

    /// Gives the answer: what was decided, or that the whole transaction failed.
    pub(super) fn settle(self, failure: Option<&AppendError>) {
        match self {
            Self::Append { reply, .. } => reply.settle(failure.map(|failure| Err(failure.clone()))),
            Self::Raw { reply, .. } => {
                reply.settle(failure.map(|failure| Err(RawRefusal::from(failure))));
            }
        }
    }
}

impl<A> Reply<A> {
    /// Without a failure every request of a group was decided.
    fn settle(self, failure: Option<A>) {
        if let Some(answer) = failure.or(self.decided) {
            // The caller is gone: the written events stay.
            _ = self.sender.send(answer);
        }
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { waiting: VecDeque::new(), open: true }),
            arrived: Condvar::new(),
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
        }
    }

    /// Hands an append to the writer; waits while the queue is full. `bytes` are those of the
    /// events' texts.
    pub(super) async fn push(&self, work: Work, events: usize, bytes: usize) -> Result<(), Closed> {
        let charge = bytes + APPEND_OVERHEAD_BYTES + events * EVENT_OVERHEAD_BYTES;
        // An append within the store's limits always fits an empty queue.
        let charge = short(charge.min(WAITING_BYTES_MAX));
        let room =
            Arc::clone(&self.room).acquire_many_owned(charge).await.map_err(|_closed| Closed)?;
        let mut state = self.lock();
        if !state.open {
            return Err(Closed);
        }
        state.waiting.push_back(Request { work, events, bytes, _room: room });
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for appends, at most that long where a limit is given, and moves the next group into
    /// `group`.
    pub(super) fn take(&self, group: &mut Vec<Request>, wait_max: Option<Duration>) -> Taken {
        let nothing = |state: &mut State| state.open && state.waiting.is_empty();
        let mut state = match wait_max {
            None => self
                .arrived
                .wait_while(self.lock(), nothing)
                .unwrap_or_else(PoisonError::into_inner),
            Some(wait_max) => {
                let waited = self.arrived.wait_timeout_while(self.lock(), wait_max, nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let (mut events, mut bytes) = (0, 0);
        while let Some(next) = state.waiting.front() {
            events += next.events;
            bytes += next.bytes;
            if !group.is_empty() && (events > GROUP_EVENTS_MAX || bytes > GROUP_BYTES_MAX) {
                break;
            }
            group.extend(state.waiting.pop_front());
        }
        match (group.is_empty(), state.open) {
            (false, _) => Taken::Group,
            (true, true) => Taken::Nothing,
            (true, false) => Taken::Closed,
        }
    }

    /// Takes nothing in from now on. What waits in the queue will still be written; who waits for
    /// room is refused.
    pub(super) fn close(&self) {
        self.lock().open = false;
        self.room.close();
        self.arrived.notify_all();
    }

    /// Closes and drops the queue when the writer is gone.
    pub(super) fn abandon(&self) {
        self.close();
        self.lock().waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
