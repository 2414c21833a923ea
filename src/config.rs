//! Every setting of a server: its name, its unit, its default, its bounds.
//!
//! A flag wins over a `DOORBUSTER_*` variable, that over `doorbuster.toml`, that over the default.
//! What is unknown or out of bounds is refused by name; nothing is corrected silently. Documented
//! in `docs/configuration.md`, and a test compares that page with [`SETTINGS`].

mod alerts;
mod clock;
pub mod document;
mod limits;
mod overrides;

use std::{
    ffi::OsString,
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub use overrides::Overrides;

use document::{Complaint, Document, Section};

use crate::{
    store::{StoreAddress, WitnessSync},
    values::Invalid,
};

/// The file that is read when no other is named, if it is there.
pub const FILE: &str = "doorbuster.toml";

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "DOORBUSTER_CONFIG";

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
    /// Where health, readiness and metrics are served; `None` if nowhere.
    pub web: Option<SocketAddr>,
    /// A file with the operators and their tokens; `None` where everybody may steer.
    pub operators_file: Option<PathBuf>,
    /// Where the board is served; `None` if nowhere.
    pub board: Option<SocketAddr>,
    /// Pages of the board that may follow a sale at once; more are told to come later.
    pub board_clients_max: usize,
    /// How long the wall clock must differ by a second or more before sales go by it.
    pub clock_step_seconds: u64,
    /// Whether this node judges alert rules.
    pub alerts: bool,
    /// What is told of alerts and incidents; `None` if nobody.
    pub webhook_url: Option<String>,
    /// A file with the key that what it is told is signed with.
    pub webhook_secret_file: Option<PathBuf>,
    /// How long it may take to answer, in milliseconds.
    pub webhook_timeout_ms: u64,
    /// Tries before a delivery is given up.
    pub webhook_attempts: u64,
    /// Commands that may wait at one item, undecided or not yet on disk; more are answered
    /// RESOURCE_EXHAUSTED.
    pub waiting_max: usize,
    /// Beacons that may wait to be written on this node; more are shed.
    pub traffic_waiting_max: usize,
    /// While this many commands wait at items, beacons are shed.
    pub traffic_shed_at_commands: usize,
    /// An item or sale nobody asked anything of for this long, with no hold to expire, is put to
    /// sleep.
    pub idle_seconds: u64,
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
            web: Some(SocketAddr::from(([127, 0, 0, 1], 7421))),
            operators_file: None,
            board: Some(SocketAddr::from(([127, 0, 0, 1], 7422))),
            board_clients_max: 2_000,
            clock_step_seconds: 60,
            alerts: true,
            webhook_url: None,
            webhook_secret_file: None,
            webhook_timeout_ms: 5_000,
            webhook_attempts: 10,
            waiting_max: 16_384,
            traffic_waiting_max: 200_000,
            traffic_shed_at_commands: 4_096,
            idle_seconds: 300,
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
    get: fn(&Config) -> String,
    set: fn(&mut Config, &str, &Bounds) -> Result<(), String>,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Text of this kind.
    Text(&'static str),
    /// A whole number from the first to the second, both included.
    Whole(u64, u64),
}

/// What `web` and `board` say to serve nothing.
const OFF: &str = "off";

/// All settings.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "data",
        unit: "",
        bounds: Bounds::Text("a directory"),
        get: |config| config.data.display().to_string(),
        set: |config, text, _| {
            if text.is_empty() {
                return Err("must name a directory, not be empty".to_owned());
            }
            config.data = PathBuf::from(text);
            Ok(())
        },
    },
    Setting {
        key: "store",
        unit: "",
        bounds: Bounds::Text("`embedded`, or the connection string of an EventStoreDB"),
        get: |config| config.store.to_string(),
        set: |config, text, _| {
            config.store = text.parse()?;
            Ok(())
        },
    },
    Setting {
        key: "store_credentials_file",
        unit: "",
        bounds: Bounds::Text("a file that others cannot read"),
        get: |config| {
            let file = config.store_credentials_file.as_deref();
            file.map_or_else(|| "none".to_owned(), |file| file.display().to_string())
        },
        set: |config, text, _| {
            config.store_credentials_file = Some(PathBuf::from(text));
            Ok(())
        },
    },
    Setting {
        key: "sync_witness",
        unit: "",
        bounds: Bounds::Text("`each_second` or `each_commit`"),
        get: |config| {
            match config.sync_witness {
                WitnessSync::EachSecond => "each_second",
                WitnessSync::EachCommit => "each_commit",
            }
            .to_owned()
        },
        set: |config, text, _| {
            config.sync_witness = match text {
                "each_second" => WitnessSync::EachSecond,
                "each_commit" => WitnessSync::EachCommit,
                _ => return Err(format!("must be each_second or each_commit, not {text:?}")),
            };
            Ok(())
        },
    },
    Setting {
        key: "listen",
        unit: "",
        bounds: Bounds::Text("an IP address and a port; port 0 takes a free one"),
        get: |config| config.listen.to_string(),
        set: |config, text, _| {
            config.listen = text.parse().map_err(|_| {
                format!("must be an IP address and a port such as 127.0.0.1:7420, not {text:?}")
            })?;
            Ok(())
        },
    },
    Setting {
        key: "web",
        unit: "",
        bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
        get: |config| config.web.map_or(OFF.to_owned(), |address| address.to_string()),
        set: |config, text, _| {
            config.web = address_or_off(text, "127.0.0.1:7421")?;
            Ok(())
        },
    },
    Setting {
        key: "board",
        unit: "",
        bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
        get: |config| config.board.map_or(OFF.to_owned(), |address| address.to_string()),
        set: |config, text, _| {
            config.board = address_or_off(text, "127.0.0.1:7422")?;
            Ok(())
        },
    },
    Setting {
        key: "board_clients_max",
        unit: "pages",
        bounds: Bounds::Whole(1, 100_000),
        get: |config| config.board_clients_max.to_string(),
        set: |config, text, bounds| {
            config.board_clients_max = usize::try_from(bounds.whole(text)?).unwrap_or(usize::MAX);
            Ok(())
        },
    },
    Setting {
        key: "operators_file",
        unit: "",
        bounds: Bounds::Text("a file that others cannot read"),
        get: |config| {
            let file = config.operators_file.as_deref();
            file.map_or_else(|| "none".to_owned(), |file| file.display().to_string())
        },
        set: |config, text, _| {
            config.operators_file = Some(PathBuf::from(text));
            Ok(())
        },
    },
    clock::STEP_SECONDS,
    alerts::ALERTS,
    alerts::URL,
    alerts::SECRET_FILE,
    alerts::TIMEOUT_MS,
    alerts::ATTEMPTS,
    limits::WAITING_MAX,
    limits::TRAFFIC_WAITING_MAX,
    limits::TRAFFIC_SHED_AT_COMMANDS,
    Setting {
        key: "idle_seconds",
        unit: "seconds",
        bounds: Bounds::Whole(1, 86_400),
        get: |config| config.idle_seconds.to_string(),
        set: |config, text, bounds| {
            config.idle_seconds = bounds.whole(text)?;
            Ok(())
        },
    },
    Setting {
        key: "min_position_wait_ms",
        unit: "milliseconds",
        bounds: Bounds::Whole(0, 60_000),
        get: |config| config.min_position_wait_ms.to_string(),
        set: |config, text, bounds| {
            config.min_position_wait_ms = bounds.whole(text)?;
            Ok(())
        },
    },
    Setting {
        key: "otel_endpoint",
        unit: "",
        bounds: Bounds::Text("the http:// URL of an OpenTelemetry collector, or `off`"),
        get: |config| config.otel_endpoint.clone().unwrap_or_else(|| OFF.to_owned()),
        set: |config, text, _| {
            config.otel_endpoint = collector(text)?;
            Ok(())
        },
    },
    Setting {
        key: "drain_ms",
        unit: "milliseconds",
        bounds: Bounds::Whole(0, 60_000),
        get: |config| config.drain_ms.to_string(),
        set: |config, text, bounds| {
            config.drain_ms = bounds.whole(text)?;
            Ok(())
        },
    },
    limits::STOP_GRACE_MS,
    limits::CONNECTIONS_MAX,
    limits::CONNECTION_CALLS_MAX,
    limits::CONNECTION_ORDERS_MAX,
    limits::CONNECTION_REPORTS_MAX,
    limits::CONNECTION_START_MS,
    limits::CONNECTION_IDLE_SECONDS,
];

/// An address, or nothing where it says so.
fn address_or_off(text: &str, such_as: &str) -> Result<Option<SocketAddr>, String> {
    if text == OFF {
        return Ok(None);
    }
    let address = text.parse().map_err(|_| {
        format!("must be an IP address and a port such as {such_as}, or off, not {text:?}")
    })?;
    Ok(Some(address))
}

/// A setting that was refused, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// From a flag or a variable.
    #[error("{} (from {origin}) {}", invalid.field, invalid.problem)]
    Given {
        /// `--listen` or `DOORBUSTER_LISTEN`.
        origin: String,
        invalid: Invalid,
    },
    /// From the file.
    #[error(transparent)]
    InFile(#[from] Complaint),
    /// The file could not be read.
    #[error("{file} cannot be read: {problem}")]
    Unreadable { file: String, problem: String },
}

impl Config {
    /// The store with its credentials.
    pub fn store_address(&self) -> StoreAddress {
        self.store.clone().with_credentials_file(self.store_credentials_file.clone())
    }

    /// The settings that this command line, this process's environment and the file come to.
    ///
    /// # Errors
    /// The first setting that is unknown or wrong.
    pub fn load(overrides: &Overrides) -> Result<Self, BadSetting> {
        Self::load_from(overrides, &|name| std::env::var_os(name), Path::new(FILE))
    }

    /// The same with another environment, and another file where none is named.
    pub fn load_from(
        overrides: &Overrides,
        environment: &dyn Fn(&str) -> Option<OsString>,
        usual_file: &Path,
    ) -> Result<Self, BadSetting> {
        let named = overrides.config.clone();
        let named = named.or_else(|| environment(FILE_VARIABLE).map(PathBuf::from));
        let file = named.as_deref().unwrap_or(usual_file);
        let mut config = Self::default();
        match fs::read_to_string(file) {
            Ok(text) => config.apply_file(&file.display().to_string(), &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => {
                let file = file.display().to_string();
                return Err(BadSetting::Unreadable { file, problem: error.to_string() });
            }
        }
        for setting in SETTINGS {
            if let Some(value) = environment(&setting.variable()) {
                config.apply(setting, &value, setting.variable())?;
            }
            if let Some(value) = overrides.of(setting.key) {
                config.apply(setting, value, setting.flag())?;
            }
        }
        Ok(config)
    }

    fn apply(
        &mut self,
        setting: &Setting,
        value: &OsString,
        origin: String,
    ) -> Result<(), BadSetting> {
        let judged = match value.to_str() {
            Some(text) => (setting.set)(self, text, &setting.bounds),
            None => Err("is not UTF-8".to_owned()),
        };
        judged.map_err(|problem| {
            let invalid = Invalid::new(setting.key, problem);
            BadSetting::Given { origin, invalid }
        })
    }

    fn apply_file(&mut self, file: &str, text: &str) -> Result<(), Complaint> {
        let document = Document::parse(file, text)?;
        self.apply_section(&document.root()).map_err(|invalid| document.complaint(invalid))
    }

    fn apply_section(&mut self, section: &Section<'_>) -> Result<(), Invalid> {
        let known: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
        section.only(&known)?;
        for setting in SETTINGS {
            let text = match setting.bounds {
                Bounds::Text(_) => section.text(setting.key)?.map(str::to_owned),
                Bounds::Whole(..) => section.integer(setting.key)?.map(|number| number.to_string()),
            };
            if let Some(text) = text {
                (setting.set)(self, &text, &setting.bounds)
                    .map_err(|problem| Invalid::new(setting.key, problem))?;
            }
        }
        Ok(())
    }
}

/// Where spans go. Whoever sets it in a build that cannot send any is told so.
fn collector(text: &str) -> Result<Option<String>, String> {
    if text == OFF {
        return Ok(None);
    }
    if !cfg!(feature = "otel") {
        return Err("needs a build with `--features otel`; this one cannot send spans".to_owned());
    }
    let authority = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let bare = |rest: &str| !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']);
    if !authority.is_some_and(bare) {
        let problem = "must be a URL such as http://127.0.0.1:4317, or off, not";
        return Err(format!("{problem} {text:?}"));
    }
    Ok(Some(text.to_owned()))
}

impl Setting {
    /// The flag of `serve` that sets it.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("DOORBUSTER_{}", self.key.to_uppercase())
    }

    /// What it is when nobody sets it.
    pub fn default(&self) -> String {
        (self.get)(&Config::default())
    }
}

impl Bounds {
    fn whole(self, text: &str) -> Result<u64, String> {
        let number = text.parse().ok();
        match (self, number) {
            (Self::Whole(min, max), Some(number)) if (min..=max).contains(&number) => Ok(number),
            _ => Err(format!("must be {self}, not {text:?}")),
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(kind) => f.write_str(kind),
            Self::Whole(min, max) => write!(f, "a whole number from {min} to {max}"),
        }
    }
}
