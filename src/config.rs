//! Every setting of a server: its name, its unit, its default, its bounds.
//!
//! A flag wins over a `DOORBUSTER_*` variable, that over `doorbuster.toml`, that over the default.
//! What is unknown or out of bounds is refused by name; nothing is corrected silently. Documented
//! in `docs/configuration.md`, and a test compares that page with [`SETTINGS`].

mod addresses;
mod alerts;
mod clock;
pub mod document;
mod limits;
mod overrides;
mod peers;
mod port;
mod setting;
mod tls;
mod tokens;

use std::{
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};

pub use overrides::Overrides;
pub use peers::Peers;
pub use port::Port;
pub use setting::{Bounds, Config, PublicRoutes, Setting};
pub use tls::TlsPaths;

use addresses::OFF;
use document::{Complaint, Document, Section};

use crate::{
    store::{StoreAddress, WitnessSync},
    values::{Invalid, narrow},
};

/// The file that is read when no other is named, if it is there.
pub const FILE: &str = "doorbuster.toml";

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "DOORBUSTER_CONFIG";

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
    addresses::LISTEN,
    addresses::HTTP,
    addresses::WEB,
    addresses::BOARD,
    tls::CERTIFICATE,
    tls::KEY,
    tls::CLIENT_CA,
    tls::INSECURE,
    Setting {
        key: "board_clients_max",
        unit: "pages",
        bounds: Bounds::Whole(1, 100_000),
        get: |config| config.board_clients_max.to_string(),
        set: |config, text, bounds| {
            config.board_clients_max = narrow(bounds.whole(text)?);
            Ok(())
        },
    },
    addresses::STOCK,
    limits::STOCK_WATCHERS_MAX,
    tokens::FILE,
    tokens::PUBLIC_ROUTES,
    peers::LISTEN,
    peers::ADDRESS,
    peers::SECRET_FILE,
    clock::STEP_SECONDS,
    alerts::ALERTS,
    alerts::URL,
    alerts::SECRET_FILE,
    alerts::TIMEOUT_MS,
    alerts::ATTEMPTS,
    alerts::ORDER_URL,
    alerts::ORDER_SECRET_FILE,
    alerts::ORDER_KINDS,
    alerts::ORDER_PRIVATE,
    limits::WAITING_MAX,
    limits::ORDER_WAIT_MS,
    limits::DECIDE_WITHIN_MS,
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
    limits::SNAPSHOT_EVENTS,
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
    /// One that another one needs is missing, or forbids.
    #[error(transparent)]
    Missing(Invalid),
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
        config.peers().map_err(BadSetting::Missing)?;
        config.tls().map_err(BadSetting::Missing)?;
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

/// Where spans are sent. Setting it in a build without the feature is an error.
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

    /// The default value.
    pub fn default(&self) -> String {
        (self.get)(&Config::default())
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
