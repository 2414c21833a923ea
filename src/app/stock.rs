//! The stock that shops and their pages watch.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::actors::Actors;
use crate::{
    actors::{ProjectionHandle, StockDesk, StockThread, Tail},
    config::Config,
    connections::Security,
    reports::Reports,
    web,
};

/// The thread that reads the stock, and the server of pages.
pub(super) struct StockWatch {
    pub(super) desk: Arc<StockDesk>,
    thread: StockThread,
    server: Option<web::Server>,
}

impl StockWatch {
    /// Watches the read models, and serves pages if they are to be served.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        (actors, config): (&Actors, &Config),
        (reports, tail): (&Reports, &Arc<Tail>),
        projections: &[ProjectionHandle],
        listener: Option<(TcpListener, Security)>,
        (connections_max, grpc_port): (usize, u16),
    ) -> std::io::Result<Self> {
        let clock = Arc::clone(&actors.shared.clock);
        let known = (actors.shared.readiness.clone(), Arc::clone(tail));
        let watchers_max = config.stock_watchers_max;
        let desk = StockDesk::new(reports.clone(), clock, known, projections, watchers_max);
        let thread = desk.start()?;
        let served = Arc::clone(&desk);
        let server = listener
            .map(|listener| web::stock::serve(listener, served, connections_max, grpc_port));
        Ok(Self { desk, thread, server })
    }

    /// Ends the streams, and then the server.
    pub(super) async fn stop(self) {
        // It looks whether it is to stop at least each few milliseconds, or waits for one read.
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.stop()).await;
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}
