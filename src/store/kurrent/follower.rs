//! Follows the end of the log by one subscription to all doorbuster streams.
//!
//! The last events stay in memory, so that projections that keep up cost the cluster one
//! subscription and no reads. It always resumes after the last event it has handled, never from a
//! checkpoint of the server's filter, which may lie beyond an event that is still to come.
//!
//! The subscription is a call of our own: the official client's spins forever, without
//! yielding, when a server ends the stream normally (`docs/adr/0004-the-cluster-store.md`).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tonic::Streaming;

use super::{
    nodes::{Ended, Nodes},
    reading::Reading,
    subscription::{Message, Place, subscribe},
};
use crate::{
    events::{Position, Recorded},
    store::{ReadError, wire::client::streams::ReadResp},
};

/// Events kept for readers that continue from just before the end.
const KEPT_EVENTS_MAX: usize = 16_384;
const KEPT_BYTES_MAX: usize = 32 << 20;

/// Events published together at most.
const GATHERED_EVENTS_MAX: usize = 256;

/// How often a silent subscription is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long it may say nothing while it is behind what this node itself has written.
const BEHIND: Duration = Duration::from_secs(3);

/// First and longest pause before it is made anew.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The end of the log, as far as it was seen.
pub(super) struct Follower {
    seen: Arc<Seen>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Seen {
    kept: Mutex<Kept>,
    position: watch::Sender<Position>,
    /// Whether the end of the log was found.
    found: watch::Sender<bool>,
    /// The last position that this node's own appends were given.
    written: watch::Receiver<Position>,
    closed: watch::Sender<bool>,
}

/// The last events.
#[derive(Default)]
struct Kept {
    /// Everything after this is here.
    after: Position,
    events: VecDeque<Recorded>,
    bytes: usize,
}

impl Follower {
    /// Follows from the end that the log has when it can first be read.
    pub(super) fn start(
        nodes: Nodes,
        reading: Arc<Reading>,
        written: watch::Receiver<Position>,
        prefixes: Vec<String>,
    ) -> Self {
        let seen = Arc::new(Seen {
            kept: Mutex::new(Kept { after: Position(u64::MAX), ..Kept::default() }),
            position: watch::Sender::new(Position::START),
            found: watch::Sender::new(false),
            written,
            closed: watch::Sender::new(false),
        });
        let task = tokio::spawn(follow(nodes, prefixes, reading, Arc::clone(&seen)));
        Self { seen, task: Mutex::new(Some(task)) }
    }

    /// Position of the last event that was seen.
    pub(super) fn seen(&self) -> Position {
        *self.seen.position.borrow()
    }

    /// Waits until the end of the log was found.
    pub(super) async fn found_end(&self) {
        let mut found = self.seen.found.subscribe();
        // The sender lives as long as this does.
        let _ = found.wait_for(|found| *found).await;
    }

    /// The events after a position, if all of them are still in memory.
    pub(super) fn page_after(&self, after: Position, max: usize) -> Option<Vec<Recorded>> {
        self.seen.kept().page_after(after, max)
    }

    /// Waits until an event after this position was seen.
    pub(super) async fn wait_after(&self, position: Position) -> Result<(), ReadError> {
        let mut seen = self.seen.position.subscribe();
        let mut closed = self.seen.closed.subscribe();
        let gone = || ReadError::Unavailable("the store is closed".to_owned());
        tokio::select! {
            seen = seen.wait_for(|seen| *seen > position) => seen.map(drop).map_err(|_| gone()),
            _ = closed.wait_for(|closed| *closed) => Err(gone()),
        }
    }

    /// Stops following. Waiting callers get the failure.
    pub(super) fn stop(&self) {
        self.seen.closed.send_replace(true);
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Seen {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_at(&self, end: Position) {
        self.kept().after = end;
        self.position.send_replace(end);
        self.found.send_replace(true);
    }

    fn publish(&self, events: Vec<Recorded>) {
        let Some(last) = events.last().map(|event| event.position) else { return };
        self.kept().keep(events);
        self.position.send_replace(last);
    }
}

impl Kept {
    fn keep(&mut self, events: Vec<Recorded>) {
        for event in events {
            self.bytes += event.data.len() + event.metadata.len();
            self.events.push_back(event);
        }
        while self.events.len() > KEPT_EVENTS_MAX || self.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.data.len() + oldest.metadata.len();
            self.after = oldest.position;
        }
    }

    fn page_after(&self, after: Position, max: usize) -> Option<Vec<Recorded>> {
        if after < self.after {
            return None;
        }
        let start = self.events.partition_point(|event| event.position <= after);
        Some(self.events.range(start..).take(max).cloned().collect())
    }
}

/// Subscribes again and again until the task is ended.
async fn follow(mut nodes: Nodes, prefixes: Vec<String>, reading: Arc<Reading>, seen: Arc<Seen>) {
    let mut last = None;
    let mut pause = PAUSE_MIN;
    loop {
        let started = Instant::now();
        let ended = follow_once(&nodes, &prefixes, &reading, &seen, &mut last).await;
        nodes.look_elsewhere(&ended);
        let why = ended.why();
        tracing::debug!(why, "the subscription ended; subscribing again");
        if started.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Follows until something fails. `last` is the last event handled, once the end was found.
async fn follow_once(
    nodes: &Nodes,
    prefixes: &[String],
    reading: &Reading,
    seen: &Seen,
    last: &mut Option<Position>,
) -> Ended {
    let from = match *last {
        Some(last) => last,
        None => match reading.end().await {
            Ok(end) => {
                seen.start_at(end);
                *last.insert(end)
            }
            Err(error) => return Ended::Failed(error.to_string()),
        },
    };
    let mut messages = match subscribe(nodes, from, prefixes).await {
        Ok(messages) => messages,
        Err(ended) => return ended,
    };
    let mut place = Place::after(from);
    let mut caught_up_at = Instant::now();
    loop {
        let first = match timeout(LOOK, messages.message()).await {
            Ok(Ok(Some(message))) => Some(message),
            Ok(Ok(None)) => return Ended::Failed("the server ended it".to_owned()),
            Ok(Err(status)) => return Ended::of(&status),
            Err(_) => None,
        };
        // Also a checkpoint shows that it comes on.
        let came = first.is_some();
        let gathered = gather(first, &mut messages, &mut place);
        seen.publish(gathered.events);
        *last = Some(place.position());
        if let Some(ended) = gathered.ended {
            return ended;
        }
        if came || *seen.written.borrow() <= place.position() {
            caught_up_at = Instant::now();
        } else if caught_up_at.elapsed() > BEHIND {
            return Ended::Failed("it does not show what was written".to_owned());
        }
    }
}

/// What came at once.
#[derive(Default)]
struct Gathered {
    events: Vec<Recorded>,
    ended: Option<Ended>,
}

/// Takes what has arrived already, so that it is published together.
fn gather(
    first: Option<ReadResp>,
    messages: &mut Streaming<ReadResp>,
    place: &mut Place,
) -> Gathered {
    let mut gathered = Gathered::default();
    let mut next = first;
    while let Some(message) = next.take() {
        match place.read(message) {
            Message::Event(event) => gathered.events.push(event),
            Message::Other => {}
            Message::Wrong(why) => {
                gathered.ended = Some(Ended::Failed(why));
                return gathered;
            }
        }
        if gathered.events.len() >= GATHERED_EVENTS_MAX {
            return gathered;
        }
        match messages.message().now_or_never() {
            None => {}
            Some(Ok(Some(message))) => next = Some(message),
            Some(Ok(None)) => {
                gathered.ended = Some(Ended::Failed("the server ended it".to_owned()));
            }
            Some(Err(status)) => gathered.ended = Some(Ended::of(&status)),
        }
    }
    gathered
}
