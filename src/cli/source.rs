//! The log that a verb works on: of a data directory, or in the store that `--store` names.
//!
//! A data directory is opened read-only, also beside a running server; a cluster is read through
//! the same port as a server reads it. Verbs here take their time and may block.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use tokio::runtime::Runtime;

use super::failure::{self, Code, Failure};
use crate::{
    clock::WallClock,
    events::{Position, Recorded, StreamName},
    projections::{Checkpoint, RebuildError},
    replay::{Log, ReplayError},
    store::{
        self, LogSource, ReadError, StoreAddress,
        embedded::{LogReader, Loss, read_models_are_of_a_cluster},
    },
};

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;

/// Where the log is.
#[derive(Clone, Default, clap::Args)]
pub struct Store {
    /// Where the log is: embedded, or a connection string such as esdb://127.0.0.1:2113?tls=false
    /// [default: embedded]
    // Kept as it was written: a complaint about its value must not repeat it, it may be secret.
    #[arg(long, value_name = "STORE", env = "DOORBUSTER_STORE", hide_env_values = true)]
    store: Option<OsString>,
    #[command(flatten)]
    pub credentials: Credentials,
}

/// What opens the door of a store.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Credentials {
    /// A file with user:password for the store, in its first line
    #[arg(
        long = "store-credentials-file",
        value_name = "FILE",
        env = "DOORBUSTER_STORE_CREDENTIALS_FILE"
    )]
    pub file: Option<PathBuf>,
}

/// Whose log.
#[derive(Debug, Clone, clap::Args)]
pub struct Data {
    /// Directory of the log and the read models
    #[arg(
        long = "data",
        value_name = "DIR",
        env = "DOORBUSTER_DATA",
        default_value = "doorbuster-data"
    )]
    pub dir: PathBuf,
    #[command(flatten)]
    pub store: Store,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// A store by the text that names it; none means the embedded one.
    pub fn named(store: Option<OsString>, credentials: Credentials) -> Self {
        Self { store, credentials }
    }

    /// The address with its credentials, checked.
    pub fn address(&self) -> Result<StoreAddress, Failure> {
        let Some(text) = &self.store else { return Ok(StoreAddress::Embedded) };
        let address: StoreAddress = read_secret("--store", text)?;
        Ok(address.with_credentials_file(self.credentials.file.clone()))
    }
}

/// Reads a value that may be secret: unlike clap's own, the complaint does not repeat it.
pub fn read_secret<T: FromStr<Err = String>>(flag: &str, text: &OsStr) -> Result<T, Failure> {
    let parsed = text.to_str().ok_or_else(|| "is not UTF-8".to_owned()).and_then(str::parse);
    parsed.map_err(|problem| Failure::new(Code::Usage, format!("{flag} {problem}")))
}

impl Data {
    /// Opens the log for reading.
    pub fn open(&self) -> Result<OpenLog, Failure> {
        OpenLog::open(&self.store.address()?, &self.dir)
    }
}

/// A log that is open for reading.
#[derive(Debug)]
pub struct OpenLog {
    source: LogSource,
    runtime: Runtime,
    /// What it means when it cannot be read.
    away: Code,
    name: String,
}

impl OpenLog {
    /// Opens the log at an address, or for `embedded` the one of a data directory.
    pub fn open(address: &StoreAddress, data: &Path) -> Result<Self, Failure> {
        let runtime = runtime()?;
        match address {
            StoreAddress::Embedded => {
                let name = data.display().to_string();
                let reader = LogReader::open(data).map_err(|error| {
                    let message = format!("the log in {name} cannot be opened: {error}");
                    Failure::new(failure::opening(&error), message)
                })?;
                if let Some(loss) = reader.loss() {
                    // Standard error is the only place left; if it is gone, so is the reader.
                    _ = writeln!(io::stderr(), "warning: {name}: {loss}");
                }
                let source = LogSource::File(Arc::new(reader));
                Ok(Self { source, runtime, away: Code::Failed, name })
            }
            StoreAddress::Cluster(_) => {
                let opening = store::open(address, data, Arc::new(WallClock));
                let store = runtime
                    .block_on(opening)
                    .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
                let source = LogSource::Store(store);
                let name = address.to_string();
                Ok(Self { source, runtime, away: Code::Unreachable, name })
            }
        }
    }

    /// The log itself.
    pub fn source(&self) -> &LogSource {
        &self.source
    }

    /// What is missing in the log, if it is known to have been longer or another one.
    pub fn loss(&self) -> Option<&Loss> {
        match &self.source {
            LogSource::File(reader) => reader.loss(),
            LogSource::Store(_) => None,
        }
    }

    /// Refuses to go on with a log that is known to have been longer: for verbs that write.
    pub fn whole(&self) -> Result<(), Failure> {
        self.loss().map_or(Ok(()), |loss| Err(lost(&self.name, loss)))
    }

    /// Notes beside read models which log they are made from, before they are.
    pub fn mark_read_models(&self, data: &Path) -> Result<(), Failure> {
        match &self.source {
            LogSource::File(_) => Ok(()),
            LogSource::Store(_) => read_models_are_of_a_cluster(data).map_err(|error| {
                Failure::new(Code::Failed, format!("{}: {error}", data.display()))
            }),
        }
    }

    /// The log, to look back into.
    pub fn past(&self) -> Log {
        Log::new(self.source.clone(), self.runtime.handle().clone())
    }

    /// A look back that was not answered: as a failure with its exit code.
    pub fn not_replayed(&self, error: ReplayError) -> Failure {
        match error {
            ReplayError::Invalid(invalid) => invalid.into(),
            ReplayError::Read(error) => self.unreadable(&error),
            ReplayError::NotFound(what) => {
                let name = what.trim_end_matches("_id");
                Failure::new(Code::Failed, format!("there is no such {name} in {}", self.name))
            }
            ReplayError::Decode(_) | ReplayError::Impossible(_) => {
                Failure::new(Code::Integrity, format!("{}: {error}", self.name))
            }
            ReplayError::TooMuch(_) => Failure::new(Code::Failed, error.to_string()),
        }
    }

    /// Runs what waits for the log.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The next events after a position; none at the end.
    pub fn page(&self, after: Position) -> Result<Vec<Recorded>, ReadError> {
        self.read_all(after, PAGE_EVENTS)
    }

    /// The next events after a position, at most `max`; none at the end.
    pub fn read_all(&self, after: Position, max: usize) -> Result<Vec<Recorded>, ReadError> {
        self.block_on(self.source.read_all(after, max))
    }

    /// Events of one stream from a revision on; none at the end.
    pub fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.block_on(self.source.read_stream(stream, from_revision, max))
    }

    /// Whether this is the log that a read model with this checkpoint was made from.
    pub fn holds(&self, checkpoint: Checkpoint) -> Result<bool, ReadError> {
        let Some(event) = checkpoint.event else { return Ok(true) };
        let found = self.read_stream(event.stream, event.revision, 1)?;
        Ok(checkpoint.is_in_log_with(found.first()))
    }

    /// Position of the last event, as far as it is known.
    pub fn head(&self) -> Result<Position, ReadError> {
        self.block_on(self.source.head())
    }

    /// A rebuild of read models that ended early, with its exit code.
    pub fn not_rebuilt(&self, error: RebuildError<ReadError>) -> Failure {
        match error {
            RebuildError::Log(error) => self.unreadable(&error),
            RebuildError::Decode(error) => Failure::new(Code::Integrity, error.to_string()),
            RebuildError::Projection(_) | RebuildError::Files(_) => {
                Failure::new(Code::Failed, error.to_string())
            }
        }
    }

    /// The log could not be read: as a failure with its exit code.
    pub fn unreadable(&self, error: &ReadError) -> Failure {
        let code = match error {
            ReadError::Unavailable(_) => self.away,
            ReadError::Damaged(_) => Code::Integrity,
        };
        Failure::new(code, format!("{}: {error}", self.name))
    }
}

/// A log that is known to have been longer: as a failure with its exit code.
pub fn lost(name: &str, loss: &Loss) -> Failure {
    Failure::new(Code::Lost, format!("{name}: {loss}"))
}

impl Drop for OpenLog {
    fn drop(&mut self) {
        if let LogSource::Store(store) = &self.source {
            store.close();
        }
    }
}

/// What stores need to run: they may have work of their own to do while a verb does something else.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("store")
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(Code::Failed, format!("no runtime could be started: {error}"))
        })
}
