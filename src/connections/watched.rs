//! The socket of a connection, watched: whether the peer has introduced itself, and whether it reads.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::peers::Peer;

/// How long what still comes on a connection that was shut is read and dropped: closing a socket on
/// unread bytes resets it, and the peer loses the last answers.
const LINGER_LASTS: Duration = Duration::from_secs(1);

/// A connection whose peer is watched: whether its preface came, and whether it reads.
pub(super) struct Watched<I> {
    io: I,
    peer: Arc<Peer>,
    /// Bytes of the preface that did not come yet.
    missing: usize,
    /// Set once the connection is shut: how long what still comes is read.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<I> Watched<I> {
    /// The peer is known once `missing` bytes came.
    pub(super) fn new(io: I, peer: Arc<Peer>, missing: usize) -> Self {
        Self { io, peer, missing, lingering: None }
    }
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
        // Through TLS, what was written may still wait for the peer.
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.peer.took(flushed.is_ready());
        flushed
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
