//! Whom a question goes to: a running server, or a data directory that this program reads itself.
//!
//! Both are asked over a channel, so a verb need not know which it is. A directory's read models are
//! brought up to the end of its log first, unless a server has the directory: then they are that
//! server's to keep, and are asked as they are.

use std::{cell::OnceCell, env, ffi::OsString, fmt, path::Path, path::PathBuf, sync::Arc};

use tonic::{Response, Status, transport::Channel};

use super::{
    Common,
    failure::{Code, Failure},
    output::LogBar,
    rebuild,
    server::Server,
    source::{Credentials, OpenLog, Store},
};
use crate::{
    clock::WallClock,
    grpc::{self, ReadSide},
    projections,
    store::embedded::{DirectoryLock, OpenError},
};

const SERVER: &str = "DOORBUSTER_SERVER";
const STORE: &str = "DOORBUSTER_STORE";
const DEFAULT_SERVER: &str = "http://127.0.0.1:7420";

/// A server or a data directory.
#[derive(Debug, Default, clap::Args)]
pub struct Asked {
    /// Server to call [env: DOORBUSTER_SERVER] [default: http://127.0.0.1:7420]
    // The variable is read by hand: with it set, --data would count as given beside --server.
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    server: Option<String>,
    /// Ask this data directory, without a server
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the log of the data directory is: embedded, or a connection string
    #[arg(long, value_name = "STORE", requires = "data")]
    store: Option<OsString>,
    #[command(flatten)]
    credentials: Credentials,
    #[arg(skip)]
    opened: OnceCell<Opened>,
}

/// A data directory that is being asked.
struct Opened {
    log: OpenLog,
    channel: Channel,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl Asked {
    /// Makes one call and waits for its answer. A data directory may take its time.
    pub fn call<T>(
        &self,
        call: impl AsyncFn(Channel) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        match &self.data {
            None => self.running().call(call),
            Some(data) => {
                let Opened { log, channel } = self.opened(data)?;
                let answer = log.block_on(call(channel.clone()));
                answer.map(Response::into_inner).map_err(|status| Failure::status(&status))
            }
        }
    }

    /// Does something that takes more than one answer, such as reading a stream.
    pub fn with_channel<T>(
        &self,
        work: impl AsyncFnOnce(Channel) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &self.data {
            None => self.running().with_channel(work),
            Some(data) => {
                let Opened { log, channel } = self.opened(data)?;
                log.block_on(work(channel.clone()))
            }
        }
    }

    /// The data directory, where one is asked.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    fn running(&self) -> Server {
        let url = self.server.clone().or_else(|| env::var(SERVER).ok());
        Server { url: url.unwrap_or_else(|| DEFAULT_SERVER.to_owned()) }
    }

    fn opened(&self, data: &Path) -> Result<&Opened, Failure> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let store = self.store.clone().or_else(|| env::var_os(STORE));
        let address = Store::named(store, self.credentials.clone()).address()?;
        let log = OpenLog::open(&address, data)?;
        let alone = bring_up(&log, data)?;
        let reads = ReadSide::at_rest(data, log.source().clone(), Arc::new(WallClock), alone);
        let channel = log.block_on(grpc::connect(reads)).map_err(|error| {
            Failure::new(Code::Failed, format!("the read models cannot be asked: {error}"))
        })?;
        Ok(self.opened.get_or_init(|| Opened { log, channel }))
    }
}

/// Brings read models up to the end of the log, if no server keeps them. Says whether none does.
pub fn bring_up(log: &OpenLog, data: &Path) -> Result<bool, Failure> {
    // Nothing is written beside a log that is known to have been longer: what the read models know
    // beyond it is evidence.
    if log.loss().is_some() {
        return Ok(false);
    }
    // Held while files are written, and no longer: a server may be started meanwhile.
    let lock = match DirectoryLock::of_directory(data) {
        Ok(lock) => lock,
        Err(OpenError::InUse { .. }) => return Ok(false),
        Err(error) => return Err(Failure::new(Code::Failed, error.to_string())),
    };
    log.mark_read_models(data)?;
    let head = log.head().map_err(|error| log.unreadable(&error))?;
    let bar = LogBar::new(&Common::default(), head);
    let reached = projections::catch_up(
        data,
        |checkpoint| log.holds(checkpoint),
        |after| log.page(after),
        |progress| bar.reached_by("reading the log: ", progress.position, progress.events),
    );
    bar.finish();
    drop(lock);
    reached.map_err(|error| rebuild::failed(log, error))?;
    Ok(true)
}
