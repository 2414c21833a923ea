//! The composition root: store, actors, projections and servers, started and stopped in order.

use std::net::SocketAddr;

use crate::{clock::SharedClock, config::Config};

/// A running server.
#[derive(Debug)]
pub struct App {}

impl App {
    /// Starts a server on its own threads and returns once it accepts calls. Port 0 in
    /// `config.listen` takes a free port.
    pub fn start(_config: Config, _clock: SharedClock) -> anyhow::Result<Self> {
        anyhow::bail!("not wired yet")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// Stops taking calls, finishes what is in flight, closes the log.
    pub fn stop(self) -> anyhow::Result<()> {
        Ok(())
    }
}
