//! One long call of `Streams.Read`: starting it, and reading its messages.

use std::{fs, time::Duration};

use ::uuid::Uuid;
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_prost::ProstCodec;

use super::{
    names::{self, ms_of_ticks},
    settings::Settings,
};
use crate::{
    events::{Position, Recorded},
    store::wire::client::{
        AllStreamPosition, Nothing, Uuid as WireUuid,
        streams::{
            ReadReq, ReadResp, read_req, read_req::options, read_resp, read_resp::read_event,
        },
        uuid,
    },
};

/// Where it is served.
const PATH: &str = "/event_store.client.streams.Streams/Read";

/// How long a connection and an answer may take.
const CONNECT: Duration = Duration::from_secs(3);

/// A server that stays silent this long is asked whether it is alive, and given up after as long.
const KEEPALIVE: Duration = Duration::from_secs(3);

/// Events that the server looks at between two checkpoints. They are of no use here but to show
/// that it is alive.
const WINDOW_EVENTS: u32 = 4_096;

/// Why a subscription ended.
pub(super) enum Ended {
    Failed(String),
    /// Host and port of the node to ask instead.
    LeaderIs(String, u16),
}

impl Ended {
    pub(super) fn of(status: &Status) -> Self {
        let said = |key| status.metadata().get(key).and_then(|value| value.to_str().ok());
        let leader = said("leader-endpoint-host")
            .zip(said("leader-endpoint-port").and_then(|port| port.parse().ok()));
        match leader {
            Some((host, port)) if said("exception") == Some("not-leader") => {
                Self::LeaderIs(host.to_owned(), port)
            }
            Some(_) | None => {
                let code: Code = status.code();
                Self::Failed(format!("{code:?}: {}", status.message()))
            }
        }
    }
}

/// Knows whom to ask, and how.
pub(super) struct Subscriber {
    seeds: Vec<(String, u16)>,
    next: usize,
    leader: Option<(String, u16)>,
    tls: Option<ClientTlsConfig>,
    authorization: Option<MetadataValue<Ascii>>,
    prefixes: Vec<String>,
}

impl Subscriber {
    pub(super) fn new(settings: &Settings, prefixes: Vec<String>) -> Result<Self, String> {
        let authorization = match &settings.credentials {
            Some(credentials) => {
                let header = credentials.basic().parse::<MetadataValue<Ascii>>();
                let mut header =
                    header.map_err(|_| "the credentials cannot be sent in a header".to_owned())?;
                header.set_sensitive(true);
                Some(header)
            }
            None => None,
        };
        Ok(Self {
            seeds: settings.seeds().map(|(host, port)| (host.to_owned(), port)).collect(),
            next: 0,
            leader: None,
            tls: tls(settings)?,
            authorization,
            prefixes,
        })
    }

    /// Asks the next node the next time.
    pub(super) fn look_elsewhere(&mut self) {
        self.leader = None;
        self.next += 1;
    }

    /// Asks this node the next time.
    pub(super) fn turn_to(&mut self, host: String, port: u16) {
        self.leader = Some((host, port));
    }

    /// Subscribes to what comes after a position.
    pub(super) async fn subscribe(&self, after: Position) -> Result<Streaming<ReadResp>, Ended> {
        let opened = async {
            let mut grpc = Grpc::new(self.connect().await.map_err(Ended::Failed)?);
            grpc.ready().await.map_err(|error| Ended::Failed(error.to_string()))?;
            let mut request = Request::new(ask(after, self.prefixes.clone()));
            let yes = MetadataValue::from_static("true");
            request.metadata_mut().insert("requires-leader", yes);
            if let Some(authorization) = &self.authorization {
                request.metadata_mut().insert("authorization", authorization.clone());
            }
            let path = PathAndQuery::from_static(PATH);
            let codec = ProstCodec::<ReadReq, ReadResp>::default();
            let answer = grpc.server_streaming(request, path, codec).await;
            answer.map(tonic::Response::into_inner).map_err(|status| Ended::of(&status))
        };
        match tokio::time::timeout(CONNECT * 2, opened).await {
            Ok(opened) => opened,
            Err(_) => Err(Ended::Failed("no subscription in time".to_owned())),
        }
    }

    async fn connect(&self) -> Result<Channel, String> {
        let nowhere = || "the connection string names no host".to_owned();
        let seed = self.seeds.get(self.next % self.seeds.len().max(1));
        let (host, port) = self.leader.as_ref().or(seed).ok_or_else(nowhere)?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{host}:{port}"))
            .map_err(|error| error.to_string())?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true);
        if let Some(tls) = &self.tls {
            endpoint = endpoint.tls_config(tls.clone()).map_err(|error| error.to_string())?;
        }
        endpoint.connect().await.map_err(|error| format!("{host}:{port}: {error}"))
    }
}

fn tls(settings: &Settings) -> Result<Option<ClientTlsConfig>, String> {
    if !settings.client.is_secure_mode_enabled() {
        return Ok(None);
    }
    let pem = |parameter: &str, file: &str| {
        fs::read(file).map_err(|error| format!("{parameter} {file} cannot be read: {error}"))
    };
    let mut tls = ClientTlsConfig::new();
    tls = match settings.client.tls_ca_file() {
        Some(file) => tls.ca_certificate(Certificate::from_pem(pem("tlsCaFile", file)?)),
        None => tls.with_native_roots(),
    };
    if let Some((certificate, key)) = settings.client.user_certificate() {
        let identity =
            Identity::from_pem(pem("userCertFile", certificate)?, pem("userKeyFile", key)?);
        tls = tls.identity(identity);
    }
    Ok(Some(tls))
}

fn ask(after: Position, prefix: Vec<String>) -> ReadReq {
    let place = match after {
        Position::START => options::all_options::AllOption::Start(Nothing {}),
        Position(at) => options::all_options::AllOption::Position(AllStreamPosition {
            commit_position: at,
            prepare_position: at,
        }),
    };
    let expression = options::filter_options::Expression { regex: String::new(), prefix };
    let filter = options::FilterOptions {
        filter: Some(options::filter_options::Filter::StreamIdentifier(expression)),
        window: Some(options::filter_options::Window::Max(WINDOW_EVENTS)),
        checkpoint_interval_multiplier: 1,
    };
    let text = options::uuid_option::Content::String(Nothing {});
    ReadReq {
        options: Some(read_req::Options {
            stream_option: Some(options::StreamOption::All(options::AllOptions {
                all_option: Some(place),
            })),
            read_direction: options::ReadDirection::Forwards.into(),
            resolve_links: false,
            count_option: Some(options::CountOption::Subscription(Nothing {})),
            filter_option: Some(options::FilterOption::Filter(filter)),
            uuid_option: Some(options::UuidOption { content: Some(text) }),
            control_option: None,
        }),
    }
}

/// How far a subscription has come.
pub(super) struct Place(Position);

/// A message, understood.
pub(super) enum Message {
    /// An event of ours that was not handled before.
    Event(Recorded),
    Other,
    /// The server says what no server should.
    Wrong(String),
}

impl Place {
    pub(super) fn after(position: Position) -> Self {
        Self(position)
    }

    pub(super) fn position(&self) -> Position {
        self.0
    }

    pub(super) fn read(&mut self, message: ReadResp) -> Message {
        let Some(read_resp::Content::Event(read)) = message.content else { return Message::Other };
        let Some(event) = read.event else { return Message::Other };
        match recorded(event) {
            // What was handled already may come again after a new start.
            Ok(event) if event.position <= self.0 => Message::Other,
            Ok(event) => {
                self.0 = event.position;
                Message::Event(event)
            }
            Err(Unread::Foreign) => Message::Other,
            Err(Unread::Wrong(why)) => Message::Wrong(why),
        }
    }
}

enum Unread {
    /// In a foreign stream whose name begins like ours.
    Foreign,
    Wrong(String),
}

fn recorded(event: read_event::RecordedEvent) -> Result<Recorded, Unread> {
    let wrong = |what: &str| Unread::Wrong(format!("the server sent an event without {what}"));
    let name = event.stream_identifier.ok_or_else(|| wrong("a stream"))?.stream_name;
    let name = std::str::from_utf8(&name).map_err(|_| Unread::Foreign)?;
    let stream = names::stream_name(name).ok_or(Unread::Foreign)?;
    let said = |key: &str| event.metadata.iter().find(|entry| entry.key == key);
    let kind = said("type").ok_or_else(|| wrong("a type"))?.value.clone();
    let created = said("created").and_then(|entry| ms_of_ticks(&entry.value));
    let id = event.id.and_then(id_of).ok_or_else(|| wrong("an id"))?;
    if i64::try_from(event.commit_position).is_err() {
        return Err(wrong("a position"));
    }
    Ok(Recorded {
        position: Position(event.commit_position),
        stream,
        revision: event.stream_revision,
        id,
        kind,
        data: event.data,
        metadata: event.custom_metadata,
        recorded_at_ms: created.ok_or_else(|| wrong("a time"))?,
    })
}

fn id_of(id: WireUuid) -> Option<Uuid> {
    match id.value? {
        uuid::Value::String(text) => Uuid::try_parse(&text).ok(),
        uuid::Value::Structured(halves) => Some(Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        )),
    }
}
