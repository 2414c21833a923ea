//! The server of a demonstration: the real one, on a log of its own or one that can be held up.
//!
//! It is started twice if the board stays up afterwards: the log is verified in between, while
//! there is no writer.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{runtime::Runtime, sync::watch};

use super::stall::StallingStore;
use crate::{
    app::App,
    clock::{SaleClock, SharedClock},
    config::Config,
    store::{self, SharedStore, embedded::DirectoryLock},
};

/// A running server and what it stands on.
pub struct Shop {
    pub app: App,
    beneath: Option<Beneath>,
}

/// A store that is ours to open and to close, and what it needs meanwhile.
struct Beneath {
    store: SharedStore,
    runtime: Runtime,
    _one_node: Option<DirectoryLock>,
}

impl Shop {
    /// A server with its usual start.
    ///
    /// # Errors
    /// When it does not start.
    pub fn open(config: Config) -> anyhow::Result<Self> {
        let clock = sale_clock(&config)?;
        let app = App::start(config, clock).context("the server did not start")?;
        Ok(Self { app, beneath: None })
    }

    /// One whose store is held up whenever `held` says so.
    ///
    /// # Errors
    /// When it does not start, or the store cannot be opened.
    pub fn open_held(config: Config, held: watch::Receiver<bool>) -> anyhow::Result<Self> {
        let clock = sale_clock(&config)?;
        let one_node = store::keep_to_one_node(&config.store, &config.data)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()?;
        let address = config.store_address();
        let store = runtime.block_on(store::open(&address, &config.data, clock.clone()))?;
        let app = App::start_on(config, clock, StallingStore::over(Arc::clone(&store), held))
            .context("the server did not start")?;
        Ok(Self { app, beneath: Some(Beneath { store, runtime, _one_node: one_node }) })
    }

    /// Finishes what is in flight and closes the log.
    ///
    /// # Errors
    /// When the server had failed while it was running.
    pub fn close(self) -> anyhow::Result<()> {
        let stopped = self.app.stop().context("the server did not stop cleanly");
        if let Some(beneath) = self.beneath {
            beneath.store.close();
            beneath.runtime.shutdown_background();
        }
        stopped
    }
}

/// The clock that a server of these settings goes by.
fn sale_clock(config: &Config) -> anyhow::Result<SharedClock> {
    let clock = SaleClock::start(Duration::from_secs(config.clock_step_seconds));
    Ok(Arc::new(clock.context("no clock could be started")?))
}
