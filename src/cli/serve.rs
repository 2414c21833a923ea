//! `doorbuster serve`: run a server until it is told to stop.

use std::{io, sync::Arc};

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Common, stop_on_panic};
use crate::{
    app::App,
    clock::WallClock,
    config::{Config, Overrides},
};

/// Exit code after a second signal: somebody is in a hurry.
const INTERRUPTED: i32 = 130;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: Overrides,
}

/// Runs `serve`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    stop_on_panic();
    let config = Config::load(&args.settings)?;
    let data = config.data.display().to_string();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("signals")
        .enable_all()
        .build()?;
    // Before the address is printed: whoever reads it may send a signal at once.
    let mut signals = runtime.block_on(async { Signals::catch() })?;

    let app = App::start(config, Arc::new(WallClock))?;
    let address = app.address();
    common.show(
        || json!({ "address": address.to_string(), "url": format!("http://{address}"), "data": data }),
        || format!("listening on http://{address}"),
    )?;
    common.note(format_args!(
        "data in {data}\ntry: doorbuster sale create -f examples/sale.toml --server http://{address}\n\
         stop with Ctrl-C"
    ));

    runtime.block_on(signals.next());
    common.note("stopping; a second signal stops at once");
    runtime.spawn(async move {
        signals.next().await;
        std::process::exit(INTERRUPTED);
    });
    app.stop()?;
    common.note("stopped");
    Ok(())
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
