//! Connections to the board: bounded in number, in request size and in unread output.
//!
//! A request has some seconds. A client that follows a sale may stay as long as it reads: one frame
//! is sent at a time, so a page gets the newest frame and never a backlog, and a page that has not
//! read its frame after some seconds is disconnected.

use std::{
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, Sleep, sleep, timeout},
};

use crate::{
    clock::SharedClock,
    connections::{CallGuard, Peers, Seat, Secured, Security, accept},
    metrics::{LeftBoard, Metrics},
};

/// What connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoardLimits {
    /// Pages that may follow a sale at once.
    pub clients_max: usize,
    /// Connections beyond those: for pages that are loaded and for steering.
    pub others_max: usize,
    /// How long a question may take, from the connection or the answer before to its answer.
    pub question_lasts: Duration,
    /// How long a page waits for its turn at what takes long to write, and then for what is written:
    /// both together are less than a question may take.
    pub writing_lasts: Duration,
    /// How long the sending of a frame may take.
    pub frame_lasts: Duration,
    /// Bytes that may come in with one question.
    pub request_bytes_max: usize,
    /// Bytes that the system may hold for one connection before they are taken.
    pub held_bytes: usize,
}

impl BoardLimits {
    /// The usual limits for so many pages.
    pub fn for_clients(clients_max: usize) -> Self {
        Self {
            clients_max,
            others_max: 256,
            question_lasts: Duration::from_secs(10),
            writing_lasts: Duration::from_secs(4),
            frame_lasts: Duration::from_secs(5),
            request_bytes_max: 64 * 1024,
            held_bytes: 64 * 1024,
        }
    }
}

/// Clients beyond the limit that are answered at once; further ones are closed without an answer.
const FAREWELLS_MAX: usize = 64;

/// The answer to them. Without `Host` and path it cannot be misused.
const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 5\r\nconnection: close\r\ncontent-length: 54\r\n\r\n\
    {\"error\":\"too many clients of the board: come later\"}\n";

/// Accepts connections.
pub(super) struct Door {
    listener: TcpListener,
    security: Security,
    limits: BoardLimits,
    peers: Arc<Peers>,
    farewells: Arc<Semaphore>,
    leavers: Arc<Leavers>,
}

/// Counts refused and disconnected clients, and logs them at most once a second.
pub(super) struct Leavers {
    metrics: Arc<Metrics>,
    clock: SharedClock,
    said_in_second: AtomicI64,
    unsaid: AtomicU64,
}

impl Leavers {
    pub(super) fn new(metrics: Arc<Metrics>, clock: SharedClock) -> Arc<Self> {
        let (said_in_second, unsaid) = (AtomicI64::new(i64::MIN), AtomicU64::new(0));
        Arc::new(Self { metrics, clock, said_in_second, unsaid })
    }

    pub(super) fn left(&self, why: LeftBoard) {
        self.metrics.board().dropped(why);
        let clients = self.unsaid.fetch_add(1, Ordering::Relaxed) + 1;
        let second = self.clock.now().second();
        if self.said_in_second.swap(second, Ordering::Relaxed) != second {
            self.unsaid.fetch_sub(clients, Ordering::Relaxed);
            let why = crate::metrics::Label::name(why);
            tracing::warn!(clients, why, "the board refused or disconnected clients");
        }
    }
}

impl Door {
    pub(super) fn new(
        (listener, security): (TcpListener, Security),
        limits: BoardLimits,
        leavers: Arc<Leavers>,
    ) -> Self {
        let places = limits.clients_max.saturating_add(limits.others_max);
        Self {
            listener,
            security,
            limits,
            peers: Peers::new(places),
            farewells: Arc::new(Semaphore::new(FAREWELLS_MAX)),
            leavers,
        }
    }

    /// Answers a client beyond the limit.
    fn turn_away(&self, stream: TcpStream) {
        self.leavers.left(LeftBoard::TooMany);
        let Ok(farewell) = Arc::clone(&self.farewells).try_acquire_owned() else { return };
        let mut stream = self.security.secured(stream);
        tokio::spawn(async move {
            let said = async {
                // The request is read first: a close with unread bytes resets the connection and the
                // answer is lost.
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(FULL.as_bytes()).await;
                let _ = stream.shutdown().await;
            };
            let _ = timeout(Duration::from_secs(1), said).await;
            drop(farewell);
        });
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let stream = accept(&self.listener, &self.peers).await;
            // An error means that it has gone already.
            let Ok(from) = stream.peer_addr() else { continue };
            match self.peers.admit() {
                Some(seat) => {
                    // Where this is refused the system's own limits hold.
                    let _ = set_socket_send_buffer_size(&stream, self.limits.held_bytes);
                    let _ = stream.set_nodelay(true);
                    let stream = self.security.secured(stream);
                    return (Line::new(stream, self.limits, &self.leavers, seat), from);
                }
                None => self.turn_away(stream),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The shared state of a connection and its answering task.
#[derive(Debug, Clone, Default)]
pub(super) struct LineState(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// A question came: the next has its full time again.
    asked: AtomicBool,
    /// The client follows a sale, and may stay.
    follows: AtomicBool,
    /// A part of what was written is not taken yet.
    busy: AtomicBool,
}

impl LineState {
    /// A question came.
    pub(super) fn asked(&self) {
        self.0.asked.store(true, Ordering::Relaxed);
    }

    /// It follows a sale from now on, or does not any more.
    pub(super) fn follow(&self, follows: bool) {
        self.0.follows.store(follows, Ordering::Relaxed);
        self.0.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the last write is still being sent. The connection wakes its writer when it is done.
    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Relaxed)
    }
}

impl Connected<IncomingStream<'_, Door>> for LineState {
    fn connect_info(incoming: IncomingStream<'_, Door>) -> Self {
        incoming.io().state.clone()
    }
}

/// One connection. On drop it releases its permit.
pub(super) struct Line {
    stream: Secured,
    limits: BoardLimits,
    state: LineState,
    /// When its question must be answered.
    end: Pin<Box<Sleep>>,
    /// When what is on its way must have been taken; absent while nothing is.
    taken_by: Option<Pin<Box<Sleep>>>,
    bytes_left: usize,
    leavers: Arc<Leavers>,
    seat: Seat,
    /// Held while the client follows a sale: its place is not given away.
    following: Option<CallGuard>,
}

impl Line {
    fn new(stream: Secured, limits: BoardLimits, leavers: &Arc<Leavers>, seat: Seat) -> Self {
        Self {
            stream,
            limits,
            state: LineState::default(),
            end: Box::pin(sleep(limits.question_lasts)),
            taken_by: None,
            bytes_left: limits.request_bytes_max,
            leavers: Arc::clone(leavers),
            seat,
            following: None,
        }
    }

    /// An error once its time is over. Asked before every step that may have to wait.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.seat.peer().poll_cut(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Shared { asked, follows, .. } = &*self.state.0;
        if asked.swap(false, Ordering::Relaxed) {
            self.seat.peer().introduced();
            self.seat.peer().asked();
            let follows = follows.load(Ordering::Relaxed);
            self.following = follows.then(|| self.seat.peer().call());
            self.bytes_left = self.limits.request_bytes_max;
            self.end.as_mut().reset(Instant::now() + self.limits.question_lasts);
        }
        if let Some(taken_by) = &mut self.taken_by
            && taken_by.as_mut().poll(context).is_ready()
        {
            self.taken_by = None;
            self.leavers.left(LeftBoard::Slow);
            return Err(io::ErrorKind::TimedOut.into());
        }
        if !follows.load(Ordering::Relaxed) && self.end.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Notes whether what was written is on its way.
    fn wrote<T>(&mut self, written: Poll<T>, context: &mut Context<'_>) -> Poll<T> {
        if written.is_pending() && self.taken_by.is_none() {
            self.state.0.busy.store(true, Ordering::Relaxed);
            let mut taken_by = Box::pin(sleep(self.limits.frame_lasts));
            // Asked once, so that it wakes this connection.
            let _ = taken_by.as_mut().poll(context);
            self.taken_by = Some(taken_by);
        }
        written
    }

    /// Everything was taken.
    fn is_free(&mut self, context: &mut Context<'_>) {
        self.taken_by = None;
        if self.state.0.busy.swap(false, Ordering::Relaxed) {
            context.waker().wake_by_ref();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let came = buffer.filled().len() - before;
        match self.bytes_left.checked_sub(came) {
            Some(left) => {
                self.bytes_left = left;
                Poll::Ready(Ok(()))
            }
            None => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too long a request")))
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Ready when everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        // Through TLS, what was written may still wait for the client.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.wrote(flushed, context))?;
        self.is_free(context);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
