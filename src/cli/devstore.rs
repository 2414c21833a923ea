//! `doorbuster devstore`: serve a log to clients of EventStoreDB until told to stop.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use serde_json::json;

use super::{
    Common,
    failure::{self, Code, Failure},
    signals::{self, Signals},
};
use crate::{
    clock::WallClock,
    devstore::{Config, Devstore, StartError},
};

/// Arguments of `devstore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the log; made if it is missing
    #[arg(long, value_name = "DIR", default_value = "doorbuster-devstore")]
    data: PathBuf,
    /// Loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2113")]
    listen: SocketAddr,
    /// Maximum bytes of the data of one append
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u32).range(1..=16 << 20))]
    append_bytes_max: u32,
    /// Milliseconds until a write is committed: answered, and seen by readers
    #[arg(long, value_name = "MS", default_value_t = 0,
          value_parser = clap::value_parser!(u64).range(..=1_000))]
    commit_ms: u64,
}

/// Runs `devstore`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    signals::stop_on_panic();
    let runtime = signals::runtime()?;
    // Before the address is printed: its reader may send a signal at once.
    let signals = runtime.block_on(async { Signals::catch() })?;

    let data = args.data.display().to_string();
    let config = Config {
        append_bytes_max: usize::try_from(args.append_bytes_max)?,
        commit_time: Duration::from_millis(args.commit_ms),
        ..Config::single(args.data, args.listen)
    };
    let devstore = Devstore::start(config, Arc::new(WallClock)).map_err(|error| {
        let code = match error {
            StartError::NotLoopback(_) => Code::Usage,
            StartError::Open(ref error) => failure::opening(error),
            StartError::Listen { .. } | StartError::Thread(_) | StartError::Stopped => Code::Failed,
        };
        Failure::new(code, error.to_string())
    })?;
    let address = devstore.address();
    let connection = format!("esdb://{address}?tls=false");
    common.show(
        || {
            json!({
                "address": address.to_string(),
                "url": format!("http://{address}"),
                "connection": connection,
                "data": data,
            })
        },
        || format!("listening on http://{address}"),
    )?;
    common.note(format_args!(
        "data in {data}\nfor development only: one log, no replication, no logins\n\
         try: doorbuster serve --store '{connection}'\nstop with Ctrl-C"
    ));

    signals.wait(&runtime, common);
    devstore.stop();
    common.note("stopped");
    Ok(())
}
