//! Appends over the sessions of `BatchAppend`.
//!
//! The first error of a session ends it, and every append under way in it is left without an
//! answer. So there are several, each for a group of streams, and an append whose session ended is
//! sent again as it is: the same events at the same exact revision, which the store recognises. An
//! append that may have been written is never reported as not written.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use eventstore_client::{BatchAppendClient, BatchAppendOptions, Error, EventData, StreamState};
use serde_json::value::RawValue;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use super::link::{Generation, Link};
use crate::{
    events::{NewEvent, Position, StreamName},
    store::{AppendError, Expected},
};

/// Groups of streams. A conflict disturbs only the appends of its group, and only for a round trip.
const SESSIONS: usize = 16;

/// How long one try may stay unanswered. The server itself gives up after 2 s.
const TRY: Duration = Duration::from_millis(2_500);

/// How long to go on trying an append that may have been written, and one that certainly was not.
const PATIENCE_SENT: Duration = Duration::from_secs(4);
const PATIENCE_UNSENT: Duration = Duration::from_millis(500);

/// Tries that go on at once if only another append's conflict was in the way.
const HASTY_TRIES: u32 = 8;

/// First and longest pause between two tries.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// What a session that has ended says of an append: the client's own words, not the server's.
const SESSION_ENDED: &str = "Batch-append stream has been closed";

/// Codes of gRPC, as numbers: the client is built on another version of tonic than we are.
const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const ALREADY_EXISTS: i32 = 6;
const PERMISSION_DENIED: i32 = 7;

/// What an append came to.
pub(super) struct Written {
    pub(super) last_revision: u64,
    /// Unknown where a repeated append was recognised and its events cannot be read any more.
    pub(super) last_position: Option<Position>,
}

/// All sessions of a store.
pub(super) struct Sessions {
    link: Arc<Link>,
    groups: Groups,
    /// For appends that are sent again: few, so that others' conflicts seldom end their session.
    /// They are kept like the others, because the client never ends a session that is only dropped.
    again: Groups,
}

type Groups = Vec<Mutex<Option<Session>>>;

#[derive(Clone)]
struct Session {
    generation: Arc<Generation>,
    writer: Arc<BatchAppendClient>,
}

/// Why one try failed.
enum BatchError {
    Conflict,
    /// The server looked at it and will not have it: certainly not written.
    Refused(String),
    /// It never left: certainly not written.
    Unsent(String),
    /// It may or may not have been written.
    Unknown(String),
    /// The same, because another append's conflict ended the session: nothing is wrong.
    Interrupted(String),
}

impl Sessions {
    pub(super) fn new(link: Arc<Link>) -> Self {
        let groups = || (0..SESSIONS).map(|_| Mutex::new(None)).collect();
        Self { link, groups: groups(), again: groups() }
    }

    /// Appends events to a stream, trying again while that makes sense.
    pub(super) async fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: &[NewEvent],
    ) -> Result<Written, AppendError> {
        let started = Instant::now();
        let mut maybe_written = false;
        let mut pause = PAUSE_MIN;
        let mut group = &self.groups[number_of(stream) % SESSIONS];
        let mut tries = 0;
        loop {
            tries += 1;
            let mut calm = tries > HASTY_TRIES;
            let why = match self.attempt(stream, expected, events, group).await {
                Ok(written) => return Ok(written),
                Err(BatchError::Conflict) => return Err(AppendError::Conflict),
                Err(BatchError::Refused(why)) if !maybe_written => {
                    return Err(AppendError::NotWritten(why));
                }
                Err(BatchError::Refused(why)) => return Err(AppendError::Unknown(why)),
                Err(BatchError::Unsent(why)) => {
                    calm = true;
                    why
                }
                Err(BatchError::Unknown(why)) => {
                    (calm, maybe_written) = (true, true);
                    why
                }
                Err(BatchError::Interrupted(why)) => {
                    maybe_written = true;
                    why
                }
            };
            let patience = if maybe_written { PATIENCE_SENT } else { PATIENCE_UNSENT };
            if started.elapsed() + pause >= patience {
                return Err(match maybe_written {
                    true => AppendError::Unknown(why),
                    false => AppendError::NotWritten(why),
                });
            }
            // In other company each time, so that the same conflicts do not meet it again.
            group = &self.again[number_of(stream).rotate_right(5 * tries) % SESSIONS];
            if calm {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }

    async fn attempt(
        &self,
        stream: StreamName,
        expected: Expected,
        events: &[NewEvent],
        group: &Mutex<Option<Session>>,
    ) -> Result<Written, BatchError> {
        let events: Vec<EventData> =
            events.iter().map(event_data).collect::<Result<_, _>>().map_err(BatchError::Refused)?;
        let state = match expected {
            Expected::NoStream => StreamState::NoStream,
            Expected::Exact(revision) => StreamState::StreamRevision(revision),
        };
        let session = self.session(group).await?;
        let append = session.writer.append_to_stream(stream.to_string(), state, events);
        let why = match timeout(TRY, append).await {
            Ok(Ok(result)) => {
                let Some(last_revision) = result.current_revision() else {
                    return Err(BatchError::Unknown("the store did not say a revision".to_owned()));
                };
                let last_position = result.current_position().map(|at| Position(at.commit));
                return Ok(Written { last_revision, last_position });
            }
            Ok(Err(error)) => {
                // Whatever it was, the client ends a session with its first error.
                end(group, &session).await;
                let why = error.to_string();
                match judge(&error) {
                    Judged::Certain(failure) => return Err(failure),
                    Judged::SessionEnded => return Err(BatchError::Interrupted(why)),
                    // The client knows the leader by now, and continues there.
                    Judged::Elsewhere => return Err(BatchError::Unknown(why)),
                    Judged::Broken => why,
                }
            }
            Err(_) => {
                end(group, &session).await;
                format!("no answer within {TRY:?}")
            }
        };
        self.link.failed(session.generation.number, &why).await;
        Err(BatchError::Unknown(why))
    }

    /// The session of a group, opened if there is none on the current connection.
    async fn session(&self, group: &Mutex<Option<Session>>) -> Result<Session, BatchError> {
        let mut open = group.lock().await;
        let generation = self.link.generation().await.map_err(BatchError::Unsent)?;
        if let Some(session) = &*open
            && session.generation.number == generation.number
        {
            return Ok(session.clone());
        }
        Ok(open.insert(self.open().await?).clone())
    }

    async fn open(&self) -> Result<Session, BatchError> {
        let generation = self.link.generation().await.map_err(BatchError::Unsent)?;
        let mut options = BatchAppendOptions::default();
        if let Some(authentication) = self.link.settings.authentication() {
            options = options.authenticated(authentication);
        }
        let client = generation.client.clone();
        let opening = generation.handle().spawn(async move { client.batch_append(&options).await });
        let why = match timeout(TRY, opening).await {
            Ok(Ok(Ok(writer))) => return Ok(Session { generation, writer: Arc::new(writer) }),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(ended)) => ended.to_string(),
            Err(_) => format!("no session within {TRY:?}"),
        };
        self.link.failed(generation.number, &why).await;
        Err(BatchError::Unsent(why))
    }
}

/// Forgets a session, unless there is another one in its place already.
async fn end(group: &Mutex<Option<Session>>, session: &Session) {
    let mut open = group.lock().await;
    if open.as_ref().is_some_and(|current| Arc::ptr_eq(&current.writer, &session.writer)) {
        *open = None;
    }
}

/// A number that spreads streams over sessions. An item and its demand have the same id, and the
/// races for the demand are not to disturb the item.
fn number_of(stream: StreamName) -> usize {
    // The id's own bits are evenly distributed.
    (stream.id.as_u128() as usize).wrapping_add(stream.category as usize)
}

/// What an error means for the append and for the connection.
enum Judged {
    Certain(BatchError),
    SessionEnded,
    Elsewhere,
    Broken,
}

fn judge(error: &Error) -> Judged {
    match error {
        Error::Grpc { code, message } => match ((*code).into(), message.as_str()) {
            (ALREADY_EXISTS, "WrongExpectedVersion") => Judged::Certain(BatchError::Conflict),
            (NOT_FOUND, "StreamDeleted") => Judged::Certain(BatchError::Refused(
                "the stream was permanently deleted".to_owned(),
            )),
            (INVALID_ARGUMENT | PERMISSION_DENIED, why) => {
                Judged::Certain(BatchError::Refused(why.to_owned()))
            }
            _ => Judged::Broken,
        },
        Error::AccessDenied => {
            Judged::Certain(BatchError::Refused("the store denies access".to_owned()))
        }
        Error::UnsupportedFeature => {
            Judged::Certain(BatchError::Refused("the store has no BatchAppend".to_owned()))
        }
        Error::ResourceDeleted => {
            Judged::Certain(BatchError::Refused("the stream was permanently deleted".to_owned()))
        }
        Error::NotLeaderException(_) => Judged::Elsewhere,
        Error::ServerError(why) if why.contains(SESSION_ENDED) => Judged::SessionEnded,
        Error::ServerError(_)
        | Error::ConnectionClosed
        | Error::GrpcConnectionError(_)
        | Error::InternalParsingError(_)
        | Error::ResourceAlreadyExists
        | Error::ResourceNotFound
        | Error::InternalClientError
        | Error::DeadlineExceeded
        | Error::InitializationError(_)
        | Error::IllegalStateError(_)
        | Error::WrongExpectedVersion { .. } => Judged::Broken,
    }
}

/// An event as the client sends it: the same bytes, marked as JSON.
fn event_data(event: &NewEvent) -> Result<EventData, String> {
    let wrong = |problem: &dyn std::fmt::Display| {
        format!("the body of event {} ({}) is not JSON: {problem}", event.id, event.kind)
    };
    let body: &RawValue = serde_json::from_slice(&event.data).map_err(|error| wrong(&error))?;
    // Space around it would be lost on the way.
    if body.get().len() != event.data.len() {
        return Err(wrong(&"there is space around it"));
    }
    let data = EventData::json(&*event.kind, &body).map_err(|error| wrong(&error))?;
    Ok(data.id(event.id).metadata(Bytes::copy_from_slice(&event.metadata)))
}
