//! Connections of the web listener: a bounded number, short, and with little to say.
//!
//! A request is a line and some headers, and is answered at once. A connection that sends more, or
//! takes longer, is closed. At the limit a new connection replaces the oldest one without a
//! complete request, or else the oldest, so that `/healthz` and `/metrics` are answered whatever
//! else connects.

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
    net::TcpListener,
    time::{Instant, Sleep, sleep},
};

use crate::connections::{Peers, Seat, Secured, Security, accept};

/// How a request with beacons begins.
const BEACONS: &[u8] = b"POST /traffic ";

/// How the head of a request ends.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; another one gets the place of the oldest.
    pub connections_max: usize,
    /// Requests with beacons that are read or answered at a time.
    pub beacons_at_once: usize,
    /// How long a connection may take to send the head of its request.
    pub head_lasts: Duration,
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
            connections_max: 512,
            beacons_at_once: 48,
            head_lasts: Duration::from_secs(3),
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
    security: Security,
    limits: Limits,
    peers: Arc<Peers>,
}

impl Bounded {
    pub(super) fn new((listener, security): (TcpListener, Security), limits: Limits) -> Self {
        Self { listener, security, limits, peers: Peers::new(limits.connections_max) }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let stream = accept(&self.listener, &self.peers).await;
            // An error means that it has gone already. Nothing here is a call, so there is a place.
            if let (Ok(from), Some(seat)) = (stream.peer_addr(), self.peers.admit()) {
                let stream = self.security.secured(stream);
                return (Connection::new(stream, self.limits, seat), from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. On drop it releases its permit.
pub(super) struct Connection {
    stream: Secured,
    /// When its whole request must have come, and then when it must be answered.
    end: Pin<Box<Sleep>>,
    opened: Instant,
    limits: Limits,
    bytes_left: usize,
    /// The beginning of the request, as far as it tells what it is.
    begun: Vec<u8>,
    /// Bytes of the end of the head that came last.
    ending: usize,
    seat: Seat,
}

impl Connection {
    fn new(stream: Secured, limits: Limits, seat: Seat) -> Self {
        let lasts = limits.head_lasts.min(limits.connection_lasts);
        Self {
            stream,
            end: Box::pin(sleep(lasts)),
            opened: Instant::now(),
            limits,
            bytes_left: limits.request_bytes_max,
            begun: Vec::new(),
            ending: 0,
            seat,
        }
    }

    /// An error once its time is over or its place was given away. Asked before every step that may
    /// have to wait.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.seat.peer().poll_cut(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match self.end.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Follows the head of the request to its end.
    fn follow_head(&mut self, came: &[u8]) {
        for byte in came {
            if self.ending == HEAD_END.len() {
                break;
            }
            self.ending = match *byte {
                byte if byte == HEAD_END[self.ending] => self.ending + 1,
                b'\r' => 1,
                _ => 0,
            };
        }
        if self.ending == HEAD_END.len() && self.seat.peer().unknown_for().is_some() {
            self.seat.peer().introduced();
            self.end.as_mut().reset(self.opened + self.limits.connection_lasts);
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
                self.bytes_left = self.bytes_left.saturating_add(self.limits.beacons_bytes_max);
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
        self.follow_head(&buffer.filled()[before..]);
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
