//! Goal: clients of EventStoreDB see of the development server what they would see of the real one.
//!
//! Method: what it decides is a table of known answers of the real server, asked of the log itself in
//! `devstore/rules.rs`. What goes over the wire is tested with the official Rust client, in this
//! process, over loopback; the official clients of other languages have scripts of their own.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod appends;
mod cluster;
mod commits;
mod deletions;
mod faults;
mod foreign;
mod program;
mod reads;
mod rules;
mod subscriptions;
mod three;

use std::{net::SocketAddr, path::Path, sync::Arc};

use doorbuster::{
    clock::WallClock,
    devstore::{Config, Devstore},
};
use eventstore_client::{
    AppendToStreamOptions, Client, Error, EventData, ReadStream, RecordedEvent, StreamState,
    WriteResult,
};
use prost::bytes::Bytes;
use tempfile::TempDir;
use uuid::Uuid;

/// Loopback, any port.
pub const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A server and its directory.
pub struct Running {
    pub server: Devstore,
    pub directory: TempDir,
}

/// A server with one node on an empty log.
pub fn running() -> Running {
    let directory = tempfile::tempdir().unwrap();
    let server = start(Config::single(directory.path().to_owned(), ANYWHERE));
    Running { server, directory }
}

pub fn start(config: Config) -> Devstore {
    Devstore::start(config, Arc::new(WallClock)).unwrap()
}

pub fn on(directory: &Path) -> Devstore {
    start(Config::single(directory.to_owned(), ANYWHERE))
}

/// A client that makes its first call at once.
pub fn client(address: SocketAddr) -> Client {
    let connection = format!("esdb://{address}?tls=false&discoveryInterval=1");
    Client::new(connection.parse().unwrap()).unwrap()
}

/// Stops a server while its clients, who live on this thread, can say goodbye.
pub async fn stop(server: Devstore) {
    tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
}

impl Running {
    pub fn client(&self) -> Client {
        client(self.server.address())
    }
}

/// An event whose id follows from a number.
pub fn event(number: u128) -> EventData {
    EventData::binary("Rung", Bytes::from(format!("bell {number}"))).id(Uuid::from_u128(number))
}

pub fn events(numbers: impl IntoIterator<Item = u128>) -> Vec<EventData> {
    numbers.into_iter().map(event).collect()
}

/// A single append.
pub async fn append(
    client: &Client,
    stream: &str,
    expected: StreamState,
    numbers: impl IntoIterator<Item = u128>,
) -> Result<WriteResult, Error> {
    let options = AppendToStreamOptions::default().stream_state(expected);
    client.append_to_stream(stream, &options, events(numbers)).await
}

/// Everything a read gives.
pub async fn all_of(mut read: ReadStream) -> Result<Vec<RecordedEvent>, Error> {
    let mut events = Vec::new();
    while let Some(event) = read.next().await? {
        events.extend(event.event);
    }
    Ok(events)
}

pub fn ids(events: &[RecordedEvent]) -> Vec<u128> {
    events.iter().map(|event| event.id.as_u128()).collect()
}

/// Code and words of an error that the client has no name for.
#[track_caller]
pub fn unnamed<T: std::fmt::Debug>(answer: Result<T, Error>) -> (tonic::Code, String) {
    match answer {
        // The client has its own tonic.
        Err(Error::Grpc { code, message }) => (tonic::Code::from(code as i32), message),
        other => panic!("an unnamed error was expected: {other:?}"),
    }
}
