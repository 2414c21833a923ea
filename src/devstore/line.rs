//! A client's TCP connection that can be closed at any moment.
//!
//! Injected faults need it, and so does a node that is to disappear at once. A closed connection
//! gets no more answers; its requests may still take effect.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How long an answer may take to leave before its connection is cut.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// The switch of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    cut: AtomicBool,
    /// Nothing is read and nothing is written, and nobody is told.
    frozen: AtomicBool,
    waker: AtomicWaker,
}

impl Line {
    /// Cuts the connection now.
    pub(super) fn cut(&self) {
        self.0.cut();
    }

    /// Closes the connection after its answers were sent, which is not visible from here.
    pub(super) fn cut_after_answer(&self) {
        let line = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            line.cut();
        });
    }
}

impl Switch {
    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Release);
        self.waker.wake();
    }
}

/// The connections of one node.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    switches: Vec<Weak<Switch>>,
    /// New ones are frozen like the others.
    frozen: bool,
}

impl Lines {
    /// Cuts all of them now.
    pub(super) fn cut_all(&self) {
        self.known().switches.drain(..).filter_map(|it| it.upgrade()).for_each(|it| it.cut());
    }

    /// Freezes all of them and those that come, or lets them go on.
    pub(super) fn freeze_all(&self, frozen: bool) {
        let mut known = self.known();
        known.frozen = frozen;
        known.switches.iter().filter_map(Weak::upgrade).for_each(|it| it.freeze(frozen));
    }

    /// Whether they are frozen.
    pub(super) fn are_frozen(&self) -> bool {
        self.known().frozen
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &Line) {
        let mut known = self.known();
        known.switches.retain(|switch| switch.strong_count() > 0);
        line.0.freeze(known.frozen);
        known.switches.push(Arc::downgrade(&line.0));
    }

    /// A connection that can be cut from now on.
    pub(super) fn take(&self, stream: TcpStream) -> Socket {
        let line = Line::default();
        self.add(&line);
        Socket { stream, line }
    }
}

/// The connection itself.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    line: Line,
}

impl Socket {
    /// The switch of the connection.
    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Fails once the connection is closed, is not ready while it is frozen, and wakes the waiting
    /// task when that changes.
    fn check(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.line.0.waker.register(context.waker());
        if self.line.0.cut.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        match self.line.0.frozen.load(Ordering::Acquire) {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.check(context))?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.check(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.check(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.check(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
