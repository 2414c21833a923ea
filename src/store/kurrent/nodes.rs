//! Connections of our own to a node of the cluster: whom to ask, and how a call is made.
//!
//! The subscription and the appends use them, because the official client ends a session of appends
//! with its first error and spins when a subscription ends
//! (`docs/adr/0004-the-cluster-store.md`). Every call requires the leader; a node that does not lead
//! names the one that does.

use std::{fs, time::Duration};

use ::uuid::Uuid;
use futures_util::Stream;
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_prost::ProstCodec;

use super::settings::Settings;
use crate::store::wire::client::{
    Uuid as WireUuid,
    streams::{BatchAppendReq, BatchAppendResp, ReadReq, ReadResp},
    uuid,
};

/// Where reads and subscriptions are served.
const READ: &str = "/event_store.client.streams.Streams/Read";

/// Where sessions of appends are served.
const BATCH_APPEND: &str = "/event_store.client.streams.Streams/BatchAppend";

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// A server that stays silent this long is asked whether it is alive, and given up after as long. A
/// call that takes long is no reason to give up a connection; this is the only one.
const KEEPALIVE: Duration = Duration::from_secs(3);

/// Why a call ended, or why there is none.
#[derive(Debug, Clone)]
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

    pub(super) fn why(self) -> String {
        match self {
            Self::Failed(why) => why,
            Self::LeaderIs(host, port) => format!("another node leads: {host}:{port}"),
        }
    }
}

/// The nodes of a cluster, and which of them to ask next.
pub(super) struct Nodes {
    seeds: Vec<(String, u16)>,
    next: usize,
    leader: Option<(String, u16)>,
    tls: Option<ClientTlsConfig>,
    authorization: Option<MetadataValue<Ascii>>,
}

/// A connection to one node.
#[derive(Clone)]
pub(super) struct Node {
    channel: Channel,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Nodes {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
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
        })
    }

    /// How many nodes are known by the connection string.
    pub(super) fn seeds(&self) -> usize {
        self.seeds.len()
    }

    /// Asks the node that leads the next time, if it was named, or else the next one of all.
    pub(super) fn look_elsewhere(&mut self, ended: &Ended) {
        match ended {
            Ended::LeaderIs(host, port) => self.leader = Some((host.clone(), *port)),
            Ended::Failed(_) => {
                self.leader = None;
                self.next += 1;
            }
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Node, Ended> {
        let channel = self.channel().await.map_err(Ended::Failed)?;
        Ok(Node { channel, authorization: self.authorization.clone() })
    }

    async fn channel(&self) -> Result<Channel, String> {
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

impl Node {
    /// A read, with an end or without.
    pub(super) async fn read(self, ask: ReadReq) -> Result<Streaming<ReadResp>, Ended> {
        let request = self.request(ask);
        let mut grpc = Grpc::new(self.channel);
        grpc.ready().await.map_err(|error| Ended::Failed(error.to_string()))?;
        let codec = ProstCodec::<ReadReq, ReadResp>::default();
        let answer = grpc.server_streaming(request, PathAndQuery::from_static(READ), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Ended::of(&status))
    }

    /// A session of appends. A server need not say anything before its first answer, so this may
    /// not return before that.
    pub(super) async fn appends(
        self,
        messages: impl Stream<Item = BatchAppendReq> + Send + 'static,
    ) -> Result<Streaming<BatchAppendResp>, Ended> {
        let request = self.request(messages);
        let mut grpc = Grpc::new(self.channel);
        grpc.ready().await.map_err(|error| Ended::Failed(error.to_string()))?;
        let codec = ProstCodec::<BatchAppendReq, BatchAppendResp>::default();
        let answer = grpc.streaming(request, PathAndQuery::from_static(BATCH_APPEND), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Ended::of(&status))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let yes = MetadataValue::from_static("true");
        request.metadata_mut().insert("requires-leader", yes);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
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

/// An id as the server writes it, in either form.
pub(super) fn id_of(id: WireUuid) -> Option<Uuid> {
    match id.value? {
        uuid::Value::String(text) => Uuid::try_parse(&text).ok(),
        uuid::Value::Structured(halves) => Some(Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        )),
    }
}

/// An id as it is sent.
pub(super) fn wire_id(id: Uuid) -> WireUuid {
    let (most, least) = id.as_u64_pair();
    WireUuid {
        value: Some(uuid::Value::Structured(uuid::Structured {
            most_significant_bits: most.cast_signed(),
            least_significant_bits: least.cast_signed(),
        })),
    }
}
