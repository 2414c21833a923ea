//! One session of `BatchAppend`: appends go out one after the other, and each answer names the one it
//! is for.
//!
//! A conflict is the answer to one append and disturbs nothing else in the session. A session ends
//! only with its connection or when its server ends it; what was under way in it is then left
//! without an answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::stream;
use prost::Message as _;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tonic::Code;
use uuid::Uuid;

use super::nodes::{Ended, Node, id_of, wire_id};
use crate::{
    events::Position,
    store::wire::client::{
        WrongExpectedVersion,
        streams::{
            BatchAppendReq, BatchAppendResp,
            batch_append_resp::{
                Failure, Result as Answer,
                success::{CurrentRevisionOption, PositionOption},
            },
        },
        wrong_expected_version::CurrentStreamRevisionOption,
    },
};

/// Appends that wait to be sent: the connection takes them as fast as the server does.
const UNSENT_MAX: usize = 64;

/// What an append came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) last_revision: u64,
    /// Unknown where a repeated append was recognised and its events cannot be read any more.
    pub(super) last_position: Option<Position>,
}

/// What the server says of one copy of an append.
#[derive(Debug)]
pub(super) enum Reply {
    Written(Written),
    /// The stream ends elsewhere: at this revision, where the server says it.
    Conflict(Option<u64>),
    /// The server was not ready or too busy to look at it.
    NotTaken(String),
    /// It will not have it.
    Refused(String),
    /// It does not know itself, or says what no server should.
    Unclear(String),
}

/// A session.
pub(super) struct Session {
    messages: mpsc::Sender<BatchAppendReq>,
    waiting: Arc<Waiting>,
}

/// Who waits for an answer.
struct Waiting(Mutex<State>);

enum State {
    Open(HashMap<Uuid, oneshot::Sender<Reply>>),
    Over(Ended),
}

impl Session {
    /// Begins one on a connection. Its task runs there and ends with the session.
    pub(super) fn begin(node: Node, runtime: &Handle) -> Self {
        let (messages, sent) = mpsc::channel(UNSENT_MAX);
        let waiting = Arc::new(Waiting(Mutex::new(State::Open(HashMap::new()))));
        runtime.spawn(run(node, sent, Guard(Arc::clone(&waiting))));
        Self { messages, waiting }
    }

    /// Why it is over, if it is.
    pub(super) fn ended(&self) -> Option<Ended> {
        match &*self.waiting.state() {
            State::Open(_) => None,
            State::Over(ended) => Some(ended.clone()),
        }
    }

    /// Sends an append. The receiver gets its answer, or nothing if the session ends before that.
    /// `None` if the session is over: then it certainly was not sent.
    pub(super) async fn send(
        &self,
        copy: Uuid,
        message: BatchAppendReq,
    ) -> Option<oneshot::Receiver<Reply>> {
        let (answer, answered) = oneshot::channel();
        match &mut *self.waiting.state() {
            State::Open(waiting) => waiting.insert(copy, answer),
            State::Over(_) => return None,
        };
        let message = BatchAppendReq { correlation_id: Some(wire_id(copy)), ..message };
        self.messages.send(message).await.ok()?;
        Some(answered)
    }
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, answer: BatchAppendResp) {
        let Some(copy) = answer.correlation_id.and_then(id_of) else { return };
        if let State::Open(waiting) = &mut *self.state()
            && let Some(waits) = waiting.remove(&copy)
        {
            // Who has its answer from another copy waits no more.
            _ = waits.send(reply(answer.result));
        }
    }

    fn end(&self, ended: Ended) {
        let mut state = self.state();
        if let State::Open(_) = *state {
            *state = State::Over(ended);
        }
    }
}

/// Ends the session whatever becomes of its task.
struct Guard(Arc<Waiting>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end(Ended::Failed("the store is closed".to_owned()));
    }
}

async fn run(node: Node, mut sent: mpsc::Receiver<BatchAppendReq>, session: Guard) {
    let messages = stream::poll_fn(move |context| sent.poll_recv(context));
    let ended = match node.appends(messages).await {
        Ok(mut answers) => loop {
            match answers.message().await {
                Ok(Some(answer)) => session.0.answer(answer),
                Ok(None) => break Ended::Failed("the server ended the session".to_owned()),
                Err(status) => break Ended::of(&status),
            }
        },
        Err(ended) => ended,
    };
    session.0.end(ended);
}

fn reply(answer: Option<Answer>) -> Reply {
    let unclear = |what: &str| Reply::Unclear(what.to_owned());
    match answer {
        Some(Answer::Success(success)) => match success.current_revision_option {
            Some(CurrentRevisionOption::CurrentRevision(last_revision)) => {
                let last_position = match success.position_option {
                    Some(PositionOption::Position(at)) => Some(Position(at.commit_position)),
                    Some(PositionOption::NoPosition(_)) | None => None,
                };
                Reply::Written(Written { last_revision, last_position })
            }
            Some(CurrentRevisionOption::NoStream(_)) | None => {
                unclear("the store did not say a revision")
            }
        },
        Some(Answer::Error(failure)) => failed(failure),
        None => unclear("the store did not say anything"),
    }
}

fn failed(Failure { code, message, details }: Failure) -> Reply {
    match (Code::from(code), message.as_str()) {
        (Code::AlreadyExists, "WrongExpectedVersion") => {
            let details = details.first().map(|any| WrongExpectedVersion::decode(&*any.value));
            let current = details.and_then(Result::ok);
            match current.and_then(|details| details.current_stream_revision_option) {
                Some(CurrentStreamRevisionOption::CurrentStreamRevision(last)) => {
                    Reply::Conflict(Some(last))
                }
                Some(CurrentStreamRevisionOption::CurrentNoStream(_)) | None => {
                    Reply::Conflict(None)
                }
            }
        }
        // Said with the code of a success. Other words under this code prove nothing.
        (Code::Ok, "Server Is Not Ready" | "Server Is Busy") => Reply::NotTaken(message),
        (Code::NotFound, "StreamDeleted") => {
            Reply::Refused("the stream was permanently deleted".to_owned())
        }
        (Code::InvalidArgument, "MaximumAppendSizeExceeded") | (Code::PermissionDenied, _) => {
            Reply::Refused(message)
        }
        (code, _) => Reply::Unclear(format!("{code:?}: {message}")),
    }
}
