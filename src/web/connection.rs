//! Connections that cannot be a burden: few at once, short, and with little to say.
//!
//! A question is a line and some headers, and its answer is there at once. Whoever sends more, or
//! takes longer, is cut off, so that nobody can hold all places or fill the memory.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// How a request with beacons begins.
const BEACONS: &[u8] = b"POST /traffic ";

/// What connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait until one is closed.
    pub connections_max: usize,
    /// How long a connection may last, from being accepted to the end of its answer.
    pub connection_lasts: Duration,
    /// Bytes that may come in on a connection: a request has no body.
    pub request_bytes_max: usize,
    /// Bytes of a body of beacons, which may come in on top of that.
    pub beacons_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 64,
            connection_lasts: Duration::from_secs(10),
            request_bytes_max: 16 * 1024,
            // As much as a browser sends when a page is left.
            beacons_bytes_max: 64 * 1024,
        }
    }
}

/// A listener that accepts a bounded number of bounded connections.
pub(super) struct Bounded {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Semaphore>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, limits: Limits) -> Self {
        Self { listener, limits, places: Arc::new(Semaphore::new(limits.connections_max)) }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = match Arc::clone(&self.places).acquire_owned().await {
            Ok(place) => place,
            // Nobody closes it; if somebody did, nobody could be let in any more.
            Err(_closed) => std::future::pending().await,
        };
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let end = Box::pin(sleep(self.limits.connection_lasts));
        let Limits { request_bytes_max: bytes_left, beacons_bytes_max: beacons, .. } = self.limits;
        (Connection { stream, end, bytes_left, beacons, begun: Vec::new(), _place: place }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. Dropped, it gives its place to another.
pub(super) struct Connection {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    bytes_left: usize,
    /// What a request may have on top if it begins like one with beacons.
    beacons: usize,
    /// The beginning of the request, as far as it tells what it is.
    begun: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// An error once its time is over. Asked before every step that may have to wait.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Connection {
    /// Lets a request with beacons have a body.
    fn look_at(&mut self, came: &[u8]) {
        if self.begun.len() < BEACONS.len() {
            let missing = BEACONS.len() - self.begun.len();
            self.begun.extend(came.iter().take(missing));
            if self.begun == BEACONS {
                self.bytes_left = self.bytes_left.saturating_add(self.beacons);
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        self.look_at(&buffer.filled()[before..]);
        match self.bytes_left.checked_sub(came) {
            Some(left) => {
                self.bytes_left = left;
                read
            }
            None => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too long a request")))
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
