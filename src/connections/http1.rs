//! HTTP/1.1 on a listener, with the limits of `serving`. One connection has one call at a time.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::{
    body::{Body, Incoming},
    http::{HeaderValue, Request, Response, header},
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
    security::Security,
    serving::{self, Conversation, Limits},
    watched::Watched,
};

/// Bytes of the head of a request.
const HEAD_BYTES: usize = 16 << 10;

/// A body of so many bytes is skipped where it was not read.
const SKIPPED_BYTES: u64 = 4 << 10;

/// No byte count introduces a connection here: its first whole head does.
const NEVER: usize = usize::MAX;

/// Serves until the phase is not [`Phase::Serving`] any more, and returns when the last connection
/// is closed. `connect` makes what answers on a connection.
pub async fn serve<S, B>(
    (listener, security): (TcpListener, Security),
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
        let io = Watched::new(security.secured(stream), Arc::clone(peer), NEVER);
        let service = ToldToClose(connect());
        builder.serve_connection(TokioIo::new(io), Calls::new(service, Arc::clone(peer)))
    })
    .await;
}

/// A service that tells clients where their connection ends. A refusal may come before the body of its
/// request was read; hyper then skips what is left of a small body and closes the connection behind a
/// larger one, into which a client would send its next request.
struct ToldToClose<S>(S);

/// An answer that is under way, to a request with a large body or not.
struct Telling<F> {
    answer: F,
    to_large: bool,
}

impl<S, B> Service<Request<Incoming>> for ToldToClose<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Telling<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let most = request.body().size_hint().upper();
        let to_large = most.is_none_or(|bytes| bytes > SKIPPED_BYTES);
        Telling { answer: self.0.call(request), to_large }
    }
}

impl<F, B, E> Future for Telling<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = ready!(Pin::new(&mut self.answer).poll(context))?;
        let status = answer.status();
        if self.to_large && (status.is_client_error() || status.is_server_error()) {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, close);
        }
        Poll::Ready(Ok(answer))
    }
}

impl<I, S, B> Conversation for Connection<TokioIo<Watched<I>>, Calls<ToldToClose<S>>>
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
