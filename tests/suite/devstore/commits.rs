//! What a real server does between an append and its commit, and how sessions end. The facts were
//! measured on EventStoreDB 23.10.8; here they hold clients against it.

use std::time::Duration;

use doorbuster::{
    devstore::{Config, Fault, Role, Rpc},
    store::{
        embedded::raw::{RawChange, RawEvent, RawExpected, RawWrite},
        wire::client::{
            Nothing, StreamIdentifier, Uuid as WireUuid, WrongExpectedVersion,
            streams::{
                BatchAppendReq, BatchAppendResp, MetadataEntry, ProposedMessage, ReadReq, ReadResp,
                batch_append_req::{Options, options::ExpectedStreamPosition},
                batch_append_resp::{
                    Result as Answer,
                    success::{CurrentRevisionOption, PositionOption},
                },
                read_req,
                read_req::options,
                read_resp,
            },
            uuid::Value,
            wrong_expected_version::CurrentStreamRevisionOption,
        },
    },
};
use eventstore_client::{Error, ReadStreamOptions, StreamState};
use futures_util::stream;
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::{Code, Request, Status, Streaming, client::Grpc, transport::Channel};
use uuid::Uuid;

use super::{ANYWHERE, Running, all_of, append, start, unnamed};
use crate::support::PATIENCE;

const PATH: &str = "/event_store.client.streams.Streams/BatchAppend";
const READ: &str = "/event_store.client.streams.Streams/Read";

/// A session as it goes over the wire.
pub struct Session {
    send: Option<mpsc::Sender<BatchAppendReq>>,
    answers: Streaming<BatchAppendResp>,
}

/// What an append was answered: revision and position, or code, words and the revision there is.
pub type Said = Result<(u64, u64), (Code, String, Option<u64>)>;

impl Session {
    pub async fn begin(running: &Running, node: usize, requires_leader: bool) -> Self {
        let address = format!("http://{}", running.server.node_address(node));
        let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
        let (send, mut sent) = mpsc::channel(64);
        let mut request = Request::new(stream::poll_fn(move |context| sent.poll_recv(context)));
        let leader = if requires_leader { "true" } else { "false" };
        request.metadata_mut().insert("requires-leader", leader.parse().unwrap());
        let mut grpc = Grpc::new(channel);
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<BatchAppendReq, BatchAppendResp>::default();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(PATH);
        let answers = grpc.streaming(request, path, codec).await.unwrap().into_inner();
        Self { send: Some(send), answers }
    }

    pub async fn append(&self, name: u128, stream: &str, expected: Option<u64>, ids: &[u128]) {
        let entry = |key: &str, value: &str| MetadataEntry { key: key.into(), value: value.into() };
        let event = |id: &u128| ProposedMessage {
            id: Some(wire_id(*id)),
            metadata: vec![entry("type", "Rung"), entry("content-type", "application/json")],
            custom_metadata: Vec::new(),
            data: b"{}".to_vec(),
        };
        let expected = expected.map_or(
            ExpectedStreamPosition::NoStream(Nothing {}),
            ExpectedStreamPosition::StreamPosition,
        );
        let message = BatchAppendReq {
            correlation_id: Some(wire_id(name)),
            options: Some(Options {
                stream_identifier: Some(StreamIdentifier { stream_name: stream.into() }),
                expected_stream_position: Some(expected),
                deadline_option: None,
            }),
            proposed_messages: ids.iter().map(event).collect(),
            is_final: true,
        };
        self.send.as_ref().unwrap().send(message).await.unwrap();
    }

    /// The next answer, and which append it is for.
    async fn next(&mut self) -> Result<Option<(u128, Said)>, Status> {
        let next = tokio::time::timeout(PATIENCE, self.answers.message()).await;
        Ok(next.expect("an answer")?.map(read))
    }

    pub async fn said(&mut self) -> (u128, Said) {
        self.next().await.unwrap().unwrap()
    }
}

fn read(answer: BatchAppendResp) -> (u128, Said) {
    let Some(Value::String(name)) = answer.correlation_id.unwrap().value else { panic!("no text") };
    let said = match answer.result.unwrap() {
        Answer::Success(success) => {
            let Some(CurrentRevisionOption::CurrentRevision(revision)) =
                success.current_revision_option
            else {
                panic!("no revision")
            };
            let Some(PositionOption::Position(at)) = success.position_option else {
                panic!("no position")
            };
            Ok((revision, at.commit_position))
        }
        Answer::Error(failure) => {
            let code = Code::from(failure.code);
            let current = (code == Code::AlreadyExists).then(|| {
                let details = WrongExpectedVersion::decode(&*failure.details[0].value).unwrap();
                match details.current_stream_revision_option {
                    Some(CurrentStreamRevisionOption::CurrentStreamRevision(at)) => Some(at),
                    Some(CurrentStreamRevisionOption::CurrentNoStream(_)) | None => None,
                }
            });
            Err((code, failure.message, current.flatten()))
        }
    };
    (name.parse::<Uuid>().unwrap().as_u128(), said)
}

fn wire_id(id: u128) -> WireUuid {
    WireUuid { value: Some(Value::String(Uuid::from_u128(id).to_string())) }
}

pub fn conflict(at: u64) -> Said {
    Err((Code::AlreadyExists, "WrongExpectedVersion".to_owned(), Some(at)))
}

fn failure(code: Code, words: &str) -> Said {
    Err((code, words.to_owned(), None))
}

/// A server that is set like this.
pub fn with(change: impl FnOnce(&mut Config)) -> Running {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::single(directory.path().to_owned(), ANYWHERE);
    change(&mut config);
    Running { server: start(config), directory }
}

pub fn committing(commit_ms: u64, timeout_ms: u64) -> Running {
    with(|config| {
        config.commit_time = Duration::from_millis(commit_ms);
        config.write_timeout = Duration::from_millis(timeout_ms);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_counts_what_cannot_be_read_yet_and_ends_no_session() {
    let running = committing(1_000, 60_000);
    let client = running.client();
    let read = || async {
        let options = ReadStreamOptions::default().max_count(10);
        all_of(client.read_stream("bells", &options).await?).await
    };
    // It is connected from now on.
    assert!(matches!(read().await, Err(Error::ResourceNotFound)));
    let mut session = Session::begin(&running, 0, true).await;
    session.append(1, "bells", None, &[1, 2]).await;
    session.append(2, "bells", None, &[3]).await;
    assert_eq!(session.said().await, (2, conflict(1)), "before the first one is committed");
    assert!(matches!(read().await, Err(Error::ResourceNotFound)));
    assert_eq!(running.server.store().raw_head().0, 2, "it is written all the same");
    assert_eq!(session.said().await, (1, Ok((1, 2))));
    assert_eq!(read().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_in_flight_is_dropped_and_one_behind_it_is_answered_as_the_first() {
    let running = committing(200, 500);
    let mut session = Session::begin(&running, 0, true).await;
    session.append(1, "bells", None, &[1, 2]).await;
    session.append(2, "bells", None, &[1, 2]).await;
    let first = session.said().await;
    assert_eq!(first, (1, Ok((1, 2))));
    // Its time is not over, and nothing is in flight any more.
    session.append(3, "bells", None, &[1, 2]).await;
    assert_eq!(session.said().await, (3, first.1));
    assert_eq!(session.said().await, (2, failure(Code::DeadlineExceeded, "Timeout")));

    let client = running.client();
    let (one, two) = tokio::join!(
        append(&client, "alone", StreamState::NoStream, [5]),
        append(&client, "alone", StreamState::NoStream, [5])
    );
    let (done, dropped) = if one.is_ok() { (one, two) } else { (two, one) };
    done.unwrap();
    let words = "Operation timed out: Commit phase timeout.".to_owned();
    assert_eq!(unnamed(dropped), (Code::Aborted, words));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_remembered_across_streams() {
    let running = committing(300, 60_000);
    let mut session = Session::begin(&running, 0, true).await;
    session.append(1, "bells", None, &[1, 2]).await;
    session.append(2, "others", None, &[1, 2]).await;
    session.append(3, "bells", None, &[1, 2]).await;
    assert_eq!(session.said().await, (3, conflict(1)), "the table has the other stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_handled_is_said_with_the_code_of_a_success() {
    let running = committing(1, 60_000);
    let mut session = Session::begin(&running, 0, true).await;
    let faults = running.server.faults();
    for (fault, words) in [
        (Fault::NotReady, "Server Is Not Ready"),
        (Fault::TooBusy, "Server Is Busy"),
        (Fault::NotLeader(None), "No leader info available in response"),
    ] {
        faults.next(Rpc::BatchAppend, fault);
        session.append(1, "bells", None, &[1]).await;
        assert_eq!(session.said().await, (1, failure(Code::Ok, words)));
    }
    session.append(2, "bells", None, &[2]).await;
    assert_eq!(session.said().await, (2, Ok((0, 1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_the_first_append_that_another_node_should_have() {
    let nodes = vec![(ANYWHERE, Role::Leader), (ANYWHERE, Role::Follower)];
    let running = with(|config| config.nodes = nodes);
    let mut session = Session::begin(&running, 0, true).await;
    session.append(1, "bells", None, &[1]).await;
    assert_eq!(session.said().await.0, 1);
    running.server.elect(None);
    session.append(2, "bells", Some(0), &[2]).await;
    let words = "No leader info available in response";
    assert_eq!(session.said().await, (2, failure(Code::Ok, words)));
    running.server.elect(Some(1));
    session.append(3, "bells", Some(0), &[2]).await;
    let ended = session.next().await.unwrap_err();
    let said = |key: &str| ended.metadata().get(key).unwrap().to_str().unwrap().to_owned();
    assert_eq!((ended.code(), said("exception")), (Code::NotFound, "not-leader".to_owned()));
    let port = running.server.node_address(1).port().to_string();
    assert_eq!(said("leader-endpoint-port"), port);

    // Where the leader is not asked for, a follower hands the append on.
    let mut session = Session::begin(&running, 0, false).await;
    session.append(4, "bells", Some(0), &[2]).await;
    assert_eq!(session.said().await, (4, Ok((1, 2))));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_lost_once_nothing_more_comes() {
    let running = committing(200, 60_000);
    let mut session = Session::begin(&running, 0, true).await;
    for number in 1..=3 {
        session.append(number, &format!("bell-{number}"), None, &[number]).await;
    }
    session.send = None;
    assert!(session.said().await.1.is_ok());
    assert_eq!(session.next().await.unwrap(), None);
    // They are written all the same.
    let three = doorbuster::events::Position(2);
    running.server.store().wait_raw_after(three).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_subscription_that_is_not_read_is_ended() {
    const EVENTS: u64 = 400;
    let running = with(|config| config.live_behind_max = 50);
    let mut messages = follow(&running, 0).await;
    loop {
        let message = messages.message().await.unwrap().unwrap();
        if let Some(read_resp::Content::CaughtUp(_)) = message.content {
            break;
        }
    }
    for number in 1..=EVENTS {
        let event = RawEvent {
            id: Uuid::from_u128(number.into()),
            kind: "Rung".to_owned(),
            json: false,
            data: vec![b'x'; 10_000],
            metadata: Vec::new(),
        };
        let (stream, change) = ("bells".to_owned(), RawChange::Append(vec![event]));
        let write = RawWrite { stream, expected: RawExpected::Any, change };
        running.server.store().write(write).await.unwrap();
    }
    let mut seen = 0;
    let ended = loop {
        match messages.message().await {
            Ok(message) => {
                seen += u64::from(message.expect("it does not just end").content.is_some())
            }
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Aborted);
    assert!(ended.message().contains("Consumer too slow to handle event while live"), "{ended:?}");
    assert!(seen < EVENTS, "all of it came");
}

/// A subscription to the whole log whose reader takes little at a time.
pub async fn follow(running: &Running, node: usize) -> Streaming<ReadResp> {
    let address = format!("http://{}", running.server.node_address(node));
    let endpoint = Channel::from_shared(address).unwrap();
    let channel = endpoint.initial_stream_window_size(65_535).connect().await.unwrap();
    let from = options::AllOptions {
        all_option: Some(options::all_options::AllOption::Start(Nothing {})),
    };
    let text = options::uuid_option::Content::String(Nothing {});
    let ask = ReadReq {
        options: Some(read_req::Options {
            stream_option: Some(options::StreamOption::All(from)),
            read_direction: options::ReadDirection::Forwards.into(),
            resolve_links: false,
            count_option: Some(options::CountOption::Subscription(Nothing {})),
            filter_option: Some(options::FilterOption::NoFilter(Nothing {})),
            uuid_option: Some(options::UuidOption { content: Some(text) }),
            control_option: None,
        }),
    };
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<ReadReq, ReadResp>::default();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(READ);
    let mut request = Request::new(ask);
    request.metadata_mut().insert("requires-leader", requires_leader(running, node));
    grpc.server_streaming(request, path, codec).await.unwrap().into_inner()
}

/// Only a node that leads is asked for one that does.
fn requires_leader(
    running: &Running,
    node: usize,
) -> tonic::metadata::MetadataValue<tonic::metadata::Ascii> {
    let leads = running.server.members()[node].role == Role::Leader;
    tonic::metadata::MetadataValue::from_static(if leads { "true" } else { "false" })
}
