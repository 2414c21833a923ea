//! `doorbuster serve`: run a server until it is stopped.

use std::{sync::Arc, time::Duration};

use anyhow::Context;

use serde_json::json;

use super::{
    Common,
    signals::{self, Signals},
};
use crate::{
    app::App,
    clock::SaleClock,
    config::{Config, Overrides, Port},
};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: Overrides,
}

impl Args {
    /// Where spans are to be sent. What is wrong with the settings is told when the server starts.
    #[cfg(feature = "otel")]
    pub fn otel_endpoint(&self) -> Option<String> {
        Config::load(&self.settings).ok()?.otel_endpoint
    }
}

/// How long closing the log may take after everything else has stopped.
const CLOSING: Duration = Duration::from_secs(10);

/// Ends the process after that long, should something hang: what was answered is in the log.
fn end_by(within: Duration) -> std::io::Result<()> {
    let waits = std::thread::Builder::new().name("end-by".to_owned());
    let thread = waits.spawn(move || {
        std::thread::sleep(within);
        tracing::error!(?within, "the server did not stop in time and is ended");
        std::process::exit(1);
    });
    thread.map(drop)
}

/// Runs `serve`.
pub fn run(args: &Args, common: &Common) -> anyhow::Result<()> {
    signals::stop_on_panic();
    let config = Config::load(&args.settings)?;
    let data = config.data.display().to_string();
    let stop_within = Duration::from_millis(config.drain_ms + config.stop_grace_ms) + CLOSING;

    let runtime = signals::runtime()?;
    // Before the address is printed: its reader may send a signal at once.
    let signals = runtime.block_on(async { Signals::catch() })?;

    let hold = Duration::from_secs(config.clock_step_seconds);
    let clock = SaleClock::start(hold).context("no clock could be started")?;
    let scheme = |port| if config.is_encrypted(port) { "https" } else { "http" };
    let [grpc, http, web, board, stock] = Port::ALL.map(scheme);
    let app = App::start(config, Arc::new(clock))?;
    let address = app.address();
    let url = format!("{grpc}://{address}");
    let http = app.http_address().map(|address| format!("{http}://{address}"));
    let web = app.web_address().map(|address| format!("{web}://{address}"));
    let board = app.board_address().map(|address| format!("{board}://{address}/"));
    let stock = app.stock_address().map(|address| format!("{stock}://{address}/stock/"));
    common.show(
        || {
            json!({
                "address": address.to_string(),
                "url": url,
                "http": http,
                "web": web,
                "board": board,
                "stock": stock,
                "data": data,
            })
        },
        || {
            let http = http.as_ref().map(|http| format!("\nHTTP/JSON on {http}"));
            let web = web.as_ref().map(|web| format!("\nhealth and metrics on {web}"));
            let board = board.as_ref().map(|board| format!("\nthe board on {board}"));
            let stock = stock.as_ref().map(|stock| format!("\nthe stock of sales on {stock}SALE"));
            let other = [http, web, board, stock].into_iter().flatten().collect::<String>();
            format!("listening on {url}{other}")
        },
    )?;
    common.note(format_args!(
        "data in {data}\ntry: doorbuster sale create -f examples/sale.toml --server {url}\n\
         stop with Ctrl-C"
    ));

    signals.wait(&runtime, common);
    end_by(stop_within)?;
    app.stop()?;
    common.note("stopped");
    Ok(())
}
