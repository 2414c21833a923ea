//! HTTP/1.1 on a listener, with the limits of `serving`. One connection has one call at a time.

use std::{pin::Pin, sync::Arc};

use hyper::{
    body::{Body, Incoming},
    http::{Request, Response},
    server::conn::http1::{Builder, Connection},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::set_socket_keepalive;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
};

use super::{
    calls::Calls,
    peers::Peers,
    phase::Phase,
    serving::{self, Conversation, Limits},
    watched::Watched,
};

/// Bytes of the head of a request.
const HEAD_BYTES: usize = 16 << 10;

/// No byte count introduces a connection here: its first whole head does.
const NEVER: usize = usize::MAX;

/// Serves until the phase is not [`Phase::Serving`] any more, and returns when the last connection
/// is closed. `connect` makes what answers on a connection.
pub async fn serve<S, B>(
    listener: TcpListener,
    peers: Arc<Peers>,
    limits: Limits,
    phase: watch::Receiver<Phase>,
    connect: impl Fn() -> S,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + Sync + 'static,
    S::Future: Unpin + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_lasts)
        .max_buf_size(HEAD_BYTES);
    serving::serve(listener, peers, limits, phase, |stream, peer| {
        // HTTP/1.1 has no pings: the system finds the peers of unfinished answers that are gone.
        let _ = set_socket_keepalive(&stream, true);
        let io = Watched::new(stream, Arc::clone(peer), NEVER);
        builder.serve_connection(TokioIo::new(io), Calls::new(connect(), Arc::clone(peer)))
    })
    .await;
}

impl<I, S, B> Conversation for Connection<TokioIo<Watched<I>>, Calls<S>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + Sync + 'static,
    S::Future: Unpin + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
