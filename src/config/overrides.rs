//! Settings as flags of `serve`: their text, before it is judged with variables and the file.

use std::{ffi::OsString, path::PathBuf};

/// What was given on the command line. Values stay text until they are judged with all others.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Overrides {
    /// File with settings [env: DOORBUSTER_CONFIG] [default: doorbuster.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the log and the read models [env: DOORBUSTER_DATA] [default: doorbuster-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<OsString>,
    /// Where the log is: embedded, or a connection string such as esdb://127.0.0.1:2113?tls=false
    /// [env: DOORBUSTER_STORE] [default: embedded]
    #[arg(long, value_name = "STORE")]
    pub store: Option<OsString>,
    /// A file with user:password for the store [env: DOORBUSTER_STORE_CREDENTIALS_FILE]
    /// [default: none]
    #[arg(long, value_name = "FILE")]
    pub store_credentials_file: Option<OsString>,
    /// How often the witness of an embedded log is synced: each_second or each_commit
    /// [env: DOORBUSTER_SYNC_WITNESS] [default: each_second]
    #[arg(long, value_name = "WHEN")]
    pub sync_witness: Option<OsString>,
    /// Where gRPC is served [env: DOORBUSTER_LISTEN] [default: 127.0.0.1:7420]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<OsString>,
    /// Where the same is served as HTTP/JSON, or off [env: DOORBUSTER_HTTP] [default: 127.0.0.1:7423]
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<OsString>,
    /// Where health, readiness and metrics are served, or off
    /// [env: DOORBUSTER_WEB] [default: 127.0.0.1:7421]
    #[arg(long, value_name = "ADDRESS")]
    pub web: Option<OsString>,
    /// The file of tokens [env: DOORBUSTER_TOKENS_FILE] [default: tokens in data]
    #[arg(long, value_name = "FILE")]
    pub tokens_file: Option<OsString>,
    /// Routes answered without a token [env: DOORBUSTER_PUBLIC_ROUTES] [default: none]
    #[arg(long, value_name = "ROUTES")]
    pub public_routes: Option<OsString>,
    /// Where other nodes on the store are served, or off; without it this node forwards no commands
    /// [env: DOORBUSTER_PEERS_LISTEN] [default: off]
    #[arg(long, value_name = "ADDRESS")]
    pub peers_listen: Option<OsString>,
    /// Host and port by which other nodes reach this one, where that is not --peers-listen
    /// [env: DOORBUSTER_PEERS_ADDRESS] [default: none]
    #[arg(long, value_name = "HOST:PORT")]
    pub peers_address: Option<OsString>,
    /// A file with the secret by which nodes know one another, needed by --peers-listen
    /// [env: DOORBUSTER_PEERS_SECRET_FILE] [default: none]
    #[arg(long, value_name = "FILE")]
    pub peers_secret_file: Option<OsString>,
    /// Where the board is served, or off [env: DOORBUSTER_BOARD] [default: 127.0.0.1:7422]
    #[arg(long, value_name = "ADDRESS")]
    pub board: Option<OsString>,
    /// A file with the certificate of the server, in PEM: clients are served through TLS then
    /// [env: DOORBUSTER_TLS_CERTIFICATE] [default: none]
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<OsString>,
    /// A file with its key, in PEM [env: DOORBUSTER_TLS_KEY] [default: none]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<OsString>,
    /// A file with the authorities of clients, in PEM: clients need a certificate then
    /// [env: DOORBUSTER_TLS_CLIENT_CA] [default: none]
    #[arg(long, value_name = "FILE")]
    pub tls_client_ca: Option<OsString>,
    /// Listeners that may speak plain text to other machines: all, or listen, http, web, board, stock
    /// with commas [env: DOORBUSTER_INSECURE] [default: none]
    #[arg(long, value_name = "LISTENERS", num_args = 0..=1, default_missing_value = "all")]
    pub insecure: Option<OsString>,
    /// Pages of the board that may follow a sale at once; more are told to come later
    /// [env: DOORBUSTER_BOARD_CLIENTS_MAX] [default: 2000]
    #[arg(long, value_name = "PAGES")]
    pub board_clients_max: Option<OsString>,
    /// Where the stock of sales is served to the pages of a shop, or off [env: DOORBUSTER_STOCK]
    /// [default: off]
    #[arg(long, value_name = "ADDRESS")]
    pub stock: Option<OsString>,
    /// Watchers of stock at once [env: DOORBUSTER_STOCK_WATCHERS_MAX] [default: 2000]
    #[arg(long, value_name = "WATCHERS")]
    pub stock_watchers_max: Option<OsString>,
    /// Commands that may wait at one item; more are answered RESOURCE_EXHAUSTED
    /// [env: DOORBUSTER_WAITING_MAX] [default: 16384]
    #[arg(long, value_name = "COMMANDS")]
    pub waiting_max: Option<OsString>,
    /// While a command has waited longer at an item than this, orders for it are answered
    /// RESOURCE_EXHAUSTED [env: DOORBUSTER_ORDER_WAIT_MS] [default: 500]
    #[arg(long, value_name = "MS")]
    pub order_wait_ms: Option<OsString>,
    /// On a cluster, a command that is not decided within this is answered RESOURCE_EXHAUSTED
    /// [env: DOORBUSTER_DECIDE_WITHIN_MS] [default: 5000]
    #[arg(long, value_name = "MS")]
    pub decide_within_ms: Option<OsString>,
    /// Beacons that may wait to be written; more are shed [env: DOORBUSTER_TRAFFIC_WAITING_MAX]
    /// [default: 200000]
    #[arg(long, value_name = "BEACONS")]
    pub traffic_waiting_max: Option<OsString>,
    /// While this many commands wait at items, beacons are shed
    /// [env: DOORBUSTER_TRAFFIC_SHED_AT_COMMANDS] [default: 4096]
    #[arg(long, value_name = "COMMANDS")]
    pub traffic_shed_at_commands: Option<OsString>,
    /// Items idle for this long are put to sleep [env: DOORBUSTER_IDLE_SECONDS] [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub idle_seconds: Option<OsString>,
    /// Events of an item behind its snapshot from which another one is written; 0 for none
    /// [env: DOORBUSTER_SNAPSHOT_EVENTS] [default: 262144]
    #[arg(long, value_name = "EVENTS")]
    pub snapshot_events: Option<OsString>,
    /// How long a question with min_position waits [env: DOORBUSTER_MIN_POSITION_WAIT_MS]
    /// [default: 5000]
    #[arg(long, value_name = "MS")]
    pub min_position_wait_ms: Option<OsString>,
    /// How long to go on serving after a signal, not ready any more [env: DOORBUSTER_DRAIN_MS]
    /// [default: 0]
    #[arg(long, value_name = "MS")]
    pub drain_ms: Option<OsString>,
    /// Seconds for which a jump of the wall clock must hold before sales go by it
    /// [env: DOORBUSTER_CLOCK_STEP_SECONDS] [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub clock_step_seconds: Option<OsString>,
    /// How long stopping may take after that, whatever clients do [env: DOORBUSTER_STOP_GRACE_MS]
    /// [default: 5000]
    #[arg(long, value_name = "MS")]
    pub stop_grace_ms: Option<OsString>,
    /// Connections at once on the gRPC port [env: DOORBUSTER_CONNECTIONS_MAX] [default: 4096]
    #[arg(long, value_name = "CONNECTIONS")]
    pub connections_max: Option<OsString>,
    /// Calls at once on one connection [env: DOORBUSTER_CONNECTION_CALLS_MAX] [default: 256]
    #[arg(long, value_name = "CALLS")]
    pub connection_calls_max: Option<OsString>,
    /// Orders of the streams of one connection that are not answered, or whose answers it did not
    /// take [env: DOORBUSTER_CONNECTION_ORDERS_MAX] [default: 32768]
    #[arg(long, value_name = "ORDERS")]
    pub connection_orders_max: Option<OsString>,
    /// Reports of one connection that are not answered, or whose answers it did not take
    /// [env: DOORBUSTER_CONNECTION_REPORTS_MAX] [default: 4]
    #[arg(long, value_name = "CALLS")]
    pub connection_reports_max: Option<OsString>,
    /// How long a connection may take to begin [env: DOORBUSTER_CONNECTION_START_MS]
    /// [default: 10000]
    #[arg(long, value_name = "MS")]
    pub connection_start_ms: Option<OsString>,
    /// How long a connection may be there without a call
    /// [env: DOORBUSTER_CONNECTION_IDLE_SECONDS] [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub connection_idle_seconds: Option<OsString>,
    /// Whether this node judges alert rules: on or off [env: DOORBUSTER_ALERTS] [default: on]
    #[arg(long, value_name = "ON_OR_OFF")]
    pub alerts: Option<OsString>,
    /// URL that is told of alerts and incidents [env: DOORBUSTER_WEBHOOK_URL] [default: none]
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<OsString>,
    /// A file with the key that webhooks are signed with [env: DOORBUSTER_WEBHOOK_SECRET_FILE]
    /// [default: none]
    #[arg(long, value_name = "FILE")]
    pub webhook_secret_file: Option<OsString>,
    /// How long the webhook may take to answer [env: DOORBUSTER_WEBHOOK_TIMEOUT_MS]
    /// [default: 5000]
    #[arg(long, value_name = "MS")]
    pub webhook_timeout_ms: Option<OsString>,
    /// Tries before a delivery is given up [env: DOORBUSTER_WEBHOOK_ATTEMPTS] [default: 10]
    #[arg(long, value_name = "TRIES")]
    pub webhook_attempts: Option<OsString>,
    /// Where order events are sent to [env: DOORBUSTER_ORDER_WEBHOOK_URL] [default: none]
    #[arg(long, value_name = "URL")]
    pub order_webhook_url: Option<OsString>,
    /// The keys that they are signed with [env: DOORBUSTER_ORDER_WEBHOOK_SECRET_FILE]
    /// [default: none]
    #[arg(long, value_name = "FILE")]
    pub order_webhook_secret_file: Option<OsString>,
    /// Kinds of order events that are sent [env: DOORBUSTER_ORDER_WEBHOOK_KINDS] [default: all]
    #[arg(long, value_name = "KINDS")]
    pub order_webhook_kinds: Option<OsString>,
    /// Whether they may be sent to private addresses [env: DOORBUSTER_ORDER_WEBHOOK_PRIVATE]
    /// [default: refused]
    #[arg(long, value_name = "REFUSED|ALLOWED")]
    pub order_webhook_private: Option<OsString>,
    /// Where spans of calls are sent: an OpenTelemetry collector such as http://127.0.0.1:4317, or
    /// off [env: DOORBUSTER_OTEL_ENDPOINT] [default: off]
    #[arg(long, value_name = "URL")]
    pub otel_endpoint: Option<OsString>,
}

impl Overrides {
    pub(super) fn of(&self, key: &str) -> Option<&OsString> {
        match key {
            "data" => self.data.as_ref(),
            "store" => self.store.as_ref(),
            "store_credentials_file" => self.store_credentials_file.as_ref(),
            "sync_witness" => self.sync_witness.as_ref(),
            "listen" => self.listen.as_ref(),
            "http" => self.http.as_ref(),
            "web" => self.web.as_ref(),
            "tokens_file" => self.tokens_file.as_ref(),
            "public_routes" => self.public_routes.as_ref(),
            "peers_listen" => self.peers_listen.as_ref(),
            "peers_address" => self.peers_address.as_ref(),
            "peers_secret_file" => self.peers_secret_file.as_ref(),
            "board" => self.board.as_ref(),
            "tls_certificate" => self.tls_certificate.as_ref(),
            "tls_key" => self.tls_key.as_ref(),
            "tls_client_ca" => self.tls_client_ca.as_ref(),
            "insecure" => self.insecure.as_ref(),
            "board_clients_max" => self.board_clients_max.as_ref(),
            "stock" => self.stock.as_ref(),
            "stock_watchers_max" => self.stock_watchers_max.as_ref(),
            "waiting_max" => self.waiting_max.as_ref(),
            "order_wait_ms" => self.order_wait_ms.as_ref(),
            "decide_within_ms" => self.decide_within_ms.as_ref(),
            "traffic_waiting_max" => self.traffic_waiting_max.as_ref(),
            "traffic_shed_at_commands" => self.traffic_shed_at_commands.as_ref(),
            "idle_seconds" => self.idle_seconds.as_ref(),
            "snapshot_events" => self.snapshot_events.as_ref(),
            "min_position_wait_ms" => self.min_position_wait_ms.as_ref(),
            "otel_endpoint" => self.otel_endpoint.as_ref(),
            "drain_ms" => self.drain_ms.as_ref(),
            "clock_step_seconds" => self.clock_step_seconds.as_ref(),
            "stop_grace_ms" => self.stop_grace_ms.as_ref(),
            "connections_max" => self.connections_max.as_ref(),
            "connection_calls_max" => self.connection_calls_max.as_ref(),
            "connection_orders_max" => self.connection_orders_max.as_ref(),
            "connection_reports_max" => self.connection_reports_max.as_ref(),
            "connection_start_ms" => self.connection_start_ms.as_ref(),
            "connection_idle_seconds" => self.connection_idle_seconds.as_ref(),
            "alerts" => self.alerts.as_ref(),
            "webhook_url" => self.webhook_url.as_ref(),
            "webhook_secret_file" => self.webhook_secret_file.as_ref(),
            "webhook_timeout_ms" => self.webhook_timeout_ms.as_ref(),
            "webhook_attempts" => self.webhook_attempts.as_ref(),
            "order_webhook_url" => self.order_webhook_url.as_ref(),
            "order_webhook_secret_file" => self.order_webhook_secret_file.as_ref(),
            "order_webhook_kinds" => self.order_webhook_kinds.as_ref(),
            "order_webhook_private" => self.order_webhook_private.as_ref(),
            _ => None,
        }
    }
}
