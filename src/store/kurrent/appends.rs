//! Appends, and what they come to.
//!
//! What an append came to is proven by an answer to it and by nothing else. A success proves it, and
//! so does a conflict or a refusal of the only copy that was ever sent. Everything else leaves it in
//! doubt: a server that gives up on an append does not withdraw it, and an append whose session
//! ended may still be written later. Then the identical append is sent again, under another id of
//! its own, until an answer proves something. A server drops a copy while another one is on its way
//! to disk, so a copy goes out only when the events can be read or no other copy is left that could
//! be answered. What is read says when to send, and never what to believe: a node that is about to
//! lead shows events that may still be taken back.
//!
//! The doubt outlives the call: who asks again for the same append gets what it came to.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use super::{
    line::Line,
    nodes::wire_id,
    reading::Reading,
    session::{Reply, Written},
};
use crate::{
    clock,
    events::{NewEvent, StreamName},
    store::{
        AppendError, Expected,
        wire::client::{
            Nothing, StreamIdentifier,
            streams::{
                BatchAppendReq, MetadataEntry, ProposedMessage,
                batch_append_req::{Options, options::ExpectedStreamPosition},
            },
        },
    },
};

/// How long an answer may take before the stream is read as well. The server gives up after 2 s.
const LATE: Duration = Duration::from_secs(2);

/// How long an append may be in doubt before its caller is told, and how long one that certainly was
/// not written is tried.
const PATIENCE_IN_DOUBT: Duration = Duration::from_secs(2);
const PATIENCE_UNWRITTEN: Duration = Duration::from_millis(500);

/// How often the stream of an append in doubt is read.
const LOOK: Duration = Duration::from_millis(100);

/// First and longest pause between two copies.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// All appends of a store.
pub(super) struct Appends(Arc<Inner>);

struct Inner {
    line: Line,
    reading: Arc<Reading>,
    runtime: Handle,
    /// Ids of copies: those of this process, and the number of the next one.
    process: u64,
    next: AtomicU64,
    doubts: Mutex<HashMap<Key, Outcome>>,
}

/// An append by its stream and its first event.
type Key = (StreamName, Uuid);

/// What an append in doubt came to, once that is known.
type Outcome = watch::Receiver<Option<Result<Written, AppendError>>>;

/// An append as it is sent however often.
#[derive(Clone)]
struct Append {
    stream: StreamName,
    expected: Expected,
    events: Arc<[NewEvent]>,
}

type Copy = oneshot::Receiver<Reply>;

/// What stands in the stream where the append would begin.
enum Seen {
    Nothing,
    Ours,
    Others,
}

impl Appends {
    pub(super) fn new(line: Line, reading: Arc<Reading>, runtime: Handle) -> Self {
        let (process, _) = clock::new_writer_id().as_u64_pair();
        let (next, doubts) = (AtomicU64::new(0), Mutex::default());
        Self(Arc::new(Inner { line, reading, runtime, process, next, doubts }))
    }

    /// Appends events to a stream.
    pub(super) async fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> Result<Written, AppendError> {
        let append = Append { stream, expected, events };
        if let Some(outcome) = self.0.outcome_of(&append) {
            return told(outcome, "its outcome is not known yet").await;
        }
        let started = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            let why = match self.0.send(&append).await {
                Err(why) => why,
                Ok(mut copy) => match timeout(LATE, &mut copy).await {
                    Ok(Ok(Reply::Written(written))) => return Ok(written),
                    Ok(Ok(Reply::Conflict(last))) => return Err(AppendError::Conflict(last)),
                    Ok(Ok(Reply::Refused(why))) => return Err(AppendError::NotWritten(why)),
                    Ok(Ok(Reply::NotTaken(why))) => why,
                    Ok(Ok(Reply::Unclear(why))) => return self.doubt(append, None, &why).await,
                    Ok(Err(_)) => return self.doubt(append, None, "the session ended").await,
                    Err(_) => return self.doubt(append, Some(copy), "no answer in time").await,
                },
            };
            if started.elapsed() + pause >= PATIENCE_UNWRITTEN {
                return Err(AppendError::NotWritten(why));
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Gives no session any more. What is under way may still be answered.
    pub(super) fn close(&self) {
        self.0.line.close();
    }

    /// Finds out what an append came to, on a task that goes on when nobody waits any more.
    async fn doubt(
        &self,
        append: Append,
        copy: Option<Copy>,
        why: &str,
    ) -> Result<Written, AppendError> {
        tracing::debug!(stream = %append.stream, why, "an append is in doubt");
        let (settled, outcome) = watch::channel(None);
        self.0.doubts().insert(append.key(), outcome.clone());
        let inner = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            let result = inner.settle(&append, copy).await;
            inner.doubts().remove(&append.key());
            settled.send_replace(Some(result));
        });
        told(outcome, why).await
    }
}

/// The outcome, or after a while that it is unknown.
async fn told(mut outcome: Outcome, why: &str) -> Result<Written, AppendError> {
    let unknown = || AppendError::Unknown(why.to_owned());
    let known = timeout(PATIENCE_IN_DOUBT, outcome.wait_for(Option::is_some)).await;
    let known = known.ok().and_then(Result::ok).and_then(|outcome| outcome.clone());
    known.unwrap_or_else(|| Err(unknown()))
}

impl Inner {
    fn doubts(&self) -> MutexGuard<'_, HashMap<Key, Outcome>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outcome_of(&self, append: &Append) -> Option<Outcome> {
        let doubts = self.doubts();
        if doubts.is_empty() { None } else { doubts.get(&append.key()).cloned() }
    }

    /// Sends one copy.
    ///
    /// # Errors
    /// Why it certainly was not sent.
    async fn send(&self, append: &Append) -> Result<Copy, String> {
        let session = self.line.session(&self.runtime).await?;
        let id = Uuid::from_u64_pair(self.process, self.next.fetch_add(1, Ordering::Relaxed));
        let sent = session.send(id, append.message()).await;
        sent.ok_or_else(|| "the session ended".to_owned())
    }

    /// Goes on until it is proven what an append in doubt came to.
    async fn settle(&self, append: &Append, copy: Option<Copy>) -> Result<Written, AppendError> {
        let mut copies: FuturesUnordered<Copy> = copy.into_iter().collect();
        let (mut again_at, mut pause) = (Instant::now(), PAUSE_MIN);
        let mut conflict: Option<Option<u64>> = None;
        let mut shown_at: Option<Instant> = None;
        let mut look = pin!(self.look(append));
        loop {
            let send = tokio::select! {
                Some(reply) = copies.next() => {
                    match reply {
                        Ok(Reply::Written(written)) => return Ok(written),
                        Ok(Reply::Conflict(last)) => conflict = Some(last),
                        Ok(Reply::NotTaken(_) | Reply::Refused(_) | Reply::Unclear(_))
                        | Err(_) => {}
                    }
                    false
                }
                () = sleep_until(again_at), if copies.is_empty() => true,
                seen = &mut look => {
                    look.set(self.look(append));
                    match seen {
                        Seen::Others if conflict.is_some() => {
                            return Err(AppendError::Conflict(conflict.flatten()));
                        },
                        Seen::Ours => {
                            let now = Instant::now();
                            let due = shown_at.is_none_or(|at| now - at >= LATE);
                            shown_at = if due { Some(now) } else { shown_at };
                            due
                        }
                        Seen::Nothing | Seen::Others => false,
                    }
                }
            };
            if send {
                copies.extend(self.send(append).await.ok());
                if copies.is_empty() && self.line.is_closed() {
                    return Err(AppendError::Unknown("the store is closed".to_owned()));
                }
                again_at = Instant::now() + pause;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }

    /// What stands where the append would begin, after a pause.
    async fn look(&self, append: &Append) -> Seen {
        sleep(LOOK).await;
        let (_, first) = append.key();
        let read = self.reading.stream(append.stream, append.expected.next_revision(), 1).await;
        match read.ok().and_then(|mut events| events.pop()) {
            Some(event) if event.id == first => Seen::Ours,
            Some(_) => Seen::Others,
            None => Seen::Nothing,
        }
    }
}

impl Append {
    fn key(&self) -> Key {
        // An append is never empty; one that is fails before this.
        (self.stream, self.events.first().map_or_else(Uuid::nil, |event| event.id))
    }

    fn message(&self) -> BatchAppendReq {
        let expected = match self.expected {
            Expected::NoStream => ExpectedStreamPosition::NoStream(Nothing {}),
            Expected::Exact(revision) => ExpectedStreamPosition::StreamPosition(revision),
        };
        let stream_name = self.stream.to_string().into_bytes();
        BatchAppendReq {
            correlation_id: None,
            options: Some(Options {
                stream_identifier: Some(StreamIdentifier { stream_name }),
                expected_stream_position: Some(expected),
                deadline_option: None,
            }),
            proposed_messages: self.events.iter().map(proposed).collect(),
            is_final: true,
        }
    }
}

fn proposed(event: &NewEvent) -> ProposedMessage {
    let entry =
        |key: &str, value: &str| MetadataEntry { key: key.to_owned(), value: value.to_owned() };
    ProposedMessage {
        id: Some(wire_id(event.id)),
        metadata: vec![entry("type", &event.kind), entry("content-type", "application/json")],
        custom_metadata: event.metadata.clone(),
        data: event.data.clone(),
    }
}
