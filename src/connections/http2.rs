//! HTTP/2 on a listener, with the limits of `serving`, and bounds on what the frames of one
//! connection may take of memory.

use std::{pin::Pin, sync::Arc, time::Duration};

use hyper::{
    body::{Body, Incoming},
    http::{Request, Response},
    server::conn::http2::{Builder, Connection},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    calls::Calls,
    gathered::Gathered,
    peers::{Peer, Peers},
    phase::Phase,
    serving::{self, Conversation, Limits},
    short_calls::{CallExecutor, IsShort, Marked, WithShortCalls},
    watched::Watched,
};

/// A connection on which nothing comes is asked whether it is alive, and closed without an answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that one stream and one connection may send before they are read: room for the pipelined
/// orders of a `PlaceOrders`. h2 ends a connection with ENHANCE_YOUR_CALM where unread frames of less
/// than 256 bytes miss more bytes of these than half of the connection's window. An order of 100
/// bytes misses 156, so eight streams that are held back at once still stay below that.
const STREAM_WINDOW_BYTES: u32 = 512 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// Bytes of answers of one stream that wait for the socket.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Bytes of the headers of one call.
const HEADER_LIST_BYTES: u32 = 16 << 10;

/// Streams that a client may reset before they were looked at, and that it may make us reset.
const PENDING_RESETS: usize = 20;
const LOCAL_RESETS: usize = 1024;

/// The client's preface and the head of its settings.
const PREFACE_BYTES: usize = 24 + 9;

/// Serves until the phase is not [`Phase::Serving`] any more, and returns when the last connection
/// is closed. `connect` makes of a connection what is read from and who answers on it; short calls are
/// answered by the task of their connection.
pub async fn serve<I, S, B>(
    listener: TcpListener,
    peers: Arc<Peers>,
    limits: Limits,
    phase: watch::Receiver<Phase>,
    is_short: IsShort,
    connect: impl Fn(TcpStream, &Arc<Peer>) -> (I, S),
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + Sync + 'static,
    S::Future: Unpin + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    serving::serve(listener, peers, limits, phase, |stream, peer| {
        let (io, service) = connect(stream, peer);
        let io = Gathered::new(Watched::new(io, Arc::clone(peer), PREFACE_BYTES));
        let executor = CallExecutor::default();
        let calls = Calls::new(service, Arc::clone(peer));
        let calls = Marked::new(calls, is_short, executor.clone());
        let builder = builder(&limits, executor.clone());
        WithShortCalls::new(builder.serve_connection(TokioIo::new(io), calls), executor)
    })
    .await;
}

impl<I, S, B> Conversation
    for Connection<TokioIo<Gathered<Watched<I>>>, Marked<Calls<S>>, CallExecutor>
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

fn builder(limits: &Limits, executor: CallExecutor) -> Builder<CallExecutor> {
    let mut builder = Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.calls_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    builder
}
