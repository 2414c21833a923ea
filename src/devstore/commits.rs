//! The time between the writing of an append and its commit.
//!
//! A real server answers an append, and shows it to readers, once it is replicated and indexed. Until
//! then it counts already where revisions are compared, and a copy of it is dropped: only the
//! time-out answers that one. Without a commit time there is nothing of this.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::status::NotHandled;
use crate::{
    events::Position,
    store::embedded::{
        REMEMBERED_BYTES,
        raw::{RawAnswer, RawChange, RawRefusal, RawWrite},
        remembered_bytes,
    },
};

/// Writes whose answers from the log are to come; more wait.
const QUEUE_MAX: usize = 4_096;

/// The appends on their way to a commit.
#[derive(Debug)]
pub(super) struct Commits {
    time: Duration,
    indexed: watch::Sender<Position>,
    state: Mutex<State>,
    queue: mpsc::Sender<Entry>,
}

/// A write whose answer from the log is to come.
#[derive(Debug)]
struct Entry {
    label: Label,
    answered: oneshot::Receiver<RawAnswer>,
    tell: oneshot::Sender<Committed>,
}

/// What is to be done about a write.
enum Judged {
    /// It is told at once: this, or what the log said.
    Said(Option<Committed>),
    /// It is told when it is indexed, up to this position.
    Later(Position),
}

#[derive(Debug, Default)]
struct State {
    /// Positions of the last events of appends that are written and not indexed.
    written: HashSet<Position>,
    /// The stream that an id was used in last.
    ids: HashMap<Uuid, Arc<str>>,
    order: VecDeque<Uuid>,
    /// Of the ids that are remembered.
    bytes: usize,
}

/// What a write is, beside what it does.
#[derive(Debug)]
pub(super) struct Label {
    stream: Arc<str>,
    ids: Vec<Uuid>,
}

/// What becomes of a write that was answered by the log.
#[derive(Debug)]
pub(super) enum Committed {
    Answer(RawAnswer),
    /// It is a copy of one that is not indexed yet: nothing is said.
    Dropped,
    /// It is not handed in yet.
    TimedOut,
    /// It was not handed in.
    NotHandled(NotHandled),
}

impl Label {
    pub(super) fn of(write: &RawWrite) -> Self {
        let ids = match &write.change {
            RawChange::Append(events) => events.iter().map(|event| event.id).collect(),
            RawChange::Delete | RawChange::Tombstone => Vec::new(),
        };
        Self { stream: Arc::from(&*write.stream), ids }
    }
}

impl Commits {
    /// Everything up to `head` is indexed.
    pub(super) fn start(time: Duration, head: Position) -> Arc<Self> {
        let (queue, entries) = mpsc::channel(QUEUE_MAX);
        let indexed = watch::Sender::new(head);
        let commits = Arc::new(Self { time, indexed, state: Mutex::default(), queue });
        // It ends with the runtime.
        tokio::spawn(Arc::clone(&commits).run(entries));
        commits
    }

    /// The last position that can be read.
    pub(super) fn indexed(&self) -> Position {
        *self.indexed.borrow()
    }

    /// Waits until something after a position can be read.
    pub(super) async fn wait_after(&self, position: Position) {
        // The sender lives as long as this does.
        _ = self.indexed.subscribe().wait_for(|indexed| *indexed > position).await;
    }

    /// What a client is told of a write, when it is time to.
    pub(super) async fn commit(
        &self,
        label: Label,
        answered: oneshot::Receiver<RawAnswer>,
    ) -> oneshot::Receiver<Committed> {
        let (tell, told) = oneshot::channel();
        // The other end is there as long as the server runs.
        _ = self.queue.send(Entry { label, answered, tell }).await;
        told
    }

    /// Looks at the answers of the log in the order in which the writes were handed in.
    async fn run(self: Arc<Self>, mut entries: mpsc::Receiver<Entry>) {
        while let Some(Entry { label, answered, tell }) = entries.recv().await {
            let answer = answered.await.unwrap_or_else(|_gone| Err(RawRefusal::gone()));
            match self.judge(label, &answer) {
                // Who asked may be gone.
                Judged::Said(said) => drop(tell.send(said.unwrap_or(Committed::Answer(answer)))),
                Judged::Later(position) => {
                    let commits = Arc::clone(&self);
                    tokio::spawn(async move {
                        tokio::time::sleep(commits.time).await;
                        commits.index(position);
                        drop(tell.send(Committed::Answer(answer)));
                    });
                }
            }
        }
    }

    fn judge(&self, label: Label, answer: &RawAnswer) -> Judged {
        let indexed = self.indexed();
        let Ok(written) = answer else { return Judged::Said(None) };
        let Some(position) = written.position.filter(|at| *at > indexed) else {
            return Judged::Said(None);
        };
        let mut state = self.state();
        if state.written.insert(position) {
            state.remember(label);
            return Judged::Later(position);
        }
        Judged::Said(Some(match state.is_used_elsewhere(&label) {
            // The table of ids has the other stream.
            true => {
                Committed::Answer(Err(RawRefusal::WrongVersion { current: written.last_revision }))
            }
            false => Committed::Dropped,
        }))
    }

    /// What is committed commits what was written before it.
    fn index(&self, position: Position) {
        self.indexed.send_if_modified(|indexed| {
            let later = position > *indexed;
            *indexed = position.max(*indexed);
            later
        });
        self.state().written.remove(&position);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, label: Label) {
        for id in label.ids {
            match self.ids.insert(id, Arc::clone(&label.stream)) {
                None => self.order.push_back(id),
                Some(before) => self.bytes -= remembered_bytes(&before),
            }
            self.bytes += remembered_bytes(&label.stream);
            while self.bytes > REMEMBERED_BYTES
                && let Some(oldest) = self.order.pop_front()
            {
                let stream = self.ids.remove(&oldest);
                self.bytes -= stream.as_deref().map_or(0, remembered_bytes);
            }
        }
    }

    fn is_used_elsewhere(&self, label: &Label) -> bool {
        let elsewhere = |id| self.ids.get(id).is_some_and(|stream| *stream != label.stream);
        label.ids.iter().any(elsewhere)
    }
}
