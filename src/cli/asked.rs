//! The target of a query: a running server, or a data directory that this program reads itself.
//!
//! Both are called over a channel, so verbs are independent of it.

use std::{cell::OnceCell, env, ffi::OsString, fmt, path::Path, path::PathBuf, sync::Arc};

use tonic::{Response, Status};

use super::{
    Common,
    failure::{Code, Failure},
    models::{Models, Scratch},
    server::Server,
    source::{Credentials, OpenLog, Store},
    token_file::TokenFile,
};
use crate::{
    clock::WallClock,
    crowd::{channel::Channel, operator::Token},
    grpc::{self, ReadSide},
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
    /// Query this data directory, without a server
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Location of the directory's log: embedded, or a connection string
    #[arg(long, value_name = "STORE", requires = "data")]
    store: Option<OsString>,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    scratch: Scratch,
    #[command(flatten)]
    token: TokenFile,
    #[arg(from_global)]
    quiet: bool,
    #[arg(skip)]
    opened: OnceCell<Opened>,
}

/// A data directory that is open for queries.
struct Opened {
    log: OpenLog,
    channel: Channel,
    /// A scratch directory is removed with it.
    _models: Models,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl Asked {
    /// Makes one call and waits for its answer; for a data directory without a timeout.
    pub fn call<T>(
        &self,
        call: impl AsyncFn(Channel) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        match &self.data {
            None => self.running().call(call),
            Some(data) => {
                let Opened { log, channel, .. } = self.opened(data)?;
                let answer = log.block_on(call(channel.clone()));
                answer.map(Response::into_inner).map_err(|status| Failure::status(&status))
            }
        }
    }

    fn running(&self) -> Server {
        let url = self.server.clone().or_else(|| env::var(SERVER).ok());
        let url = url.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        Server { url, token: self.token.clone() }
    }

    fn opened(&self, data: &Path) -> Result<&Opened, Failure> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let store = self.store.clone().or_else(|| env::var_os(STORE));
        let address = Store::named(store, self.credentials.clone()).address()?;
        let log = OpenLog::open(&address, data)?;
        let common = Common { quiet: self.quiet, ..Common::default() };
        let models = Models::of(&log, data, &self.scratch, &common)?;
        let (source, clock) = (log.source().clone(), Arc::new(WallClock));
        let reads = ReadSide::at_rest(models.directory(), source, clock, models.alone);
        let channel = log.block_on(grpc::connect(reads)).map_err(|error| {
            Failure::new(Code::Failed, format!("the read models cannot be asked: {error}"))
        })?;
        // The answers of one's own files need no token.
        let channel = Channel::new(channel, Token::default());
        Ok(self.opened.get_or_init(|| Opened { log, channel, _models: models }))
    }
}
