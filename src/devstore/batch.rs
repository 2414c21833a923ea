//! A session of appends without waiting: they are handed to the writer in the order in which they
//! arrive, and answered as they are done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _, stream, stream::FuturesUnordered};
use prost::Name;
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming, metadata::MetadataMap};
use uuid::Uuid;

use super::{
    convert::{self, UuidForm},
    faults::Rpc,
    line::Line,
    node::{Caller, Node, Outcome, Pending},
    proto::{
        self, Nothing,
        streams::{
            BatchAppendReq, BatchAppendResp, ProposedMessage,
            batch_append_req::{Options, options::DeadlineOption},
            batch_append_resp::{
                Failure, Result as Answer, Success,
                success::{CurrentRevisionOption, PositionOption},
            },
        },
        wrong_expected_version::{CurrentStreamRevisionOption, ExpectedStreamPositionOption},
    },
    status::{self, BadAppend, NotHandled},
};
use crate::store::embedded::raw::{
    RawAnswer, RawChange, RawEvent, RawExpected, RawRefusal, RawWrite,
};
use crate::values::short;

/// Appends of one session on their way; more wait in the connection.
const PENDING_MAX: usize = 1_024;

/// Answers ready to be sent.
const ANSWERS_MAX: usize = 256;

/// Appends of one session whose last part has not come.
const OPEN_MAX: usize = 64;

/// One session.
pub(super) struct Session {
    node: Arc<Node>,
    /// Whether the leader is required is looked at with each append.
    headers: MetadataMap,
    caller: Caller,
    open: HashMap<Uuid, Proposal>,
    /// There as long as the session is.
    _there: Arc<()>,
}

/// An append that is coming in.
struct Proposal {
    stream: String,
    expected: RawExpected,
    timeout: Duration,
    events: Vec<RawEvent>,
    bytes: usize,
}

/// Whose answer it is.
#[derive(Clone)]
struct Addressee {
    correlation: Uuid,
    stream: String,
    expected: RawExpected,
}

/// What a session waits for.
enum Happened {
    Message(Result<Option<BatchAppendReq>, Status>),
    Answer(Option<BatchAppendResp>),
    Stop,
}

/// What becomes of a message.
enum Step {
    /// More of the append has to come.
    Open,
    Submit(Addressee, Pending),
    Say(BatchAppendResp),
}

/// Serves a session.
pub(super) fn serve(
    node: Arc<Node>,
    headers: MetadataMap,
    line: Line,
    requests: Streaming<BatchAppendReq>,
) -> impl Stream<Item = Result<BatchAppendResp, Status>> {
    let (answers, mut ready) = mpsc::channel(ANSWERS_MAX);
    let there = Arc::new(());
    let caller = Caller { line, session: Some(Arc::downgrade(&there)) };
    let session = Session { node, headers, caller, open: HashMap::new(), _there: there };
    tokio::spawn(session.run(requests, answers));
    stream::poll_fn(move |context| ready.poll_recv(context))
}

impl Session {
    async fn run(
        mut self,
        mut requests: Streaming<BatchAppendReq>,
        answers: mpsc::Sender<Result<BatchAppendResp, Status>>,
    ) {
        let mut pending = FuturesUnordered::new();
        let mut stopping = self.node.stopping.clone();
        let (mut more, mut stopped) = (true, false);
        while more || !pending.is_empty() {
            let happened = tokio::select! {
                message = requests.message(), if more && pending.len() < PENDING_MAX => {
                    Happened::Message(message)
                }
                Some(answer) = pending.next() => Happened::Answer(answer),
                _ = stopping.wait_for(|stopping| *stopping), if !stopped => Happened::Stop,
                // Nobody hears the answers any more.
                () = answers.closed() => return,
            };
            let answer = match happened {
                Happened::Message(Ok(Some(message))) => match self.take(message).await {
                    Ok(Step::Open) => continue,
                    Ok(Step::Submit(addressee, written)) => {
                        pending.push(finish(addressee, written));
                        continue;
                    }
                    Ok(Step::Say(answer)) => Ok(answer),
                    Err(end) => Err(end),
                },
                // The client has said everything.
                Happened::Message(Ok(None)) => {
                    more = false;
                    continue;
                }
                // The client is gone; what was handed in is written all the same.
                Happened::Message(Err(_)) => return,
                Happened::Answer(None) => continue,
                Happened::Answer(Some(answer)) => Ok(answer),
                // What was handed in is still answered.
                Happened::Stop => {
                    (more, stopped) = (false, true);
                    continue;
                }
            };
            // Told that nothing more comes, the server ends with the next answer; the others are lost.
            let ends = answer.is_err() || (!more && !stopped);
            if answers.send(answer).await.is_err() || ends {
                return;
            }
        }
        if stopped {
            // The receiver is gone if the client is.
            _ = answers.send(Err(status::stopping())).await;
        }
    }

    /// Takes a message in. An error ends the session.
    async fn take(&mut self, message: BatchAppendReq) -> Result<Step, Status> {
        let correlation = convert::read_uuid(message.correlation_id.as_ref())
            .ok_or_else(|| Status::invalid_argument("correlation_id: it is not a UUID"))?;
        let is_final = message.is_final;
        let proposal = match self.collect(correlation, message) {
            Ok(()) if !is_final => return Ok(Step::Open),
            Ok(()) => self.open.remove(&correlation),
            Err((stream, bad)) => {
                self.open.remove(&correlation);
                return Ok(Step::Say(say(correlation, &stream, Answer::Error(bad_append(&bad)))));
            }
        };
        let Some(proposal) = proposal else {
            return Err(Status::invalid_argument(
                "options: the first message of an append has them",
            ));
        };
        let Proposal { stream, expected, timeout, events, .. } = proposal;
        let addressee = Addressee { correlation, stream: stream.clone(), expected };
        if timeout.is_zero() {
            return Ok(Step::Say(addressee.answer(Answer::Error(timed_out()))));
        }
        if let Err(end) = self.node.check_leader(&self.headers) {
            return match self.node.leader() {
                Some(_) => Err(end),
                None => {
                    let failure = not_handled(NotHandled::NoLeader);
                    Ok(Step::Say(addressee.answer(Answer::Error(failure))))
                }
            };
        }
        let write = RawWrite { stream, expected, change: RawChange::Append(events) };
        let pending = self.node.begin(Rpc::BatchAppend, write, timeout, &self.caller).await?;
        Ok(Step::Submit(addressee, pending))
    }

    /// Adds a message to its append.
    fn collect(
        &mut self,
        correlation: Uuid,
        message: BatchAppendReq,
    ) -> Result<(), (String, BadAppend)> {
        if let Some(options) = message.options {
            let name = options.stream_identifier.as_ref().map(|stream| &*stream.stream_name);
            let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
            let proposal = self.propose(options).map_err(|bad| (name.clone(), bad))?;
            if self.open.len() >= OPEN_MAX {
                let problem = format!("more than {OPEN_MAX} appends are unfinished");
                return Err((name, BadAppend::Invalid(problem)));
            }
            self.open.insert(correlation, proposal);
        }
        let bytes_max = self.node.append_bytes_max;
        let Some(proposal) = self.open.get_mut(&correlation) else {
            let problem = "options: the first message of an append has them".to_owned();
            return Err((String::new(), BadAppend::Invalid(problem)));
        };
        let added = proposal.add(message.proposed_messages, bytes_max);
        added.map_err(|bad| (proposal.stream.clone(), bad))
    }

    fn propose(&self, options: Options) -> Result<Proposal, BadAppend> {
        let timeout = timeout(options.deadline_option.as_ref(), &self.node);
        Ok(Proposal {
            stream: convert::stream_name(options.stream_identifier)?,
            expected: convert::expected_by_batch(options.expected_stream_position)?,
            timeout,
            events: Vec::new(),
            bytes: 0,
        })
    }
}

impl Proposal {
    fn add(&mut self, messages: Vec<ProposedMessage>, bytes_max: usize) -> Result<(), BadAppend> {
        self.events.reserve(messages.len());
        for message in messages {
            let (event, bytes) = convert::event(message)?;
            self.bytes += bytes;
            if self.bytes > bytes_max {
                return Err(BadAppend::TooLarge(bytes_max));
            }
            self.events.push(event);
        }
        Ok(())
    }
}

impl Addressee {
    fn answer(&self, answer: Answer) -> BatchAppendResp {
        say(self.correlation, &self.stream, answer)
    }
}

/// How long an append may take: what its client wants, but no longer than the node allows.
fn timeout(deadline: Option<&DeadlineOption>, node: &Node) -> Duration {
    let wanted_ms = match deadline {
        None => return node.write_timeout,
        Some(DeadlineOption::Deadline(wanted)) => {
            wanted.seconds.saturating_mul(1_000).saturating_add(i64::from(wanted.nanos) / 1_000_000)
        }
        Some(DeadlineOption::Deadline21100(moment)) => {
            let moment_ms = moment
                .seconds
                .saturating_mul(1_000)
                .saturating_add(i64::from(moment.nanos) / 1_000_000);
            moment_ms.saturating_sub(node.clock.now().0)
        }
    };
    Duration::from_millis(u64::try_from(wanted_ms).unwrap_or(0)).min(node.write_timeout)
}

/// The answer to an append; `None` if it never gets one.
async fn finish(addressee: Addressee, pending: Pending) -> Option<BatchAppendResp> {
    let answer = match pending.outcome().await {
        Outcome::Silence => return None,
        Outcome::TimedOut => Answer::Error(timed_out()),
        Outcome::NotHandled(why) => Answer::Error(not_handled(why)),
        Outcome::Answer(answer) => answered(&addressee, answer),
    };
    Some(addressee.answer(answer))
}

fn answered(addressee: &Addressee, answer: RawAnswer) -> Answer {
    let refusal = match answer {
        Ok(written) => {
            let revision = match written.last_revision {
                Some(revision) => CurrentRevisionOption::CurrentRevision(revision),
                None => CurrentRevisionOption::NoStream(Nothing {}),
            };
            let position = match written.position {
                Some(position) => PositionOption::Position(convert::position(position)),
                None => PositionOption::NoPosition(Nothing {}),
            };
            return Answer::Success(Success {
                current_revision_option: Some(revision),
                position_option: Some(position),
            });
        }
        Err(refusal) => refusal,
    };
    Answer::Error(match refusal {
        RawRefusal::WrongVersion { current } => wrong_version(addressee.expected, current),
        RawRefusal::Deleted => {
            let stream_identifier = Some(convert::stream_identifier(&addressee.stream));
            let details = proto::StreamDeleted { stream_identifier };
            failure(Code::NotFound, "StreamDeleted", &details)
        }
        RawRefusal::Invalid(why) => bad_append(&BadAppend::Invalid(why)),
        RawRefusal::NotWritten(why) => failure(Code::Unavailable, &why, &proto::Unknown {}),
        RawRefusal::Unknown(_) => timed_out(),
    })
}

fn wrong_version(expected: RawExpected, current: Option<u64>) -> Failure {
    let current = match current {
        Some(revision) => CurrentStreamRevisionOption::CurrentStreamRevision(revision),
        None => CurrentStreamRevisionOption::CurrentNoStream(Nothing {}),
    };
    let expected = match expected {
        RawExpected::Any => ExpectedStreamPositionOption::ExpectedAny(Nothing {}),
        RawExpected::NoStream => ExpectedStreamPositionOption::ExpectedNoStream(Nothing {}),
        RawExpected::StreamExists => ExpectedStreamPositionOption::ExpectedStreamExists(Nothing {}),
        RawExpected::Exact(revision) => {
            ExpectedStreamPositionOption::ExpectedStreamPosition(revision)
        }
    };
    let details = proto::WrongExpectedVersion {
        current_stream_revision_option: Some(current),
        expected_stream_position_option: Some(expected),
    };
    failure(Code::AlreadyExists, "WrongExpectedVersion", &details)
}

fn bad_append(bad: &BadAppend) -> Failure {
    match bad {
        BadAppend::TooLarge(max) => {
            let max_append_size = short(*max);
            let details = proto::MaximumAppendSizeExceeded { max_append_size };
            failure(Code::InvalidArgument, "MaximumAppendSizeExceeded", &details)
        }
        BadAppend::MissingProperty(_) | BadAppend::Invalid(_) => {
            let details = proto::BadRequest { message: bad.to_string() };
            failure(Code::InvalidArgument, "BadRequest", &details)
        }
    }
}

/// Said with the code of a success.
fn not_handled(why: NotHandled) -> Failure {
    failure(Code::Ok, why.words(), &Nothing {})
}

fn timed_out() -> Failure {
    failure(Code::DeadlineExceeded, "Timeout", &proto::Timeout {})
}

fn failure(code: Code, message: &str, details: &impl Name) -> Failure {
    let details = prost_types::Any {
        type_url: format!("type.googleapis.com/{}", type_name(details)),
        value: details.encode_to_vec(),
    };
    Failure { code: code.into(), message: message.to_owned(), details: vec![details] }
}

fn type_name<M: Name>(_message: &M) -> String {
    M::full_name()
}

fn say(correlation: Uuid, stream: &str, answer: Answer) -> BatchAppendResp {
    BatchAppendResp {
        correlation_id: Some(convert::uuid(correlation, UuidForm::Text)),
        result: Some(answer),
        stream_identifier: Some(convert::stream_identifier(stream)),
    }
}
