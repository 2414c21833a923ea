//! Errors as the real server words them: a code of gRPC, and trailers that clients read.

use std::net::SocketAddr;

use tonic::{
    Code, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
};

use crate::store::embedded::raw::{RawExpected, RawRefusal};

/// What may be in the way of an append, beside the state of its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAppend {
    #[error("Required Metadata Property '{0}' is missing")]
    MissingProperty(&'static str),
    #[error("Maximum Append Size of {0} Exceeded.")]
    TooLarge(usize),
    #[error("{0}")]
    Invalid(String),
}

impl BadAppend {
    pub(super) fn status(&self) -> Status {
        let message = self.to_string();
        let trailers: &[(&'static str, &str)] = match self {
            Self::MissingProperty(_) => &[
                ("exception", "missing-required-metadata-property"),
                ("required-metadata-properties", "type,content-type"),
            ],
            Self::TooLarge(max) => &[
                ("exception", "maximum-append-size-exceeded"),
                ("maximum-append-size", &max.to_string()),
            ],
            Self::Invalid(_) => &[],
        };
        with(Code::InvalidArgument, message, trailers)
    }
}

/// Why a node does not hand a write in.
#[derive(Debug, Clone, Copy)]
pub(super) enum NotHandled {
    NotReady,
    TooBusy,
    /// It does not lead and does not know who does.
    NoLeader,
    /// A reason that no client knows.
    Unheard,
}

impl NotHandled {
    /// What a single append is told.
    pub(super) fn status(self) -> Status {
        match self {
            Self::NotReady => not_ready(),
            Self::TooBusy => too_busy(),
            Self::NoLeader => not_leader(None),
            Self::Unheard => Status::unknown(self.words()),
        }
    }

    /// What an append in a session is told.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NotReady => "Server Is Not Ready",
            Self::TooBusy => "Server Is Busy",
            Self::NoLeader => "No leader info available in response",
            Self::Unheard => "Server Is Elsewhere",
        }
    }
}

/// The stream was ended permanently.
pub(super) fn stream_deleted(stream: &str) -> Status {
    let trailers = [("exception", "stream-deleted"), ("stream-name", stream)];
    with(Code::FailedPrecondition, format!("Event stream '{stream}' is deleted."), &trailers)
}

/// A deletion that did not find what it expected.
pub(super) fn wrong_version(stream: &str, expected: RawExpected, current: Option<u64>) -> Status {
    let expected = expected_number(expected).to_string();
    let actual = current.map_or(-1, u64::cast_signed).to_string();
    let message = format!(
        "Delete failed due to WrongExpectedVersion. Stream: {stream}, \
         Expected version: {expected}, Actual version: {actual}"
    );
    let trailers = [
        ("exception", "wrong-expected-version"),
        ("stream-name", stream),
        ("expected-version", &expected),
        ("actual-version", &actual),
    ];
    with(Code::FailedPrecondition, message, &trailers)
}

/// Another node is the leader.
pub(super) fn not_leader(leader: Option<SocketAddr>) -> Status {
    let message = "this node does not lead the cluster".to_owned();
    let Some(leader) = leader else {
        return with(Code::NotFound, message, &[("exception", "not-leader")]);
    };
    let (host, port) = (leader.ip().to_string(), leader.port().to_string());
    let trailers = [
        ("exception", "not-leader"),
        ("leader-endpoint-host", &host),
        ("leader-endpoint-port", &port),
    ];
    with(Code::NotFound, message, &trailers)
}

/// The node has just started, or it is about to end.
pub(super) fn not_ready() -> Status {
    Status::unavailable("Server Is Not Ready")
}

/// The node has too much to do.
pub(super) fn too_busy() -> Status {
    Status::unavailable("Server Is Too Busy")
}

/// The server stops.
pub(super) fn stopping() -> Status {
    Status::unavailable("the server is stopping")
}

/// Said into a connection that is cut already.
pub(super) fn cut() -> Status {
    Status::unavailable("the connection is cut")
}

/// The write may or may not have happened.
pub(super) fn timed_out() -> Status {
    Status::aborted("Operation timed out: Commit phase timeout.")
}

/// A live subscription is read too slowly.
pub(super) fn too_slow() -> Status {
    Status::aborted(
        "Operation timed out: Consumer too slow to handle event while live. \
         Client resubscription required.",
    )
}

/// A write that was refused for another reason than the state of its stream.
pub(super) fn refused(stream: &str, refusal: &RawRefusal) -> Status {
    match refusal {
        RawRefusal::Deleted => stream_deleted(stream),
        RawRefusal::Invalid(why) => Status::invalid_argument(why),
        RawRefusal::NotWritten(why) => Status::unavailable(why),
        RawRefusal::WrongVersion { .. } => Status::failed_precondition(refusal.to_string()),
        RawRefusal::Unknown(_) => timed_out(),
    }
}

/// A status with trailers. What cannot stand in a trailer is left out of it.
fn with(code: Code, message: String, trailers: &[(&'static str, &str)]) -> Status {
    let mut map = MetadataMap::new();
    for (key, value) in trailers {
        if let Ok(value) = MetadataValue::<Ascii>::try_from(value.as_bytes()) {
            map.insert(*key, value);
        }
    }
    Status::with_metadata(code, message, map)
}

/// The number that an expectation has in trailers.
pub(super) fn expected_number(expected: RawExpected) -> i64 {
    match expected {
        RawExpected::Any => -2,
        RawExpected::NoStream => -1,
        RawExpected::StreamExists => -4,
        RawExpected::Exact(revision) => revision.cast_signed(),
    }
}
