//! The board: pages that people watch and steer a sale with, on a listener of its own.
//!
//! It has a low-priority thread of its own, accepts a bounded number of clients, and renders its
//! frames once a second, whatever the number of clients. Selling never waits for it. Where the
//! server has tokens, pages ask for one, unless they are public; without, every client that reaches the
//! port sees every sale, so the default is loopback. Changes always need a token.

mod after;
mod asking;
mod assets;
mod desk;
mod form;
mod guard;
mod incidents;
mod journal;
mod line;
mod no_page;
mod orders;
mod pages;
mod session;
mod state;
mod steer;
mod stream;
mod streams;

use std::{io, sync::Arc, thread::JoinHandle};

use axum::{Router, middleware};
use tokio::{net::TcpListener, sync::oneshot};

pub use line::BoardLimits;
pub use state::BoardParts;

use self::{
    desk::Desk,
    line::{Door, Leavers, LineState},
    state::Board,
    streams::Streams,
};
use crate::{
    connections::Security,
    threads,
    web::{
        door::Door as Entrance,
        routes::{Opened, Port},
        wrong_port::{WrongPort, turn_back},
    },
};

/// A board that is served until it is stopped.
pub struct BoardServer {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl BoardServer {
    /// Serves the board on that listener, on a thread of its own.
    ///
    /// # Errors
    /// When no thread can be started or the listener cannot be used there.
    pub fn start(
        (listener, security): (TcpListener, Security),
        parts: BoardParts,
    ) -> io::Result<Self> {
        let on_loopback = listener.local_addr()?.ip().is_loopback();
        let listener = listener.into_std()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("board".to_owned()).spawn(move || {
            threads::patient();
            let served = runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                let limits = parts.limits;
                let streams = Streams::new(limits.clients_max);
                let leavers = Leavers::new(Arc::clone(&parts.metrics), Arc::clone(&parts.clock));
                let door = Door::new((listener, security), limits, Arc::clone(&leavers));
                let pages = Desk::new();
                let entrance = entrance(&parts);
                let board =
                    Arc::new(Board { parts, entrance, streams, leavers, pages, on_loopback });
                let service = router(board).into_make_service_with_connect_info::<LineState>();
                tokio::select! {
                    served = axum::serve(door, service).into_future() => served,
                    _ = stopped => Ok(()),
                }
            });
            // The streams of pages end here. Pages reconnect and show that they are stale until then.
            runtime.shutdown_background();
            served
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends what is under way.
    pub fn stop(self) {
        // An error means that it has stopped already.
        let _ = self.stop.send(());
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the board had stopped"),
            Err(_panic) => tracing::error!("the board panicked"),
        }
    }
}

fn entrance(parts: &BoardParts) -> Entrance {
    Entrance {
        port: Port::Board,
        opened: Opened { board: parts.public, ..Opened::default() },
        tokens: Arc::clone(&parts.tokens),
        clock: Arc::clone(&parts.clock),
        metrics: Arc::clone(&parts.metrics),
    }
}

fn router(board: Arc<Board>) -> Router {
    let elsewhere = WrongPort { serves: "the board", grpc: board.parts.grpc_port };
    Router::new()
        .merge(pages::routes())
        .merge(stream::routes())
        .merge(steer::routes())
        .merge(incidents::routes())
        .merge(orders::routes())
        .merge(session::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(&board), guard::guard))
        .layer(middleware::from_fn_with_state(elsewhere, turn_back))
        .with_state(board)
}
