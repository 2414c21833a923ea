//! What machines ask about a node, over HTTP on a listener of its own: whether it is alive,
//! whether it wants calls, and its figures.
//!
//! It is read-only: nothing here waits for an item or names a buyer. The one thing that
//! is accepted is beacons of traffic (`beacons.rs`), a bounded number at a time, so that probes are
//! always answered. Where the server has tokens, everything but health asks
//! for one (`routes.rs`); without, every client that reaches the port can read all of it, so the default
//! is loopback.

mod answers;
mod beacons;
pub mod board;
mod connection;
mod door;
mod fields;
mod json;
mod reading;
pub mod routes;
pub mod stock;
mod wrong_port;

use std::time::Duration;

use axum::Router;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

pub use connection::Limits;
pub use reading::Parts;

use crate::connections::Security;

/// How long answers that are under way may take when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A server that answers machines until it is stopped.
pub struct Server {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Answers on that listener, in the background.
    pub fn start(listener: (TcpListener, Security), parts: Parts, limits: Limits) -> Self {
        Self::of(listener, answers::router(parts, limits), limits)
    }

    fn of(listener: (TcpListener, Security), router: Router, limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel();
        let listener = connection::Bounded::new(listener, limits);
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
        Self { stop, serving: tokio::spawn(serving.into_future()) }
    }

    /// Finishes the answers that are under way and stops.
    pub async fn stop(mut self) {
        // An error means that it has stopped already.
        let _ = self.stop.send(());
        if timeout(STOP_GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}
