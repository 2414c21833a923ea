//! The settings of one server as values, their defaults, and how one setting is documented and read.

use std::{net::SocketAddr, path::PathBuf};

use super::port::Port;
use crate::store::{StoreAddress, WitnessSync};

/// What no role is asked for though the server has tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublicRoutes {
    /// Beacons of pages, which no page can sign.
    pub traffic: bool,
    /// The pages of the board, for a screen on a wall.
    pub board: bool,
}

/// The settings of one server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Directory of the log and the read models. Made if missing.
    pub data: PathBuf,
    /// Where the log is.
    pub store: StoreAddress,
    /// A file with `user:password` for the store.
    pub store_credentials_file: Option<PathBuf>,
    /// How often what the embedded log is known to hold is synced beside it.
    pub sync_witness: WitnessSync,
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Where the same is served as HTTP/JSON; `None` if nowhere.
    pub http: Option<SocketAddr>,
    /// Where health, readiness and metrics are served; `None` if nowhere.
    pub web: Option<SocketAddr>,
    /// A file with tokens; `None` for the one in `data`, which need not be there.
    pub tokens_file: Option<PathBuf>,
    /// Routes that are answered without a token.
    pub public_routes: PublicRoutes,
    /// Where other nodes on the store are served; `None` if commands are neither forwarded nor taken.
    pub peers_listen: Option<SocketAddr>,
    /// Host and port by which they reach this node; those of `peers_listen` where absent.
    pub peers_address: Option<String>,
    /// A file with the secret by which nodes know one another.
    pub peers_secret_file: Option<PathBuf>,
    /// Where the board is served; `None` if nowhere.
    pub board: Option<SocketAddr>,
    /// The certificate of the server with those that lead to its authority; `None` where clients are
    /// served in plain text.
    pub tls_certificate: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
    /// The authorities of clients, where these need a certificate.
    pub tls_client_ca: Option<PathBuf>,
    /// Listeners that speak plain text wherever they listen.
    pub insecure: Vec<Port>,
    /// Pages of the board that may follow a sale at once; more are told to come later.
    pub board_clients_max: usize,
    /// Where the stock of sales is served to the pages of a shop; `None` if nowhere.
    pub stock: Option<SocketAddr>,
    /// Watchers of stock at once on this node, over all listeners; more are refused.
    pub stock_watchers_max: usize,
    /// How long the wall clock must differ by a second or more before sales go by it.
    pub clock_step_seconds: u64,
    /// Whether this node judges alert rules.
    pub alerts: bool,
    /// The webhook for alerts and incidents, if any.
    pub webhook_url: Option<String>,
    /// A file with the key that what it is told is signed with.
    pub webhook_secret_file: Option<PathBuf>,
    /// How long it may take to answer, in milliseconds.
    pub webhook_timeout_ms: u64,
    /// Tries before a delivery is given up.
    pub webhook_attempts: u64,
    /// The webhook for order events, if any.
    pub order_webhook_url: Option<String>,
    /// A file with the keys that what it is sent is signed with.
    pub order_webhook_secret_file: Option<PathBuf>,
    /// Kinds of events that it is sent; all if empty.
    pub order_webhook_kinds: Vec<String>,
    /// Whether it may be on a private address.
    pub order_webhook_private: bool,
    /// Commands that may wait at one item, undecided or not yet on disk; more are answered
    /// RESOURCE_EXHAUSTED.
    pub waiting_max: usize,
    /// How long a command may wait at an item before it is sent to the store, in milliseconds; while one
    /// has waited longer, orders are answered RESOURCE_EXHAUSTED.
    pub order_wait_ms: u64,
    /// On a cluster, how long a command may wait until it is decided, in milliseconds; one that waited
    /// longer is answered RESOURCE_EXHAUSTED and never decided.
    pub decide_within_ms: u64,
    /// Beacons that may wait to be written on this node; more are shed.
    pub traffic_waiting_max: usize,
    /// While this many commands wait at items, beacons are shed.
    pub traffic_shed_at_commands: usize,
    /// Time without commands after which an item or sale without open holds is unloaded from
    /// memory.
    pub idle_seconds: u64,
    /// How many events of an item may lie behind its snapshot before another one is written; 0 where
    /// none are read or written.
    pub snapshot_events: u64,
    /// How long a question with `min_position` waits for its read model, in milliseconds.
    pub min_position_wait_ms: u64,
    /// Where spans of calls are sent; `None` if nowhere.
    pub otel_endpoint: Option<String>,
    /// How long a server that is told to stop goes on serving while it says that it is not ready,
    /// so that a load balancer can notice, in milliseconds.
    pub drain_ms: u64,
    /// How long it may take to stop after that, in milliseconds.
    pub stop_grace_ms: u64,
    /// Connections at once on the gRPC port.
    pub connections_max: usize,
    /// Calls at once on one of them.
    pub connection_calls_max: u32,
    /// Orders of the streams of one of them that are not answered, or whose answers were not taken.
    pub connection_orders_max: usize,
    /// Reports of one of them that are being answered, or whose answers were not taken.
    pub connection_reports_max: usize,
    /// How long one may take to begin, in milliseconds.
    pub connection_start_ms: u64,
    /// How long one may be there without a call, in seconds.
    pub connection_idle_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("doorbuster-data"),
            store: StoreAddress::Embedded,
            store_credentials_file: None,
            sync_witness: WitnessSync::EachSecond,
            listen: SocketAddr::from(([127, 0, 0, 1], 7420)),
            http: Some(SocketAddr::from(([127, 0, 0, 1], 7423))),
            web: Some(SocketAddr::from(([127, 0, 0, 1], 7421))),
            tokens_file: None,
            public_routes: PublicRoutes::default(),
            peers_listen: None,
            peers_address: None,
            peers_secret_file: None,
            board: Some(SocketAddr::from(([127, 0, 0, 1], 7422))),
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            insecure: Vec::new(),
            board_clients_max: 2_000,
            stock: None,
            stock_watchers_max: 2_000,
            clock_step_seconds: 60,
            alerts: true,
            webhook_url: None,
            webhook_secret_file: None,
            webhook_timeout_ms: 5_000,
            webhook_attempts: 10,
            order_webhook_url: None,
            order_webhook_secret_file: None,
            order_webhook_kinds: Vec::new(),
            order_webhook_private: false,
            waiting_max: 16_384,
            order_wait_ms: 500,
            decide_within_ms: 5_000,
            traffic_waiting_max: 200_000,
            traffic_shed_at_commands: 4_096,
            idle_seconds: 300,
            snapshot_events: 262_144,
            min_position_wait_ms: 5_000,
            otel_endpoint: None,
            drain_ms: 0,
            stop_grace_ms: 5_000,
            connections_max: 4_096,
            connection_calls_max: 256,
            connection_orders_max: 32_768,
            connection_reports_max: 4,
            connection_start_ms: 10_000,
            connection_idle_seconds: 300,
        }
    }
}

/// One setting, as it is documented and read.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file; the flag has hyphens instead of underscores.
    pub key: &'static str,
    /// What its number counts; empty for text.
    pub unit: &'static str,
    /// What it may be.
    pub bounds: Bounds,
    pub(super) get: fn(&Config) -> String,
    pub(super) set: fn(&mut Config, &str, &Bounds) -> Result<(), String>,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Text of this kind.
    Text(&'static str),
    /// A whole number from the first to the second, both included.
    Whole(u64, u64),
}

impl Bounds {
    pub(super) fn whole(self, text: &str) -> Result<u64, String> {
        let number = text.parse().ok();
        match (self, number) {
            (Self::Whole(min, max), Some(number)) if (min..=max).contains(&number) => Ok(number),
            _ => Err(format!("must be {self}, not {text:?}")),
        }
    }
}
