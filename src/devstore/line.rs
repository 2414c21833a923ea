//! A client's TCP connection that can be cut at any moment.
//!
//! Faults need it, and so does a node that is to be gone at once. A connection that is cut answers
//! nothing any more; what it had asked for may still happen.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream, task::AtomicWaker};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tonic::transport::server::Connected;

/// How long an answer may take to leave before its connection is cut.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// How long to wait when no connection can be taken, for example because there are too many.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The switch of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Line(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl Line {
    /// Cuts the connection now.
    pub(super) fn cut(&self) {
        self.0.cut();
    }

    /// Cuts the connection when what was answered has left, which nobody can see from here.
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
}

/// The connections of one node.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Vec<Weak<Switch>>>);

impl Lines {
    /// Cuts all of them now.
    pub(super) fn cut_all(&self) {
        for switch in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(switch) = switch.upgrade() {
                switch.cut();
            }
        }
    }

    fn add(&self, line: &Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|switch| switch.strong_count() > 0);
        lines.push(Arc::downgrade(&line.0));
    }

    /// Takes connections for ever.
    pub(super) fn accept(
        self: Arc<Self>,
        listener: TcpListener,
    ) -> impl Stream<Item = io::Result<Socket>> {
        stream::unfold((self, listener), |(lines, listener)| async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _peer)) => {
                        // Without it every small answer waits for an acknowledgement.
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
                        }
                        let line = Line::default();
                        lines.add(&line);
                        return Some((Ok(Socket { stream, line }), (lines, listener)));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        })
    }
}

/// The connection itself.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    line: Line,
}

impl Socket {
    /// Fails once the connection is cut, and sees to it that whoever waits here learns of it.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.line.0.waker.register(context.waker());
        if self.line.0.cut.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Connected for Socket {
    type ConnectInfo = Line;

    fn connect_info(&self) -> Line {
        self.line.clone()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
