//! HTTP/2 on a listener: connections are bounded in number, in calls, in bytes and in how long they
//! may be silent, idle or unread, and a stop ends all of them in time.
//!
//! Calls that are open are pinged, not cut: a connection ends because its preface is late, because
//! it has had no call for long, because it does not answer pings, or because it takes nothing of
//! what it is sent.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    http::{Request, Response},
    server::conn::http2::Builder,
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep},
};

use super::{CallGuard, Peer, Peers, Phase, Seat, accept};

/// A connection on which nothing comes is asked whether it is alive, and closed without an answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that takes nothing of what it is sent for this long is closed.
const STALL_LASTS: Duration = Duration::from_secs(60);

/// A connection that was told to go is closed after this long without a call, and looked at this
/// often until then.
const LEAVING_LASTS: Duration = Duration::from_secs(1);
const LEAVING_LOOKS: Duration = Duration::from_millis(250);

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

/// How long what still comes on a connection that was shut is read and dropped: closing a socket on
/// unread bytes resets it, and the peer loses the last answers.
const LINGER_LASTS: Duration = Duration::from_secs(1);

/// How often a refused connection is logged.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What one connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once.
    pub calls_max: u32,
    /// How long it may take to send its preface.
    pub start_lasts: Duration,
    /// How long it may be there without a call.
    pub idle_lasts: Duration,
}

impl Limits {
    /// How often a connection is looked at.
    fn look_every(&self) -> Duration {
        (self.start_lasts.min(self.idle_lasts) / 4).max(Duration::from_millis(20))
    }
}

/// Serves until the phase is not [`Phase::Serving`] any more, and returns when the last connection
/// is closed. `connect` makes of a connection what is read from and who answers on it.
pub async fn serve<I, S, B>(
    listener: TcpListener,
    peers: Arc<Peers>,
    limits: Limits,
    mut phase: watch::Receiver<Phase>,
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
    let builder = builder(&limits);
    // Each connection holds a sender: when none is left, all are closed.
    let (open, mut closed) = mpsc::channel::<()>(1);
    let mut refused: Option<Instant> = None;
    loop {
        let stream = tokio::select! {
            biased;
            // An error means that nobody is left who could say stop: the same as a stop.
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => break,
            stream = accept(&listener, &peers) => stream,
        };
        let Some(seat) = peers.admit() else {
            if refused.is_none_or(|refused| refused.elapsed() >= SAID_EVERY) {
                tracing::warn!(open = peers.count(), "connections are refused: all have calls");
                refused = Some(Instant::now());
            }
            continue;
        };
        // Without it every small answer waits for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let (io, service) = connect(stream, seat.peer());
        let peer = Arc::clone(seat.peer());
        let io = Watched { io, peer: Arc::clone(&peer), missing: PREFACE_BYTES, lingering: None };
        let calls = Calls { service, peer };
        let connection = builder.serve_connection(TokioIo::new(io), calls);
        let (phase, open) = (phase.clone(), open.clone());
        tokio::spawn(async move {
            converse(connection, seat, limits, phase).await;
            drop(open);
        });
    }
    drop((listener, open));
    closed.recv().await;
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
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

/// One connection, until it ends or has to.
async fn converse<I, S, B>(
    connection: hyper::server::conn::http2::Connection<
        TokioIo<Watched<I>>,
        Calls<S>,
        TokioExecutor,
    >,
    seat: Seat,
    limits: Limits,
    mut phase: watch::Receiver<Phase>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + Sync + 'static,
    S::Future: Unpin + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(connection);
    let mut looks = looks_every(limits.look_every());
    let mut told_to_go: Option<Instant> = None;
    let mut known = Phase::Serving;
    let peer = Arc::clone(seat.peer());
    loop {
        tokio::select! {
            // The connection last: one that always has something to read must not hide the others.
            biased;
            () = peer.cut() => return,
            told = phase.wait_for(|phase| *phase > known) => {
                // An error means that nobody is left who could say more.
                known = told.map_or(Phase::Over, |phase| *phase);
                if known == Phase::Over || peer.unknown_for().is_some() {
                    return;
                }
                told_to_go.get_or_insert_with(Instant::now);
                looks = looks_every(LEAVING_LOOKS);
                connection.as_mut().graceful_shutdown();
            }
            _ = looks.tick() => {
                if peer.unknown_for().is_some_and(|age| age >= limits.start_lasts)
                    || peer.stalled_for().is_some_and(|age| age >= STALL_LASTS)
                {
                    return;
                }
                let Some(idle) = peer.idle_for() else { continue };
                match told_to_go {
                    // One that had a call since then closes when its last answer was sent.
                    Some(told) if told.elapsed() >= LEAVING_LASTS && idle >= told.elapsed() => return,
                    Some(_) => {}
                    None if idle >= limits.idle_lasts => {
                        told_to_go = Some(Instant::now());
                        looks = looks_every(LEAVING_LOOKS);
                        connection.as_mut().graceful_shutdown();
                    }
                    None => {}
                }
            }
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
        }
    }
}

fn looks_every(pause: Duration) -> Interval {
    let mut looks = interval(pause);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// A connection whose peer is watched: whether its preface came, and whether it reads.
struct Watched<I> {
    io: I,
    peer: Arc<Peer>,
    /// Bytes of the preface that did not come yet.
    missing: usize,
    /// Set once the connection is shut: how long what still comes is read.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if self.missing > 0 {
            self.missing = self.missing.saturating_sub(buffer.filled().len() - before);
            if self.missing == 0 {
                self.peer.introduced();
            }
        }
        read
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.peer.took(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.peer.took(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, lingering, .. } = &mut *self;
        if lingering.is_none() {
            ready!(Pin::new(&mut *io).poll_shutdown(context))?;
        }
        let lingering = lingering.get_or_insert_with(|| Box::pin(sleep(LINGER_LASTS)));
        if lingering.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut dropped = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut dropped);
            match Pin::new(&mut *io).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                // The peer has closed its side, too.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// A service whose calls are counted as under way until their answer was handed over or dropped.
struct Calls<S> {
    service: S,
    peer: Arc<Peer>,
}

impl<S, B> Service<Request<Incoming>> for Calls<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = Response<Guarded<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Answering { guard: Some(self.peer.call()), answer: self.service.call(request) }
    }
}

/// A call that is not answered yet.
struct Answering<F> {
    answer: F,
    guard: Option<CallGuard>,
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = Result<Response<Guarded<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context))?;
        let guard = self.guard.take();
        Poll::Ready(Ok(answer.map(|body| Guarded { body, _guard: guard })))
    }
}

/// The body of an answer: its call is under way as long as it lives.
struct Guarded<B> {
    body: B,
    _guard: Option<CallGuard>,
}

impl<B: Body + Unpin> Body for Guarded<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
